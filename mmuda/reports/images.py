"""Pictures as parts of a page: nothing is read from elsewhere."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

JPEG_QUALITY = 85


def uri_of(data: bytes, kind: str) -> str:
    """A data URI.

    Args:
        data: The file.
        kind: Its media type, e.g. ``'image/png'``.
    """
    return f'data:{kind};base64,{base64.b64encode(data).decode()}'


def photo(image: np.ndarray) -> str:
    """A data URI of an image (H, W, 3) uint8; fine structure may change a little."""
    return _encoded(Image.fromarray(image), 'JPEG', quality=JPEG_QUALITY)


def graphic(image: np.ndarray) -> str:
    """A data URI of an image (H, W, 3) or (H, W) uint8 of few colours, exactly."""
    picture = Image.fromarray(image)
    colours = picture.getcolors(256)
    if colours and picture.mode == 'RGB':
        picture = picture.quantize(len(colours), dither=Image.Dither.NONE)
    return _encoded(picture, 'PNG', optimize=True)


def _encoded(picture: Image.Image, kind: str, **options) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return uri_of(buffer.getvalue(), f'image/{kind.lower()}')
