"""The bands that are read from a raster."""

from collections.abc import Sequence
from numbers import Integral

from mmuda.utils.errors import UserError


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
