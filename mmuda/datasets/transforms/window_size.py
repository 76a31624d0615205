"""Refuses resampling to sizes that exceed memory, or that leave almost no pixels."""

from mmuda.utils.errors import UserError

MAX_PIXELS = 4096 * 4096
"""Most pixels of an enlarged window; a network's features take a hundred times the memory of its image."""
MIN_SIDE = 16
MAX_REDUCTION = 16.0


def check_resampled(
    what: str, shape: tuple[int, int], size: tuple[int, int], native: float | None, wanted: float | None
) -> None:
    """Refuse a size that indicates a wrong ground sample distance.

    Args:
        what: The image, for the error.
        shape: (height, width) in pixels of the window that is read.
        size: (height, width) in pixels after resampling.
        native: Metres per pixel of the image as read; None if unknown.
        wanted: Metres per pixel after resampling; None if a ratio is given instead.

    Raises:
        UserError: If an enlarged window has more than :data:`MAX_PIXELS`, or a reduced one is too small to show
            anything.
    """
    pixels, factor = size[0] * size[1], max(size) / max(shape)
    enormous = factor > 1 and pixels > MAX_PIXELS
    nothing = factor < 1 / MAX_REDUCTION and max(size) < MIN_SIDE
    if not (enormous or nothing):
        return
    read = f'at {native:.4g} m per pixel ' if native is not None else ''
    target = f'at {wanted:.4g} m per pixel' if wanted is not None else 'by the ratio of the config'
    memory = f' ({_bytes(pixels * 12)} for three bands alone)' if enormous else ''
    other = 'smaller' if enormous else 'larger'
    raise UserError(
        f'a window of {shape[0]} x {shape[1]} px of {what} {read}would become {size[0]} x {size[1]} px '
        f'{target}{memory}; give its true ground sample distance (gsd, --gsd) if that is wrong, or a {other} window '
        '(tile, --tile)'
    )


def _bytes(count: int) -> str:
    return f'{count / 1e12:.3g} TB' if count >= 1e12 else f'{count / 1e9:.3g} GB'
