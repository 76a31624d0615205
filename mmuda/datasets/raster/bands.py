"""The bands that are read from a raster, and what its file calls them."""

from collections.abc import Sequence
from numbers import Integral

from mmuda.utils.errors import UserError

COLOURS = ('red', 'green', 'blue')
Bands = tuple[int | str, ...]
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


def numbers_of(bands: Bands, names: Sequence[str], path: str) -> tuple[int, ...]:
    """Numbers of the bands of a raster.

    Args:
        bands: Numbers, counted from 1, or names.
        names: Names of all bands of the raster.
        path: The raster, for the error.

    Raises:
        UserError: No band of the raster has the name, or several have it.
    """
    numbers = []
    for band in bands:
        places = [number for number, name in enumerate(names, 1) if name == band]
        if isinstance(band, str) and len(places) != 1:
            told = described_bands(range(1, len(names) + 1), names)
            raise UserError(
                f'{path} has {len(places) or "no"} band{"s" * bool(places)} called {band!r} of bands={tuple(bands)}; '
                f'its bands are {told}: give numbers, or write the names into the file (as descriptions of its bands)'
            )
        numbers.append(places[0] if isinstance(band, str) else band)
    return tuple(numbers)


def check_bands(bands: Sequence[int | str] | int | None, owner: str) -> Bands | None:
    """Validate the bands given in a config.

    A band may be repeated, e.g. to feed a grey image to the three channels of a pretrained network.

    Args:
        bands: Numbers, counted from 1, or names, in output order; None is all.
        owner: Class whose argument it is, for the error.

    Returns:
        The bands, names in lower case, or None.

    Raises:
        UserError: They are not a sequence of names and whole numbers from 1 up, or it is empty.
    """
    if bands is None:
        return None
    if isinstance(bands, str) or not isinstance(bands, Sequence):
        raise UserError(f'bands={bands!r} of {owner} is no list of bands; give e.g. bands=(1, 2, 3), or None for all.')
    given = tuple(bands)
    if not given:
        raise UserError(f'bands={bands!r} of {owner} names no band; give e.g. bands=(1, 2, 3), or None for all.')
    numbers = [band for band in given if not isinstance(band, str) or band.strip().isdecimal()]
    whole = all(isinstance(band, Integral) and not isinstance(band, bool) for band in numbers)
    if numbers and whole and min(numbers) == 0:
        raise UserError(
            f'bands={given} of {owner} counts from 0, but bands are counted from 1; give '
            f'bands={tuple(band if isinstance(band, str) else int(band) + 1 for band in given)}.'
        )
    if not whole or min(numbers, default=1) < 1:
        raise UserError(
            f'bands={given} of {owner} must be names, or whole numbers from 1 up, as bands are counted from 1; '
            'give e.g. bands=(1, 2, 3).'
        )
    return tuple(SYNONYMS.get(band.lower(), band.lower()) if isinstance(band, str) else int(band) for band in given)
