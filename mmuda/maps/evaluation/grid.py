"""The grid on which a map is judged, and how two files lie on it."""

from __future__ import annotations

import math
import os

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform_bounds

from mmuda.datasets.raster.cells import overlap
from mmuda.datasets.raster.geometry import COORDINATE_ERRORS, apply_transform, control_of, extent_of, has_transform
from mmuda.datasets.raster.reading import open_raster, probe_raster
from mmuda.datasets.raster.vector import is_vector, read_shapes, vector_crs
from mmuda.utils.errors import UserError

# Grids whose corners differ by less than this share of a pixel are the same.
_SAME = 0.01
# Sides of a grid above which a wrong --gsd is more likely than such a map.
_MOST_PIXELS = 1_000_000
_WEB_MERCATOR = 3857


def choose_grid(map_path: str, truth_path: str, grid: str | None, gsd: float | None, folder: str) -> str:
    """The raster whose pixels are counted: the map, ``grid``, the truth, or a new one over the truth's polygons.

    Args:
        map_path (str): The map, a raster or a vector file.
        truth_path (str): The truth, a raster or a vector file.
        grid (str | None): Raster whose grid is used for a map of polygons.
        gsd (float | None): Metres of ground per pixel of a new grid for a map of polygons.
        folder (str): A temporary folder for the new grid.

    Returns:
        str: Path of the raster.

    Raises:
        UserError: An option does not go with these files, is missing, or the extent of the polygons is unusable.
    """
    if not is_vector(map_path):
        given = '--grid' if grid is not None else '--gsd' if gsd is not None else None
        if given:
            raise UserError(
                f'{given} is for maps of polygons, but the map {map_path} has a grid of its own; leave it out'
            )
        return map_path
    if grid is not None and gsd is not None:
        raise UserError(f'--grid {grid} and --gsd {gsd:g} both give the grid of {map_path}; leave one out')
    if grid is not None:
        if is_vector(grid):
            raise UserError(f'--grid {grid} is a vector file; give a raster')
        return grid
    if gsd is not None:
        return _new_grid(truth_path, gsd, folder)
    if is_vector(truth_path):
        raise UserError(
            f'{map_path} and {truth_path} are both polygons, so nothing tells the size of a pixel; give it in metres '
            'by --gsd, or a raster by --grid'
        )
    return truth_path


def lies_on(path: str, grid: str) -> bool:
    """Whether a raster's pixels are the grid's pixels, so that windows can be read without resampling.

    Args:
        path (str): A raster.
        grid (str): The raster that gives the grid.

    Raises:
        UserError: One has no projection and the sizes differ, one has a projection and the other none, or they do not
            overlap.
    """
    if path == grid:
        return True
    one, other = open_raster(path), open_raster(grid)
    placed = [bool(raster.crs and has_transform(raster)) for raster in (one, other)]
    if not any(placed) and not any(map(control_of, (one, other))):
        if one.shape == other.shape:
            return True
        raise UserError(
            f'neither {path} ({_size(one)}) nor {grid} ({_size(other)}) has a projection, and their sizes differ, so '
            'nothing tells which pixels belong together; give both a projection'
        )
    if not all(placed):
        lacking = path if not placed[0] else grid
        raise UserError(
            f'{lacking} has no projection, but {grid if lacking == path else path} has one, so nothing tells how they '
            'lie on each other; add it (gdal_edit.py -a_srs -a_ullr writes one into a GeoTIFF)'
        )
    if one.shape == other.shape and one.crs == other.crs and _same_corners(one, other):
        return True
    if not overlap(other, one):
        raise UserError(f'{path} ({one.crs}) does not overlap {grid} ({other.crs}); check that they show one place')
    return False


def pixel_of(grid: str) -> tuple[float, float] | None:
    """Height and width of the grid's pixel in metres of ground, None if unknown."""
    return probe_raster(grid).resolved().ground_pixel


def _size(raster) -> str:
    return f'{raster.height} x {raster.width} px'


def _same_corners(one, other) -> bool:
    x, y = np.array([0, one.width, 0]), np.array([0, 0, one.height])
    cols, rows = apply_transform(~other.transform, *apply_transform(one.transform, x, y))
    return bool(np.abs([cols - x, rows - y]).max() <= _SAME)


def _new_grid(truth_path: str, gsd: float, folder: str) -> str:
    """A raster without content over the truth, with square pixels of ``gsd`` metres, north up."""
    crs, bounds = _extent(truth_path)
    metric = _metric(crs, bounds)
    try:
        left, bottom, right, top = bounds if metric == crs else transform_bounds(crs, metric, *bounds)
    except COORDINATE_ERRORS as error:
        raise UserError(f'{truth_path} ({crs}) cannot be projected into {metric} ({error})') from error
    side = gsd / metric.linear_units_factor[1]
    width, height = (max(1, math.ceil(length / side - 1e-6)) for length in (right - left, top - bottom))
    if max(width, height) > _MOST_PIXELS:
        raise UserError(
            f'--gsd {gsd:g} makes {height} x {width} px of {truth_path}; give a larger pixel size in metres'
        )
    path = os.path.join(folder, 'grid.tif')
    profile = dict(driver='GTiff', dtype='uint8', count=1, height=height, width=width, crs=metric, SPARSE_OK=True)
    profile.update(tiled=True, blockxsize=256, blockysize=256, BIGTIFF='IF_SAFER')
    with rasterio.open(path, 'w', transform=Affine(side, 0, left, 0, -side, top), **profile):
        pass
    return path


def _extent(path: str) -> tuple[CRS, tuple[float, float, float, float]]:
    if not is_vector(path):
        source = open_raster(path)
        if not source.crs or not has_transform(source):
            raise UserError(f'{path} has no projection; give it one (gdal_edit.py -a_srs -a_ullr)')
        return source.crs, extent_of(source)
    import shapely

    shapes = read_shapes(path, None, None, None).shapes
    if not len(shapes):
        raise UserError(f'{path} holds no polygon, so there is nothing to compare with; give the right file')
    return CRS.from_user_input(vector_crs(path)), tuple(shapely.total_bounds(shapes))


def _metric(crs: CRS, bounds: tuple[float, float, float, float]) -> CRS:
    """The system itself if its metres are near those of the ground, else the UTM zone of the centre."""
    if crs.is_projected and crs.to_epsg() != _WEB_MERCATOR:
        return crs
    left, bottom, right, top = transform_bounds(crs, 'EPSG:4326', *bounds)
    zone = min(60, int((left + right) / 2 + 180) // 6 + 1)
    return CRS.from_epsg((32600 if bottom + top >= 0 else 32700) + zone)
