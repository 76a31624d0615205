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
    """A data URI of an image (H, W, 3) uint8, exactly; it is small if it has few colours, as a map of classes."""
    red, green, blue = (image[..., band].astype(np.uint32) for band in range(3))
    colours, index = np.unique(red << 16 | green << 8 | blue, return_inverse=True)
    if len(colours) > 256:
        return _encoded(Image.fromarray(image), 'PNG', optimize=True)
    picture = Image.fromarray(index.reshape(image.shape[:2]).astype(np.uint8))
    picture.putpalette([int(colour) >> shift & 255 for colour in colours for shift in (16, 8, 0)])
    return _encoded(picture, 'PNG', optimize=True)


def _encoded(picture: Image.Image, kind: str, **options) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return uri_of(buffer.getvalue(), f'image/{kind.lower()}')
