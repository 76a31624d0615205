"""The items of a raster: windows of a grid, or the crops that its pipeline draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.polygons import extent_in
from mmuda.utils.errors import UserError


def tile_windows(
    shape: tuple[int, int], tile: tuple[int, int], last_tile: str = 'keep'
) -> list[tuple[int, int, int, int]]:
    """Windows of a regular grid over a raster, row by row.

    Args:
        shape (tuple[int, int]): (rows, columns) of the raster in pixels.
        tile (tuple[int, int]): (height, width) of a window in pixels.
        last_tile (str): ``'keep'`` leaves the last window smaller, ``'shift'`` moves it inwards.

    Returns:
        list[tuple[int, int, int, int]]: (row, col, height, width).
    """

    def spans(total: int, size: int) -> list[tuple[int, int]]:
        if last_tile == 'keep':
            return [(start, min(size, total - start)) for start in range(0, total, size)]
        size = min(size, total)
        return [(min(start, total - size), size) for start in range(0, total, size)]

    return [(row, col, h, w) for row, h in spans(shape[0], tile[0]) for col, w in spans(shape[1], tile[1])]


def places_of(
    raster: RasterInfo,
    steps: Iterable[Callable],
    tile: tuple[int, int] | None,
    last_tile: str,
    samples_per_raster: int | None,
    part: tuple[int, int, int, int] | None = None,
    region: str | None = None,
) -> list[dict]:
    """Where each item of a raster lies.

    Args:
        raster: The raster.
        steps: The transforms of the pipeline, which may refuse the raster.
        tile: (height, width) of the windows of a grid; None lets the steps draw crops.
        last_tile: See :func:`tile_windows`.
        samples_per_raster: Number of items without a grid; None divides the area by that of a crop.
        part: Window of the raster in which all items lie; None is the whole.
        region: Vector file; items lie where its polygons are.

    Returns:
        ``window`` (row, col, height, width), None where the pipeline draws a crop from the whole raster; with a region
        and without a grid also ``around``, the part of the raster in which the crop's centre lies.

    Raises:
        UserError: A crop is larger than the raster or the window, or crops of random ground are not resampled.
    """
    steps = list(steps)
    _check_zoom(steps)
    if tile is None:
        _check_crops(raster, steps, part)
        size = crop_of(raster, steps) or (part or (0, 0, *raster.shape))[2:]
        if region is None:
            return [dict(window=part)] * (samples_per_raster or _number_of_crops(raster, part, size))
        cells = [cell for window in _cells(raster, part, size) if (cell := extent_in(region, window, raster.path))]
        number = samples_per_raster or len(cells)
        return [dict(window=part, around=cells[index % len(cells)]) for index in range(number if cells else 0)]
    windows = _cells(raster, part, tile, last_tile)
    if region is not None:
        windows = [window for window in windows if extent_in(region, window, raster.path)]
    for window in {window[2:]: window for window in windows}.values():
        _check_crops(raster, steps, window)
    return [dict(window=window) for window in windows]


def facts_of(raster: RasterInfo, image: str, label: str | None) -> dict:
    """What all items of a raster share.

    Returns:
        ``img_path``, ``gsd`` (metres per pixel), ``raster_shape`` (rows, columns); ``ground_pixel`` (height, width;
        metres) where pixels are not square on the ground; ``seg_map_path`` if there is a label.
    """
    facts = dict(img_path=image, gsd=raster.gsd, raster_shape=raster.shape)
    if not raster.square:
        facts['ground_pixel'] = raster.ground_pixel
    return facts if label is None else dict(facts, seg_map_path=label)


def _cells(
    raster: RasterInfo, part: tuple[int, int, int, int] | None, size: tuple[int, int], last: str = 'keep'
) -> list[tuple[int, int, int, int]]:
    """Windows of a grid over a part of a raster."""
    top, left, *shape = part or (0, 0, *raster.shape)
    return [(top + row, left + col, h, w) for row, col, h, w in tile_windows(shape, size, last)]


def crop_of(raster: RasterInfo, steps: Iterable[Callable]) -> tuple[int, int] | None:
    """(height, width) in pixels of the crops that the steps draw from a raster; None if they draw none."""
    drawing = [step for step in steps if hasattr(step, 'raster_size')]
    return drawing[0].raster_size(raster.gsd, raster.ground_pixel) if drawing else None


def grid_follows(steps: Iterable[Callable]) -> bool:
    """Whether the step right after loading a window resamples it to square pixels itself.

    Then one resampling is enough, and the window is passed on with the raster's own pixels. Any other step gets square
    pixels, so that quarter turns and crops in pixels are true on the ground.

    Args:
        steps: The transforms of a pipeline, or those after its loader.
    """
    behind = [step for step in steps if not getattr(step, 'reads_raster', False)]
    return bool(behind) and getattr(behind[0], 'sets_grid', False)


def _check_crops(raster: RasterInfo, steps: list[Callable], window: tuple[int, int, int, int] | None) -> None:
    item = dict(
        img_path=raster.path,
        gsd=raster.gsd,
        ground_pixel=raster.ground_pixel,
        raster_shape=raster.shape,
        window=window,
    )
    for step in steps:
        if hasattr(step, 'check_raster'):
            step.check_raster(dict(item))


def _check_zoom(steps: list[Callable]) -> None:
    for place, step in enumerate(steps):
        if getattr(step, 'zoom', None) is None:
            continue
        behind = [one for one in steps[place + 1 :] if not getattr(one, 'reads_raster', False)]
        if not behind or not getattr(behind[0], 'sets_grid', False) or not getattr(behind[0], 'label', True):
            raise UserError(
                f'{type(step).__name__}(zoom={step.zoom}) draws crops of many sizes, which nothing brings to one size; '
                "put dict(type='ResampleToGSD', ratio=1, label=True), or gsd=<metres per pixel> for ratio, next (after "
                'LoadRasterWindow).'
            )


def _number_of_crops(raster: RasterInfo, part: tuple[int, int, int, int] | None, size: tuple[int, int]) -> int:
    rows, columns = raster.shape if part is None else part[2:]
    return max(1, round(rows * columns / (size[0] * size[1])))
