"""Checks that two rasters of one size share the same grid."""

import numpy as np
from rasterio.crs import CRS
from rasterio.warp import transform as transform_coordinates

from mmuda.datasets.raster.geometry import COORDINATE_ERRORS
from mmuda.datasets.raster.info import RasterInfo
from mmuda.utils.errors import UserError

# In pixels. Georeferences are written with few digits, but no label is shifted against its image by this much on
# purpose.
TOLERANCE = 0.1


def check_same_grid(image: RasterInfo, other: RasterInfo, what: str = 'label') -> str | None:
    """Refuse a raster whose grid differs from its image's, as far as their headers show.

    Sizes are always compared; transforms (including world files) and reference systems are compared if both have one.
    Two systems count as the same if no pixel moves between them, however they are written.

    Args:
        image (RasterInfo): The image.
        other (RasterInfo): Its label, or another raster that must share its grid.
        what (str): Kind of the other raster, for the error.

    Returns:
        str | None: What the headers do not settle, as the end of a sentence about the other raster. None if everything
        is settled, or if neither raster is georeferenced.

    Raises:
        UserError: The grids differ.
    """
    if other.shape != image.shape:
        raise UserError(
            f'The {what} {other.path} is {other.height} x {other.width} px, but its image {image.path} is '
            f'{image.height} x {image.width} px; bring both to the same grid.'
        )
    if image.placed and other.placed and _distance(image, other) > TOLERANCE:
        raise UserError(
            f'The {what} {other.path} lies on another grid (transform {other.transform}) than its image {image.path} '
            f'({image.transform}); bring both to the same grid.'
        )
    if image.crs and other.crs and not _same_system(image, other):
        raise UserError(
            f'The {what} {other.path} is in another coordinate reference system ({_short(other.crs)}) than its image '
            f'{image.path} ({_short(image.crs)}); reproject it, or correct the one that is wrong.'
        )
    return _left_open(image, other)


def _left_open(image: RasterInfo, other: RasterInfo) -> str | None:
    if image.placed != other.placed or image.control != other.control:
        return f'placed by {_placed_by(other)}, its image by {_placed_by(image)}: they are taken to lie on one grid'
    if bool(image.crs) != bool(other.crs):
        has, lacks = ('the image', 'it') if image.crs else ('it', 'the image')
        return f'placed as its image is, but {has} names a coordinate reference system and {lacks} does not'
    if image.control:
        return f'placed by {image.control}, as the image: they are not compared'
    return None


def _placed_by(raster: RasterInfo) -> str:
    return 'a transform' if raster.placed else raster.control or 'nothing'


def _corners(raster: RasterInfo) -> np.ndarray:
    """Coordinates (4, 2) of the raster's corners."""
    a, b, c, d, e, f = raster.transform
    rows, cols = np.array([0, 0, raster.height, raster.height]), np.array([0, raster.width, 0, raster.width])
    return np.column_stack([a * cols + b * rows + c, d * cols + e * rows + f])


def _distance(image: RasterInfo, other: RasterInfo) -> float:
    """Largest distance of the corners, in pixels of the image."""
    return _in_pixels(image, _corners(other) - _corners(image))


def _in_pixels(image: RasterInfo, shift: np.ndarray) -> float:
    a, b, _, d, e, _ = image.transform
    return float(np.abs(np.linalg.solve([[a, b], [d, e]], shift.T)).max())


def _same_system(image: RasterInfo, other: RasterInfo) -> bool:
    ours, theirs = CRS.from_user_input(image.crs), CRS.from_user_input(other.crs)
    if image.crs == other.crs or ours == theirs:
        return True
    placed = image if image.placed else other
    corners = _corners(placed)
    try:
        moved = np.column_stack(transform_coordinates(ours, theirs, *corners.T)[:2])
    except COORDINATE_ERRORS:
        return False
    return bool(np.isfinite(moved).all()) and placed.placed and _in_pixels(placed, moved - corners) < TOLERANCE


def _short(crs: str) -> str:
    """A short name of a system: its code, or the name in its WKT."""
    return crs.split('"')[1] if '"' in crs else crs
