"""Notes on what the headers of a dataset's rasters leave open or imply, as sentences."""

from collections.abc import Mapping, Sequence

import numpy as np

from mmuda.datasets.raster.bands import Bands
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.reading import open_raster
from mmuda.datasets.raster.valid import image_bands
from mmuda.datasets.raster.vector import is_vector
from mmuda.datasets.raster.window_cost import window_cost

_LOOKED_AT = 64


def notes_on_pixels(rasters: Sequence[RasterInfo]) -> list[str]:
    """Sentences on pixels that are not square on the ground, and on local systems, whose unit is trusted.

    Args:
        rasters (Sequence[RasterInfo]): Headers with the effective pixel sizes.
    """
    notes = []
    oblong = [raster for raster in rasters if not raster.square]
    if oblong:
        # Report the raster that differs most from a square.
        worst = max(oblong, key=lambda raster: abs(raster.ground_pixel[0] - raster.ground_pixel[1]) / raster.gsd)
        height, width = worst.ground_pixel
        notes.append(
            f'pixels of {worst.path}{_others(len(oblong))} are not square but {width:.4g} m wide and {height:.4g} m '
            f'high on the ground; they are resampled to squares of {worst.gsd:.4g} m, or of what the pipeline asks for'
        )
    local = [raster for raster in rasters if raster.local_unit is not None]
    if local:
        notes.append(
            f'{local[0].path}{_others(len(local))} is in a local coordinate system: its pixels are {local[0].gsd:.4g} '
            f'm as the unit of that system ({local[0].local_unit}) says or lets be assumed; set gsd if that is wrong'
        )
    return notes


def notes_on_colours(rasters: Sequence[RasterInfo], bands: Bands | None) -> list[str]:
    """A sentence on rasters whose bands, by their own headers, are not read in the order red, green, blue.

    Args:
        rasters (Sequence[RasterInfo]): Headers.
        bands (Bands | None): The bands to read; None is all.
    """
    order = ('red', 'green', 'blue')
    turned = []
    for raster in rasters:
        read = [band for band in image_bands(raster.path, bands) if band <= raster.count]
        named = [raster.meanings[band - 1] for band in read]
        if set(order) <= set(named) and tuple(named[:3]) != order:
            turned.append((raster, read, named))
    if not turned:
        return []
    raster, read, named = turned[0]
    colours = [read[named.index(colour)] for colour in order]
    right = (*colours, *(band for band in read if band not in colours))
    return [
        f'the bands that are read of {raster.path}{_others(len(turned))} are {", ".join(named)} by what the file says, '
        f'and a network is given the first three as red, green, blue; set bands={right} if the file is right'
    ]


def notes_on_labels(paths: Sequence[str]) -> list[str]:
    """A sentence on labels that a lossy format has changed.

    Args:
        paths (Sequence[str]): The labels.
    """
    lossy = [path for path in paths if _is_jpeg(open_raster(path))]
    if not lossy:
        return []
    return [
        f'{lossy[0]}{_others(len(lossy))} is a label in JPEG, which changes values, most of all at the borders of '
        'classes, so that pixels may have got another class; write labels as PNG or TIFF'
    ]


def notes_on_windows(crops: Mapping[str, tuple[int, int] | None]) -> list[str]:
    """A sentence on rasters of which far more is decoded than a window needs, with the command that mends it.

    Args:
        crops (Mapping[str, tuple[int, int] | None]): File -> (height, width) in pixels of the windows that are drawn
            from it; None where it is read as a whole. Of many files, some are looked at.
    """
    files = [path for path, crop in crops.items() if crop is not None and not is_vector(path)]
    files = [files[i] for i in np.linspace(0, len(files) - 1, min(len(files), _LOOKED_AT)).astype(int)]
    slow = [cost for cost in (window_cost(path, crops[path]) for path in files) if cost.slow]
    if not slow:
        return []
    worst = max(slow, key=lambda cost: cost.factor)
    height, width = worst.crop
    return [
        f'{worst.path}{_others(len(slow))} is slow to read in windows: it {worst.layout}, so that a window of '
        f'{height} x {width} px decodes {worst.factor:.0f} times its own pixels; write it in tiles, which changes no '
        f'pixel ({worst.command}; or {worst.gdal_command}), and train on that'
    ]


def notes_on_grids(open_points: Mapping[str, str | None]) -> list[str]:
    """One sentence for each kind of open question about the rasters' positions.

    Args:
        open_points (Mapping[str, str | None]): File -> result of :func:`check_same_grid`.
    """
    by_kind: dict[str, list[str]] = {}
    for path, what in open_points.items():
        if what is not None:
            by_kind.setdefault(what, []).append(path)
    return [f'{paths[0]}{_others(len(paths))} is {what}' for what, paths in by_kind.items()]


def _is_jpeg(raster) -> bool:
    # GDAL does not name the compression of grey JPEG files.
    return raster.driver == 'JPEG' or 'JPEG' in raster.tags(ns='IMAGE_STRUCTURE').get('COMPRESSION', '')


def _others(count: int) -> str:
    return '' if count == 1 else f' (and {count - 1} more)'
