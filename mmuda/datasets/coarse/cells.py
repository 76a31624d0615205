"""Which cell of a coarse label raster each pixel of an image lies in, by the georeference of both."""

from __future__ import annotations

import numpy as np
from rasterio.warp import transform as transform_coordinates
from rasterio.warp import transform_bounds

from mmuda.datasets.raster.geometry import COORDINATE_ERRORS, control_of
from mmuda.datasets.raster.reading import open_raster, read_window
from mmuda.datasets.raster.valid import image_bands, valid_pixels
from mmuda.utils.errors import UserError

NO_CELL = -1
# Between control points so far apart a change of projection is taken as linear: errors stay below a thousandth of a
# pixel at metres a pixel.
CONTROL_STEP = 32
# In cells: an edge that rounding moves by so little is still met.
TOLERANCE = 1e-6


def cell_positions(image, coarse, window: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the coarse cell below each pixel's centre.

    Args:
        image (rasterio.DatasetReader): The image.
        coarse (rasterio.DatasetReader): The coarse label, of any resolution, offset, rotation and projection.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the image.

    Returns:
        tuple[np.ndarray, np.ndarray]: Rows and columns, (height, width) int64; they may leave the coarse raster.

    Raises:
        UserError: If one of the two has no georeference, or their projections cannot be brought together.
    """
    _check_projected(image, coarse)
    top, left, height, width = window
    rows, cols = top + np.arange(height) + 0.5, left + np.arange(width) + 0.5
    if image.crs == coarse.crs:
        y, x = np.meshgrid(rows, cols, indexing='ij')
        found_x, found_y = _apply(~coarse.transform, *_apply(image.transform, x, y))
    else:
        found_x, found_y = _through_projection(image, coarse, rows, cols)
    return tuple(np.floor(axis + TOLERANCE).astype(np.int64) for axis in (found_y, found_x))


def _through_projection(image, coarse, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coarse pixel coordinates (x, y), exact at control points and bilinear between them."""
    knots = [np.linspace(axis[0], axis[-1], max(2, -(-len(axis) // CONTROL_STEP) + 1)) for axis in (rows, cols)]
    y, x = np.meshgrid(*knots, indexing='ij')
    world = _apply(image.transform, x.ravel(), y.ravel())
    try:
        xs, ys = transform_coordinates(image.crs, coarse.crs, *world)
    except COORDINATE_ERRORS as error:
        raise UserError(f'{image.name} cannot be projected into the system of {coarse.name} ({error}).') from error
    found = _apply(~coarse.transform, np.array(xs), np.array(ys))
    if not all(np.isfinite(axis).all() for axis in found):
        raise UserError(f'{image.name} lies outside what the projection of {coarse.name} is made for.')
    return tuple(_bilinear(axis.reshape(y.shape), knots, (rows, cols)) for axis in found)


def _apply(transform, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * x + b * y + c, d * x + e * y + f


def _bilinear(values: np.ndarray, knots: list[np.ndarray], points: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    along = np.stack([np.interp(points[0], knots[0], column) for column in values.T], axis=1)
    return np.stack([np.interp(points[1], knots[1], row) for row in along])


def read_cells(
    image_path: str, coarse_path: str, window: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells below a window of an image, and what the coarse raster holds there.

    Args:
        image_path (str): The image.
        coarse_path (str): The coarse label.
        window (tuple[int, int, int, int]): (row, col, height, width) in pixels of the image.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Index of each pixel's cell, (height, width) int32, counted row by
        row over the cells that the window touches, -1 outside the coarse raster; the coarse raster's value at each
        pixel, (height, width), 0 outside it; whether the pixel lies inside it, in a cell that its mask or opacity does
        not take out and whose value is finite, (height, width) bool.

    Raises:
        UserError: As :func:`cell_positions`.
    """
    coarse = open_raster(coarse_path)
    rows, cols = cell_positions(open_raster(image_path), coarse, window)
    inside = (rows >= 0) & (rows < coarse.height) & (cols >= 0) & (cols < coarse.width)
    cells = np.full(rows.shape, NO_CELL, dtype=np.int32)
    values = np.zeros(rows.shape, dtype=coarse.dtypes[0])
    if inside.any():
        top, left = rows[inside].min(), cols[inside].min()
        height, width = rows[inside].max() - top + 1, cols[inside].max() - left + 1
        cells[inside] = (rows[inside] - top) * width + cols[inside] - left
        area = int(top), int(left), int(height), int(width)
        band = image_bands(coarse_path)[0]
        part = read_window(coarse_path, area, band)
        values[inside] = part[rows[inside] - top, cols[inside] - left]
        valid = valid_pixels(coarse_path, area, (band,), part, nodata=False)
        inside[inside] = valid[rows[inside] - top, cols[inside] - left]
    return cells, values, inside


def overlap(image, coarse) -> bool:
    """Whether the extents of two rasters with projections overlap.

    Args:
        image (rasterio.DatasetReader): One.
        coarse (rasterio.DatasetReader): The other.

    Raises:
        UserError: If one of the two has no projection, or the first lies outside what the other's is made for.
    """
    _check_projected(image, coarse)
    try:
        left, bottom, right, top = _extent(image)
        if image.crs != coarse.crs:
            left, bottom, right, top = transform_bounds(image.crs, coarse.crs, left, bottom, right, top)
    except COORDINATE_ERRORS as error:
        raise UserError(f'{image.name} cannot be projected into the system of {coarse.name} ({error}).') from error
    other_left, other_bottom, other_right, other_top = _extent(coarse)
    return left < other_right and other_left < right and bottom < other_top and other_bottom < top


def _extent(raster) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of the corners, however the raster is turned."""
    x, y = _apply(raster.transform, np.array([0, raster.width] * 2), np.array([0, 0, raster.height, raster.height]))
    return x.min(), y.min(), x.max(), y.max()


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
