"""Checks that a dataset can read a raster as an image: its bands, values and ground sample distance."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence

from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.label_colours import colour_table_of
from mmuda.datasets.raster.options import check_count_of_ranges
from mmuda.datasets.raster.valid import image_bands
from mmuda.utils.errors import UserError


def check_image_values(
    raster: RasterInfo,
    bands: Sequence[int | str] | None,
    value_range: Sequence | None,
    dataset: str,
    intensities: bool = True,
) -> None:
    """Refuse a raster that lacks the bands, or whose values cannot be scaled to 0 to 255.

    Args:
        raster: The raster.
        bands: Bands to read, counted from 1, or by name; None is all.
        value_range: Values that become 0 and 255, of all bands or by band.
        dataset: Name of the dataset's class.
        intensities: False for a raster that holds labels, whose values are not rescaled.

    Raises:
        UserError: Naming the file.
    """
    path = raster.path
    read = range(1, raster.count + 1) if bands is None else image_bands(path, bands)
    table = any(raster.meanings[band - 1 : band] == ('palette',) for band in read) and colour_table_of(path)
    if intensities and table and any(colour != (value,) * 3 for value, colour in table.items()):
        raise UserError(
            f'{path} holds numbers of a colour table and no intensities; write its colours as bands '
            f'(gdal_translate -expand rgb {osp.basename(path)} OUT.tif).'
        )
    if max(read) > raster.count:
        raise UserError(
            f'{path} has {raster.count} band(s), but bands={bands} are asked for; set bands of '
            f'{dataset} to bands that exist.'
        )
    if raster.dtype.startswith('complex') and intensities:
        raise UserError(
            f'{path} is {raster.dtype}, and complex numbers have no one brightness; write their amplitude or '
            'intensity as real numbers first.'
        )
    if value_range is not None:
        check_count_of_ranges(value_range, len(image_bands(path, bands)), f'{dataset} (it reads {path})')
    if raster.dtype != 'uint8' and value_range is None and intensities:
        raise UserError(
            f'{path} is {raster.dtype}, not uint8; set value_range=(low, high) of {dataset}, the '
            'values that become 0 and 255.'
        )


def check_distance(raster: RasterInfo, dataset: str) -> None:
    """Refuse a raster whose ground sample distance is unknown.

    Args:
        raster: The raster, after :meth:`RasterInfo.resolved`.
        dataset: Name of the dataset's class.

    Raises:
        UserError: Naming the file and what its header lacks.
    """
    if raster.gsd is None:
        if raster.placed and raster.crs:
            what = f'a georeference (transform {raster.transform} in {raster.crs}) that gives a pixel no size on Earth'
        else:
            what = 'a transform but no coordinate reference system' if raster.placed else 'no georeference'
        raise UserError(
            f'{raster.path} has {what}, so its ground sample distance is unknown; set gsd=<metres per pixel> of '
            f'{dataset}.'
        )


def notes_on_opacity(raster: RasterInfo, bands: tuple[int, ...] | None) -> list[str]:
    """A note on a fourth band that GDAL marks as opacity because its writer did not say; it may be near infrared."""
    unread = sorted(set(range(1, raster.count + 1)) - set(image_bands(raster.path, bands)))
    if bands is not None or not unread:
        return []
    return [
        f'band {unread[0]} of {raster.path} is marked as opacity (alpha) and is no band of the image; name it in '
        'bands if it is one'
    ]
