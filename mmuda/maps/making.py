"""Makes the map of a raster by any network that predicts windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from mmuda.datasets.raster.checked_writing import CheckedWriter
from mmuda.datasets.raster.info import RasterInfo
from mmuda.maps.blending import classes_of, probabilities_of
from mmuda.maps.cog import cog_like
from mmuda.maps.options import CONFIDENCE, MAP, POLYGONS, PROBABILITIES, MapOptions
from mmuda.maps.parts import Parts
from mmuda.maps.strips import Network, predict_strips
from mmuda.maps.windows import Plan
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.errors import UserError
from mmuda.utils.locks import sole_writer
from mmuda.utils.palettes import colour_table, default_palette
from mmuda.utils.progress import Progress

MEMORY = 512 << 20
"""Bytes of logits that are held at a time."""
PERCENT, NO_PERCENT = 0.01, 255


@dataclass(frozen=True)
class Legend:
    """What the classes of a map are.

    Attributes:
        channels: Number of the network's outputs; 1 stands for two classes.
        names: Names of the classes; () if unknown.
        palette: RGB colours by class; () takes some.
        threshold: Of the only output, in [0, 1].
    """

    channels: int
    names: Sequence[str] = ()
    palette: Sequence[Sequence[int]] = ()
    threshold: float = 0.5

    @property
    def classes(self) -> int:
        """Number of classes."""
        return max(2, self.channels)


@dataclass(frozen=True)
class Processes:
    """Several processes that share the work.

    Attributes:
        rank: Number of this one.
        number: Number of all.
        wait: Returns when all have called it.
    """

    rank: int = 0
    number: int = 1
    wait: Callable[[], None] = lambda: None


def make_map(
    network: Network,
    info: RasterInfo,
    windows: tuple[int, int, int],
    options: MapOptions,
    legend: Legend,
    out: Mapping[str, Path],
    identity: Mapping,
    batch: int,
    report: Callable[[str], None] | None = None,
    processes: Processes | None = None,
    exact: bool = False,
) -> Path:
    """Predict a raster, strip by strip, and write its maps.

    Args:
        network: Reads and predicts windows.
        info: The raster.
        windows: Side of the windows, pixels that neighbours share, and those of a border that are not used.
        options: What to write.
        legend: What the classes are.
        out: The files by kind, see :func:`mmuda.maps.options.outputs_of`.
        identity: All that decides the values besides windows and options, as JSON can write it; the strips of an
            interrupted job are taken only if it is the same.
        batch: Windows that are predicted at a time.
        report: Called with a line from time to time.
        processes: Those that share the work; None is this one alone.
        exact: No window is smaller than the first of ``windows``, unless the raster is.

    Returns:
        The map.

    Raises:
        UserError: A file cannot be written, or another job is making this map.
    """
    processes = processes or Processes()
    path = out[MAP]
    with ExitStack() as stack:
        if processes.rank == 0:
            lock = path.with_name(f'.{path.name}.job.lock')
            stack.enter_context(sole_writer(path, 'being predicted', lock))
        _make(network, info, windows, options, legend, out, identity, batch, report, processes, exact)
    return path


def _make(network, info, windows, options, legend, out, identity, batch, report, processes, exact) -> None:
    """:func:`make_map` of the process that has the lock, and of those that share its work."""
    first = processes.rank == 0
    plan = Plan(info.height, info.width, *windows, max(1, MEMORY // (4 * legend.channels * windows[0])), exact)
    parts = Parts(out[MAP], dict(identity, windows=(*windows, exact), memory=MEMORY, **_what_is_kept(options)), first)
    processes.wait()
    progress = Progress(1, f'windows of {info.path}', report if first else None, seconds=60.0, last=True)

    def told(done: int, total: int) -> None:
        progress.total = total
        progress.update(done)

    def bands_of(logits: np.ndarray, missing: np.ndarray) -> dict[str, np.ndarray]:
        return _bands(logits, missing, options, legend.threshold)

    with parts.unless_empty():
        predict_strips(plan, parts, network, bands_of, batch, (processes.rank, processes.number), told)
    processes.wait()
    if first:
        write_map(info, options, legend, plan, parts, out)
        if options.polygons is not None:
            from mmuda.maps.polygonize import polygonize_map  # needs scipy and an extra

            told = dict(confidence=out.get(CONFIDENCE), report=report or _say_nothing)
            polygonize_map(out[MAP], out[POLYGONS], **told, **asdict(options.outlines))
        parts.remove()
    processes.wait()


def _say_nothing(line: str) -> None:
    pass


def _what_is_kept(options: MapOptions) -> dict:
    names = ('views', 'confidence', 'probabilities', 'batch_size')
    return {name: getattr(options, name) for name in names}


def _bands(logits: np.ndarray, missing: np.ndarray, options: MapOptions, threshold: float) -> dict[str, np.ndarray]:
    label = classes_of(logits, threshold)
    label[missing] = IGNORE_INDEX
    bands = {MAP: label[None]}
    if not (options.confidence or options.probabilities):
        return bands
    prob = probabilities_of(logits)
    if options.confidence:
        chosen = np.take_along_axis(prob, np.where(missing, 0, label)[None].astype(np.int64), axis=0)
        bands[CONFIDENCE] = _stored(chosen, missing, options.confidence)
    if options.probabilities:
        bands[PROBABILITIES] = _stored(prob, missing, options.probabilities)
    return bands


def _stored(prob: np.ndarray, missing: np.ndarray, dtype: str) -> np.ndarray:
    """Probabilities as float32, NaN without data, or in whole percent, 255 without data."""
    if dtype == 'float32':
        return np.where(missing, np.float32(np.nan), prob).astype(np.float32)
    return np.where(missing, NO_PERCENT, np.rint(prob / PERCENT)).astype(np.uint8)


def write_map(
    info: RasterInfo, options: MapOptions, legend: Legend, plan: Plan, parts: Parts, out: Mapping[str, Path]
) -> None:
    """Put the strips together; arguments as :func:`make_map`."""
    names = tuple(legend.names)
    palette = legend.palette or default_palette(legend.classes)
    with ExitStack() as stack:

        def opened(kind: str, **settings) -> CheckedWriter:
            return stack.enter_context(cog_like(out[kind], info.path, **settings))

        files = {MAP: opened(MAP, nodata=IGNORE_INDEX, colours=colour_table(palette), categories=names)}
        for kind, bands in ((CONFIDENCE, 1), (PROBABILITIES, legend.classes)):
            dtype = getattr(options, kind)
            if not dtype:
                continue
            scale, nodata = (PERCENT, NO_PERCENT) if dtype == 'uint8' else (None, float('nan'))
            described = ('confidence',) if bands == 1 else names[:bands]
            settings = dict(count=bands, dtype=dtype, nodata=nodata, scale=scale, descriptions=described)
            files[kind] = opened(kind, **settings)
        for (left, right), row, found in _strips(plan, parts):
            top, bottom = plan.strip(row)
            for kind, file in files.items():
                file.write(found[kind], window=Window(left, top, right - left, bottom - top))


def _strips(plan: Plan, parts: Parts) -> Iterator[tuple[tuple[int, int], int, dict[str, np.ndarray]]]:
    for row in range(len(plan.rows)):
        for number, segment in enumerate(plan.segments):
            found = parts.read(number, row)
            if found is None:
                parts.path(number, row).unlink(missing_ok=True)
                raise UserError(
                    f'{parts.path(number, row)}, a finished strip of the map, is missing or damaged (processes that '
                    'share a prediction need one folder); run the same command again, which predicts it anew'
                )
            yield segment, row, found
