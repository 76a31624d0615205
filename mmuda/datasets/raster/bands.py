"""The bands that are read from a raster, and what its file calls them."""

from collections.abc import Sequence
from numbers import Integral

from mmuda.utils.errors import UserError

COLOURS = ('red', 'green', 'blue')
# What files call a band, by the name that is used here.
SYNONYMS = dict(r='red', g='green', b='blue', ir='nir', infrared='nir', grey='gray')
# Colour interpretations that say nothing about what a band shows. GDAL calls the first band of any raster grey.
UNTOLD = ('undefined', 'gray', 'palette', 'alpha')


def band_names(meanings: Sequence[str], descriptions: Sequence[str | None]) -> tuple[str, ...]:
    """Names of the bands of a raster, in lower case; '' where the file says nothing.

    A description that is a colour counts first, then the colour interpretation, then any other description.

    Args:
        meanings: GDAL's colour interpretations, e.g. ``'red'``, ``'nir'``, ``'undefined'``.
        descriptions: GDAL's descriptions, e.g. ``'Near Infrared'``, ``'B08'``.

    Returns:
        A name for each band: ``'red'``, ``'green'``, ``'blue'``, ``'nir'``, or another that the file gives.
    """
    names = []
    for meaning, description in zip(meanings, descriptions, strict=True):
        text = ' '.join((description or '').lower().replace('-', ' ').replace('_', ' ').split())
        text = SYNONYMS.get(text.removeprefix('near '), text)
        told = '' if meaning in UNTOLD else meaning
        names.append(text if text in (*COLOURS, 'nir') else told or text)
    return tuple(names)


def described_bands(bands: Sequence[int], names: Sequence[str]) -> str:
    """Numbers of bands with their names, for a report: ``'3 (red), 2 (green), 4'``, or ``'1 to 10'``.

    Args:
        bands: Numbers, counted from 1.
        names: Names of all bands of the raster.
    """
    if len(bands) > 3 and not any(names) and list(bands) == list(range(bands[0], bands[0] + len(bands))):
        return f'{bands[0]} to {bands[-1]}'
    return ', '.join(f'{band} ({names[band - 1]})' if names[band - 1] else str(band) for band in bands)


def check_bands(bands: Sequence[int] | int | None, owner: str) -> tuple[int, ...] | None:
    """Validate the bands given in a config.

    A band may be repeated, e.g. to feed a grey image to the three channels of a pretrained network.

    Args:
        bands: Counted from 1, in output order; None is all.
        owner: Class whose argument it is, for the error.

    Returns:
        The bands, or None.

    Raises:
        UserError: They are not a sequence of whole numbers from 1 up, or it is empty.
    """
    if bands is None:
        return None
    if isinstance(bands, str) or not isinstance(bands, Sequence):
        raise UserError(f'bands={bands!r} of {owner} is no list of bands; give e.g. bands=(1, 2, 3), or None for all.')
    given = tuple(bands)
    if not given:
        raise UserError(f'bands={bands!r} of {owner} names no band; give e.g. bands=(1, 2, 3), or None for all.')
    whole = all(isinstance(band, Integral) and not isinstance(band, bool) for band in given)
    if whole and min(given) == 0:
        raise UserError(
            f'bands={given} of {owner} counts from 0, but bands are counted from 1; give '
            f'bands={tuple(int(band) + 1 for band in given)}.'
        )
    if not whole or min(given) < 1:
        raise UserError(
            f'bands={given} of {owner} must be whole numbers from 1 up, as bands are counted from 1; give e.g. '
            'bands=(1, 2, 3).'
        )
    return tuple(int(band) for band in given)
