"""Notes on what the headers of a dataset's rasters leave open or imply, as sentences."""

from collections.abc import Mapping, Sequence

from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.reading import open_raster
from mmuda.datasets.raster.valid import image_bands


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


def notes_on_colours(rasters: Sequence[RasterInfo], bands: Sequence[int] | None) -> list[str]:
    """A sentence on rasters whose bands, by their own headers, are not read in the order red, green, blue.

    Args:
        rasters (Sequence[RasterInfo]): Headers.
        bands (Sequence[int] | None): The bands to read; None is all.
    """
    order = ('red', 'green', 'blue')
    turned = []
    for raster in rasters:
        read = [band for band in bands or image_bands(raster.path) if band <= raster.count]
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
    lossy = [path for path in paths if 'JPEG' in open_raster(path).tags(ns='IMAGE_STRUCTURE').get('COMPRESSION', '')]
    if not lossy:
        return []
    return [
        f'{lossy[0]}{_others(len(lossy))} is a label in JPEG, which changes values, most of all at the borders of '
        'classes, so that pixels may have got another class; write labels as PNG or TIFF'
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


def _others(count: int) -> str:
    return '' if count == 1 else f' (and {count - 1} more)'
