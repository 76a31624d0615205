"""Finds damage in raster files that GDAL does not report on opening, or never reports."""

import os
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator

from PIL import Image, TiffImagePlugin, UnidentifiedImageError
from rasterio.windows import Window

from mmuda.utils.errors import UserError

Box = tuple[int, int, int, int]

_FULL_CHECK_PIXELS = 1024 * 1024
_CHECK_WINDOW = 512

_ORIENTATION = 0x0112
_UPRIGHT = (None, 0, 1)
_PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_JPEG_END = b'\xff\xd9'
_JPEG_SCAN = 0xDA
# Data that may follow the end of an image in its file, e.g. a camera's trailer.
_TRAILER = 65536
# Runs of zero bytes that no such encoder writes, not even for an image of zeros.
_ZEROS = {'LZW': 64, 'PACKBITS': 64, 'ZSTD': 4096, 'LZMA': 4096}


def damaged(path: str, why: str) -> UserError:
    """The error that a file is damaged."""
    return UserError(
        f'{path} is damaged or cut short ({why}); replace it by an intact copy or take it out of the dataset.'
    )


def reason(error: BaseException) -> str:
    """GDAL's message, which rasterio hides behind "Read failed. See previous exception for details."."""
    return str(error.__cause__ or error)


def check_structure(source, path: str) -> None:
    """Refuse a truncated file, without decoding all of it if its format allows that.

    Args:
        source (rasterio.DatasetReader): The open file.
        path (str): Its name.

    Raises:
        UserError: The file is cut short.
        rasterio.errors.RasterioError: Its last pixel cannot be read.
    """
    ended = _ENDED.get(source.driver)
    if ended is not None and os.path.isfile(path) and ended(path):
        return
    if source.driver == 'GTiff' and os.path.isfile(path):
        _check_block_places(source, path)
    last = Window(source.width - 1, source.height - 1, 1, 1)
    source.read(1, window=last)
    source.read_masks(1, window=last)


def check_pixels(source, path: str, windows: list[Box]) -> None:
    """Decode windows and verify the checksums of their GeoTIFF blocks, which GDAL ignores.

    GDAL silently decodes a damaged deflate block to wrong rows, since it stops before the checksum. Any damage is found
    in deflate (by that checksum) and PNG (by GDAL). An interrupted download may leave zeros in place of data. They are
    found from 64 bytes on in LZW and PackBits, and from 4096 in ZSTD and LZMA (no encoder writes such runs). In
    uncompressed files they cannot be told from data. Decoders of JPEG, WebP and JPEG 2000 notice them often, but not
    always.

    Args:
        source (rasterio.DatasetReader): The open file.
        path (str): Its name.
        windows (list[tuple[int, int, int, int]]): (row, col, height, width) in pixels.

    Raises:
        UserError: A block differs from what was written. rasterio.errors.RasterioError: A window cannot be decoded.
    """
    for row, col, height, width in windows:
        source.read(window=Window(col, row, width, height))
    compression = (source.tags(ns='IMAGE_STRUCTURE').get('COMPRESSION') or '').upper()
    if source.driver != 'GTiff' or compression not in ('DEFLATE', *_ZEROS) or not os.path.isfile(path):
        return
    with open(path, 'rb') as file:
        for band, x, y in sorted({block for window in windows for block in _blocks(source, window)}):
            place = _block_place(source, band, x, y)
            if place is None:
                continue
            file.seek(place[0])
            if not _intact(file.read(place[1]), compression):
                height, width = source.block_shapes[0]
                raise damaged(path, f'the block at row {y * height}, column {x * width} is not what was written')


def windows_to_check(shape: tuple[int, int], whole: bool) -> list[Box]:
    """Windows (row, col, height, width) of a raster that a check reads: the whole raster, or three of a large one.

    Args:
        shape (tuple[int, int]): (rows, columns) in pixels.
        whole (bool): All of it, however large.
    """
    height, width = shape
    if whole or height * width <= _FULL_CHECK_PIXELS:
        # In strips, so that a huge raster does not have to fit into memory.
        return [(row, 0, min(_CHECK_WINDOW, height - row), width) for row in range(0, height, _CHECK_WINDOW)]
    h, w = min(_CHECK_WINDOW, height), min(_CHECK_WINDOW, width)
    return [(round((height - h) * part), round((width - w) * part), h, w) for part in (0.0, 0.5, 1.0)]


def vrt_sources(source, path: str) -> list[str]:
    """Source files of a virtual raster (VRT); empty for other rasters.

    Args:
        source (rasterio.DatasetReader): The open raster.
        path (str): Its file name.
    """
    if source.driver != 'VRT' or not os.path.isfile(path):
        return []
    found = []
    for tag in ('SourceFilename', 'SourceDataset'):
        for node in ElementTree.parse(path).iter(tag):
            name = (node.text or '').strip()
            if node.get('relativeToVRT', node.get('relativetoVRT')) == '1':
                name = os.path.join(os.path.dirname(path), name)
            # Only GDAL knows whether archives, servers and parts of files ("/vsizip/...", "NETCDF:...") exist.
            plain = name and not name.startswith('/vsi') and (':' not in name or os.path.isfile(name))
            if plain:
                found.append(name)
    return list(dict.fromkeys(found))


def check_orientation(source, path: str) -> None:
    """Refuse an image that is rotated or mirrored for display, which GDAL and labels ignore.

    Georeferenced rasters pass, since their georeference decides.

    Args:
        source (rasterio.DatasetReader): The open raster.
        path (str): Its file name.

    Raises:
        UserError: The EXIF or TIFF orientation is not upright.
    """
    if not source.transform.is_identity or source.gcps[0] or not os.path.isfile(path):
        return
    read = _ORIENTATIONS.get(source.driver)
    orientation = read(source, path) if read is not None else None
    if orientation not in _UPRIGHT:
        raise UserError(
            f'{path} has the orientation {orientation} (EXIF or TIFF tag), so viewers show it turned or mirrored; turn '
            'its pixels (mogrify -auto-orient FILE), or remove the tag if its label follows the pixels as they lie '
            '(exiftool -Orientation= FILE).'
        )


def _check_block_places(source, path: str) -> None:
    size = os.path.getsize(path)
    for band, x, y in _blocks(source, (0, 0, source.height, source.width)):
        place = _block_place(source, band, x, y)
        if place is not None and sum(place) > size:
            raise damaged(path, f'a block of pixels would end at byte {sum(place)}, the file ends at byte {size}')


def _blocks(source, window: Box) -> Iterator[tuple[int, int, int]]:
    """(band, column, row) of the GeoTIFF blocks below a window."""
    row, col, height, width = window
    block_height, block_width = source.block_shapes[0]
    bands = [1] if source.tags(ns='IMAGE_STRUCTURE').get('INTERLEAVE') == 'PIXEL' else source.indexes
    for band in bands:
        for y in range(row // block_height, -(-(row + height) // block_height)):
            for x in range(col // block_width, -(-(col + width) // block_width)):
                yield band, x, y


def _block_place(source, band: int, x: int, y: int) -> tuple[int, int] | None:
    """(offset, bytes) of a block in the file; None if it is sparse."""
    offset = source.get_tag_item(f'BLOCK_OFFSET_{x}_{y}', 'TIFF', bidx=band)
    if offset is None:
        return None
    return int(offset), int(source.get_tag_item(f'BLOCK_SIZE_{x}_{y}', 'TIFF', bidx=band) or 0)


def _intact(data: bytes, compression: str) -> bool:
    if compression in _ZEROS:
        return bytes(_ZEROS[compression]) not in data
    try:
        zlib.decompress(data)
    except zlib.error:
        return False
    return True


def _png_chunks(path: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, offset, size) of the data of each chunk that is complete in the file."""
    size = os.path.getsize(path)
    with open(path, 'rb') as file:
        if file.read(8) != _PNG_SIGNATURE:
            return
        place = 8
        while place + 12 <= size:
            file.seek(place)
            length, name = struct.unpack('>I4s', file.read(8))
            if place + 12 + length > size:
                return
            yield name, place + 8, length
            place += 12 + length


def _png_ended(path: str) -> bool:
    return any(name == b'IEND' for name, _, _ in _png_chunks(path))


def _jpeg_ended(path: str) -> bool:
    """Whether an end marker follows the picture's first scan; an earlier one may belong to a preview."""
    size = os.path.getsize(path)
    with open(path, 'rb') as file:
        place = 2
        while place + 4 <= size:
            file.seek(place)
            mark, kind, length = struct.unpack('>BBH', file.read(4))
            if mark != 0xFF:
                return False
            place += 2 + length
            if kind == _JPEG_SCAN:
                file.seek(max(place, size - _TRAILER))
                return _JPEG_END in file.read()
    return False


def _jpeg2000_ended(path: str) -> bool:
    with open(path, 'rb') as file:
        file.seek(max(0, os.path.getsize(path) - _TRAILER))
        return _JPEG_END in file.read()


def _exif_orientation(data: bytes) -> int | None:
    exif = Image.Exif()
    exif.load(data)
    return exif.get(_ORIENTATION)


def _jpeg_orientation(source, path: str) -> int | None:
    text = source.tags().get('EXIF_Orientation', '').strip()
    return int(text) if text.isdigit() else None


def _png_orientation(source, path: str) -> int | None:
    for name, place, length in _png_chunks(path):
        if name == b'eXIf':
            with open(path, 'rb') as file:
                file.seek(place)
                return _exif_orientation(b'Exif\0\0' + file.read(length))
    return None


def _webp_orientation(source, path: str) -> int | None:
    try:
        with Image.open(path) as image:
            return image.getexif().get(_ORIENTATION)
    except (UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _tiff_orientation(source, path: str) -> int | None:
    # Read only the directory: Pillow does not support every pixel type that GDAL reads, and limits an image's size.
    with open(path, 'rb') as file:
        header = file.read(8)
        header += file.read(8) if header[2:3] == b'+' or header[3:4] == b'+' else b''
        try:
            directory = TiffImagePlugin.ImageFileDirectory_v2(header)
            file.seek(directory.next)
            directory.load(file)
            return directory.get(_ORIENTATION)
        except (SyntaxError, struct.error, OSError):
            return None


_ENDED = dict(PNG=_png_ended, JPEG=_jpeg_ended, JP2OpenJPEG=_jpeg2000_ended)
_ORIENTATIONS = dict(JPEG=_jpeg_orientation, PNG=_png_orientation, WEBP=_webp_orientation, GTiff=_tiff_orientation)
