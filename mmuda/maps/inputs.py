"""Finds the rasters that a prediction is asked for, and names its outputs."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mmuda.datasets.raster.reading import files_of, open_raster
from mmuda.maps.options import MapOptions, outputs_of
from mmuda.maps.polygons.writing import need_vector
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import check_outputs
from mmuda.utils.output_names import stems_below

# Suffixes accepted in a folder; GDAL reads more, but not everything that it opens is imagery.
SUFFIXES = ('.tif', '.tiff', '.vrt', '.png', '.jpg', '.jpeg', '.jp2', '.j2k', '.img', '.bil', '.bmp', '.webp', '.ecw')
MAX_LISTED = 5


def check_maps(outputs: Mapping[str, Path], options: MapOptions) -> None:
    """Refuse outputs that are inputs, or that two rasters share.

    Args:
        outputs: Raster -> its map.
        options: They tell what else is written.

    Raises:
        UserError: As above.
    """
    if options.polygons is not None:
        need_vector(f'the .{options.polygons} file')
    bare = [path for path in outputs if not open_raster(path).crs] if options.polygons == 'geojson' else []
    if bare:
        raise UserError(
            f'{bare[0]} has no coordinate reference system, but GeoJSON is in longitude and latitude; add it to the '
            'raster, or write polygons as gpkg'
        )
    written = dict(outputs)
    for path, out in outputs.items():
        more = outputs_of(out, options).items()
        written |= {f'{path} ({kind})': file for kind, file in more if file != out}
    check_outputs(written, [file for path in outputs for file in files_of(path)])


def find_rasters(
    inputs: Sequence[str | os.PathLike], out_dir: str | os.PathLike, report: Callable[[str], None] = print
) -> dict[str, Path]:
    """Resolve the inputs to rasters and the output file of each.

    Args:
        inputs: As :func:`predict_rasters`.
        out_dir: As :func:`predict_rasters`.
        report: Called with lines on files in folders that are skipped.

    Returns:
        {raster: output file}, in order, each raster once.

    Raises:
        FileNotFoundError: If a raster is not there.
        UserError: If a folder or a pattern has no raster, or ``out_dir`` is one of the input folders.
    """
    roots: dict[str, str | None] = {}
    seen: set[tuple[str, str]] = set()
    for given in map(os.fspath, inputs):
        for path, root in _expand(given, os.fspath(out_dir), report):
            # One file under two names (links) becomes two maps.
            key = (os.path.realpath(path), Path(path).stem)
            if key not in seen:
                seen.add(key)
                roots[path] = root
    return {path: Path(out_dir) / f'{stem}.tif' for path, stem in stems_below(roots).items()}


def _expand(given: str, out_dir: str, report: Callable[[str], None]) -> list[tuple[str, str | None]]:
    if os.path.isdir(given):
        if os.path.realpath(given) == os.path.realpath(out_dir):
            raise UserError(f'the folder {given} is to be predicted and is the output folder too; give another --out')
        return [(path, given) for path in _of_folder(given, list(_walk(given, out_dir)), report)]
    if os.path.exists(given):
        return [(given, None)]
    if not glob.has_magic(given):
        raise FileNotFoundError(f'the raster {given} was not found; check the path')
    root = _fixed_part(given)
    found = sorted(path for path in glob.glob(given, recursive=True) if os.path.isfile(path))
    return [(path, root) for path in _of_folder(given, found, report)]


def _of_folder(given: str, files: list[str], report: Callable[[str], None]) -> list[str]:
    rasters = [path for path in files if path.lower().endswith(SUFFIXES)]
    others = [path for path in files if path not in set(rasters)]
    if not rasters:
        raise UserError(
            f'{given} holds no rasters ({len(files)} other files); rasters are files that end with '
            f'{" ".join(SUFFIXES)}, others can be named one by one'
        )
    if others:
        more = f' and {len(others) - MAX_LISTED} more' if len(others) > MAX_LISTED else ''
        names = ', '.join(os.path.basename(path) for path in others[:MAX_LISTED])
        report(f'{given}: {len(rasters)} rasters; no rasters by their names: {names}{more}')
    return rasters


def _walk(folder: str, out_dir: str) -> Iterator[str]:
    """Files below a folder, following links, without hidden files and the contents of ``out_dir``."""
    visited = {os.path.realpath(out_dir)}
    for parent, folders, names in os.walk(folder, followlinks=True):
        visited.add(os.path.realpath(parent))
        kept = sorted(name for name in folders if not name.startswith('.'))
        folders[:] = [name for name in kept if os.path.realpath(os.path.join(parent, name)) not in visited]
        yield from (os.path.join(parent, name) for name in sorted(names) if not name.startswith('.'))


def _fixed_part(pattern: str) -> str:
    """The folder above the first part of a path that is a pattern."""
    parts = Path(pattern).parts
    magic = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return str(Path(*parts[:magic])) if magic else '.'
