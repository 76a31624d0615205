"""Finds the cell of a coarse label raster under each pixel of an image, by the georeferences of both."""

from __future__ import annotations

import numpy as np
from rasterio.warp import Resampling, reproject, transform_bounds
from rasterio.warp import transform as transform_coordinates
from rasterio.windows import Window
from rasterio.windows import transform as transform_of

from mmuda.datasets.raster.geometry import COORDINATE_ERRORS, apply_transform, control_of, extent_of
from mmuda.datasets.raster.reading import open_raster, read_window
from mmuda.datasets.raster.valid import image_bands, valid_pixels
from mmuda.utils.errors import UserError

NO_CELL = -1
# Number of points on each edge of a window that are projected to find the cells under it, and a margin in cells for
# curved edges.
EDGE_POINTS = 21
MARGIN = 2


def cells_below(
    image, coarse, window: tuple[int, int, int, int]
) -> tuple[np.ndarray, tuple[int, int, int, int] | None]:
    """The coarse cell under each pixel's centre.

    Args:
        image (rasterio.DatasetReader): The image.
        coarse (rasterio.DatasetReader): The coarse label, of any resolution, offset, rotation and projection.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the image.

    Returns:
        tuple[np.ndarray, tuple[int, int, int, int] | None]: Index of each pixel's cell, (height, width) int32, counted
        row by row over the part of the coarse raster that the window touches, -1 outside the raster; and that part,
        (row, col, height, width) in cells, None if the window touches no cell.

    Raises:
        UserError: If either raster has no georeference, or one cannot be projected into the system of the other.
    """
    _check_projected(image, coarse)
    top, left, height, width = window
    found = np.zeros((height, width), dtype=np.int32)
    around = _part_around(image, coarse, window)
    if around is None:
        return found + NO_CELL, None
    # Count from 1: GDAL leaves 0 where there is no cell, which is faster than a "no data" value.
    numbers = np.arange(1, around.height * around.width + 1, dtype=np.int32).reshape(around.height, around.width)
    try:
        reproject(
            numbers,
            found,
            src_crs=coarse.crs,
            src_transform=transform_of(around, coarse.transform),
            dst_crs=image.crs,
            dst_transform=transform_of(Window(left, top, width, height), image.transform),
            resampling=Resampling.nearest,
        )
    except COORDINATE_ERRORS as error:
        raise UserError(f'{image.name} cannot be projected into the system of {coarse.name} ({error}).') from error
    touched = np.flatnonzero(np.bincount(found.ravel())[1:])
    if not len(touched):
        return found + NO_CELL, None
    rows, cols = np.divmod(touched, around.width)
    part = rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1
    index = np.full(numbers.size + 1, NO_CELL, dtype=np.int32)
    index[touched + 1] = (rows - part[0]) * part[3] + cols - part[1]
    return index[found], (int(part[0] + around.row_off), int(part[1] + around.col_off), int(part[2]), int(part[3]))


def _part_around(image, coarse, window: tuple[int, int, int, int]) -> Window | None:
    """A part of the coarse raster that holds all cells under a window; None if the window is outside it."""
    top, left, height, width = window
    along = np.linspace(0, 1, EDGE_POINTS)
    x = left + width * np.concatenate([along, along, np.zeros(EDGE_POINTS), np.ones(EDGE_POINTS)])
    y = top + height * np.concatenate([np.zeros(EDGE_POINTS), np.ones(EDGE_POINTS), along, along])
    x, y = apply_transform(image.transform, x, y)
    if image.crs != coarse.crs:
        try:
            x, y = map(np.array, transform_coordinates(image.crs, coarse.crs, x, y))
        except COORDINATE_ERRORS as error:
            raise UserError(f'{image.name} cannot be projected into the system of {coarse.name} ({error}).') from error
    x, y = apply_transform(~coarse.transform, x, y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UserError(f'{image.name} lies outside what the projection of {coarse.name} is made for.')
    left, top = max(0, int(x.min()) - MARGIN), max(0, int(y.min()) - MARGIN)
    right, bottom = min(coarse.width, int(x.max()) + 1 + MARGIN), min(coarse.height, int(y.max()) + 1 + MARGIN)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def read_cells(
    image_path: str, coarse_path: str, window: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells under a window of an image, and the values of the coarse raster there.

    Args:
        image_path (str): The image.
        coarse_path (str): The coarse label.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the image.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Index of each pixel's cell, (height, width) int32, counted row by row
        over the part that the window touches, -1 outside the coarse raster; the coarse raster's value at each pixel,
        (height, width), 0 outside it; whether the pixel is inside it, in a cell with a finite value that its mask or
        opacity does not exclude, (height, width) bool.

    Raises:
        UserError: As :func:`cells_below`.
    """
    coarse = open_raster(coarse_path)
    cells, part = cells_below(open_raster(image_path), coarse, window)
    inside = cells != NO_CELL
    if part is None:
        return cells, np.zeros(cells.shape, dtype=coarse.dtypes[0]), inside
    band = image_bands(coarse_path)[0]
    labels = read_window(coarse_path, part, band)
    valid = valid_pixels(coarse_path, part, (band,), labels, nodata=False)
    values = labels.ravel()[cells]
    values[~inside] = 0
    return cells, values, inside & valid.ravel()[cells]


def overlap(image, coarse) -> bool:
    """Whether the extents of two rasters with projections overlap.

    Args:
        image (rasterio.DatasetReader): One.
        coarse (rasterio.DatasetReader): The other.

    Raises:
        UserError: If either raster has no projection, or the first is outside the area of use of the other's.
    """
    _check_projected(image, coarse)
    try:
        left, bottom, right, top = extent_of(image)
        if image.crs != coarse.crs:
            left, bottom, right, top = transform_bounds(image.crs, coarse.crs, left, bottom, right, top)
    except COORDINATE_ERRORS as error:
        raise UserError(f'{image.name} cannot be projected into the system of {coarse.name} ({error}).') from error
    other_left, other_bottom, other_right, other_top = extent_of(coarse)
    return left < other_right and other_left < right and bottom < other_top and other_bottom < top


def _check_projected(*rasters) -> None:
    for raster in rasters:
        control = control_of(raster)
        if control is not None:
            raise UserError(
                f'{raster.name} is placed by {control} alone, which does not tell exactly which pixels a label cell '
                'covers; apply them first (gdalwarp does).'
            )
        if not raster.crs:
            raise UserError(
                f'{raster.name} has no projection, so nothing tells which pixels a label cell covers; give it one '
                '(gdal_edit.py -a_srs -a_ullr writes one into a GeoTIFF).'
            )
