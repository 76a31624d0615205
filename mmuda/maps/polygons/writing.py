"""Vector files that grow batch by batch and appear whole or not at all."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np

from mmuda.utils.errors import UserError
from mmuda.utils.inputs import note_output, refuse_input
from mmuda.utils.locks import lock_of, waiting_for
from mmuda.utils.writing import check_writable, no_empty_folders, refuse_folder, telling, why_unwritten

GEOJSON = ('.geojson', '.json')
DRIVERS = {'.gpkg': 'GPKG', '.fgb': 'FlatGeobuf'}
SUFFIXES = ('.gpkg', *GEOJSON, '.fgb')
"""Suffixes of the formats that can be written."""

# What SQLite and GDAL keep beside a file while they write it.
_BESIDE = ('-journal', '-wal', '-shm')
# Decimals of a degree: a tenth of a millimetre on the ground.
_DECIMALS = 9


class VectorWriter(Protocol):
    """Writes polygons to one file.

    Attributes:
        number (int): Polygons written so far.
    """

    number: int

    def write(self, shapes: np.ndarray, fields: Mapping[str, np.ndarray]) -> None:
        """Add polygons (n,) and their attributes, each (n,)."""

    def close(self) -> None:
        """Finish the file, also where nothing was written."""

    def release(self) -> None:
        """Let go of the file, finished or not."""


@contextmanager
def new_vector(
    path: str | os.PathLike, crs: str | None, fields: Mapping[str, type], inputs: Iterable[str | os.PathLike] = ()
) -> Iterator[VectorWriter]:
    """Open a vector file; it appears when the block ends, or not at all. An older file stays until then.

    Args:
        path: The file, with a suffix of ``SUFFIXES``; its folder is created.
        crs: Coordinate reference system, of GeoPackage and FlatGeobuf; None if unknown. GeoJSON is always in WGS84.
        fields: Name and numpy type of the attributes.
        inputs: Files that must not be replaced, in addition to those that this process reads.

    Yields:
        The writer. GeoPackage and GeoJSON keep one batch in memory, FlatGeobuf all polygons.

    Raises:
        UserError: The suffix is unknown, the file is an input, it cannot be written, or pyogrio is not installed.
    """
    path = Path(path)
    check_suffix(path)
    refuse_input(path, inputs)
    pyogrio = need_vector(path)
    temporary = path.with_name(f'.{path.stem}.tmp{path.suffix}')
    with no_empty_folders(path.parent), ExitStack() as alone:
        with telling(path):
            refuse_folder(path)
            check_writable(path.parent)
            alone.enter_context(waiting_for(lock_of(path)))  # the last one wins
            _remove(temporary)
        try:
            with _telling(path, pyogrio):
                writer = _writer(pyogrio, temporary, path.stem, crs, fields)
                alone.callback(writer.release)
                yield writer
                writer.close()
                _check(pyogrio, temporary, writer.number, path)
                os.replace(temporary, path)
        finally:
            _remove(temporary)
    note_output(path)


def check_suffix(path: str | os.PathLike) -> None:
    """Refuse a file whose suffix names no format that can be written.

    Raises:
        UserError: It is none of ``SUFFIXES``.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise UserError(f'{os.fspath(path)}: polygons are written as {", ".join(SUFFIXES)}; give the file such a name')


def need_vector(path: str | os.PathLike) -> ModuleType:
    """The package pyogrio.

    Raises:
        UserError: It or shapely is not installed.
    """
    try:
        import pyogrio
        import shapely  # noqa: F401
    except ImportError as error:
        raise UserError(
            f'{os.fspath(path)} is a vector file; writing it needs the extra `vector`: python -m pip install -e '
            "'.[vector]'"
        ) from error
    return pyogrio


def _writer(pyogrio, temporary: Path, layer: str, crs: str | None, fields: Mapping[str, type]) -> VectorWriter:
    suffix = temporary.suffix.lower()
    if suffix in GEOJSON:
        return _GeoJSON(temporary, layer)
    kind = _Whole if suffix == '.fgb' else _Batches
    return kind(pyogrio, temporary, DRIVERS[suffix], layer, crs, fields)


class _Batches:
    """Appends each batch to the file, through GDAL."""

    def __init__(self, pyogrio, path: Path, driver: str, layer: str, crs: str | None, fields: Mapping[str, type]):
        self.number, self._pyogrio, self._path, self._fields = 0, pyogrio, path, fields
        self._options = dict(driver=driver, layer=layer, crs=crs, geometry_type='Polygon', fields=list(fields))

    def write(self, shapes: np.ndarray, fields: Mapping[str, np.ndarray]) -> None:
        import shapely

        self._append(shapely.to_wkb(shapes), [fields[name] for name in self._fields], len(shapes))

    def close(self) -> None:
        if not self._path.exists():
            empty = [np.empty(0, dtype=kind) for kind in self._fields.values()]
            self._append(np.empty(0, dtype=object), empty, 0)

    def release(self) -> None:
        """GDAL has closed the file after each batch."""

    def _append(self, geometry: np.ndarray, columns: list[np.ndarray], number: int) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', "'crs' was not provided")
            self._pyogrio.raw.write(self._path, geometry, columns, append=self._path.exists(), **self._options)
        self.number += number


class _Whole(_Batches):
    """Keeps all batches and writes them at the end, for formats to which nothing can be appended."""

    def __init__(self, *args):
        super().__init__(*args)
        self._kept: list[tuple[np.ndarray, list[np.ndarray]]] = []

    def _append(self, geometry: np.ndarray, columns: list[np.ndarray], number: int) -> None:
        self._kept.append((geometry, columns))

    def close(self) -> None:
        if not self._kept:
            super().close()
        geometry = np.concatenate([batch for batch, _ in self._kept])
        columns = [np.concatenate(parts) for parts in zip(*(columns for _, columns in self._kept), strict=True)]
        super()._append(geometry, columns, len(geometry))


class _GeoJSON:
    """Writes text as it comes: RFC 7946, in degrees, outer rings counterclockwise."""

    def __init__(self, path: Path, layer: str):
        self.number = 0
        self._file = path.open('w', encoding='utf-8')
        self._file.write(f'{{"type": "FeatureCollection", "name": {json.dumps(layer)}, "features": [')

    def write(self, shapes: np.ndarray, fields: Mapping[str, np.ndarray]) -> None:
        import shapely

        rounded = shapely.transform(shapes, _rounded)
        turned = shapely.reverse(shapely.normalize(rounded))  # the normal form has its outer ring clockwise
        columns = [[_plain(value) for value in fields[name].tolist()] for name in fields]
        for geometry, *values in zip(shapely.to_geojson(turned).tolist(), *columns, strict=True):
            properties = json.dumps(dict(zip(fields, values, strict=True)), ensure_ascii=False)
            comma = ',' if self.number else ''
            self._file.write(f'{comma}\n{{"type": "Feature", "properties": {properties}, "geometry": {geometry}}}')
            self.number += 1

    def close(self) -> None:
        self._file.write('\n]}\n')
        self._file.close()

    def release(self) -> None:
        with suppress(OSError):  # of a full disk, which writing has told already
            self._file.close()


def _rounded(points: np.ndarray) -> np.ndarray:
    return np.round(points, _DECIMALS)


def _plain(value: object) -> object:
    """A value for JSON, which has no NaN."""
    return None if value != value else value


@contextmanager
def _telling(path: Path, pyogrio) -> Iterator[None]:
    """Turn what GDAL raises into a sentence that names the file."""
    errors = pyogrio.errors
    try:
        with telling(path):
            yield
    except errors.CRSError as error:
        raise UserError(f'{path} cannot be written: its reference system is not understood ({error})') from error
    except (errors.DataSourceError, errors.DataLayerError, errors.FeatureError, errors.GeometryError) as error:
        raise _unwritten(path, ' '.join(str(error).split())) from error


def _check(pyogrio, temporary: Path, number: int, path: Path) -> None:
    """Bring the file to the disk and count what it holds."""
    with temporary.open('rb') as file:
        os.fsync(file.fileno())
    found = pyogrio.read_info(temporary, force_feature_count=True)['features']
    if found != number:
        raise _unwritten(path, f'it holds {found} of {number} polygons')


def _unwritten(path: Path, detail: str) -> UserError:
    reason = why_unwritten(path.parent) or f'{detail}; choose another folder'
    return UserError(f'{path} cannot be written: {reason}')


def _remove(temporary: Path) -> None:
    for suffix in ('', *_BESIDE):
        Path(f'{temporary}{suffix}').unlink(missing_ok=True)
