"""Finds rasters by folder, suffix and list, for any spelling of suffixes and any encoding of lists."""

import codecs
import os
import os.path as osp
from collections.abc import Iterator, Mapping, Sequence

from mmuda.utils.errors import UserError

# Alternative spellings of a suffix, in addition to case.
_LONG = ('.tiff', '.jpeg')
_MARKS = ((codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF16_LE, 'utf-16'), (codecs.BOM_UTF16_BE, 'utf-16'))


def is_address(path: str) -> bool:
    """Whether a path is no file of this machine but an address that GDAL opens, e.g. ``s3://`` or ``/vsicurl/``."""
    return path.startswith('/vsi') or '://' in path


def list_images(folder: str, suffixes: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """Files in a folder and its subfolders that end with one of the suffixes, in any spelling.

    Case is ignored; ``.tif`` equals ``.tiff``, and ``.jpg`` equals ``.jpeg``.

    Args:
        folder (str): The folder.
        suffixes (Sequence[str]): E.g. ``('.tif',)`` or ``('_image.tif',)``.
        others (Sequence[str]): Suffixes of other files in the folder, which are not mistaken for another spelling.

    Returns:
        list[str]: Paths below the folder, sorted.

    Raises:
        FileNotFoundError: One of them is a broken link.
    """
    names = list(_files_below(folder))
    wanted, unwanted = tuple(suffixes), tuple(others)
    found = sorted(
        name
        for name in names
        if name.endswith(wanted) or (not name.endswith(unwanted) and suffix_of(name, suffixes) is not None)
    )
    for name in found:
        if not osp.exists(osp.join(folder, name)):
            link = osp.join(folder, name)
            raise FileNotFoundError(
                f'{link} is a link to {os.readlink(link)}, which leads nowhere; put the file there or remove the link.'
            )
    return found


def _files_below(folder: str) -> Iterator[str]:
    """Paths of files below a folder, following links to folders, without hidden files."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        below, real = osp.relpath(parent, folder), osp.join(osp.realpath(parent), '')
        # A link to a parent folder would loop for ever.
        loops = [name for name in folders if real.startswith(osp.join(osp.realpath(osp.join(parent, name)), ''))]
        folders[:] = sorted(name for name in folders if not name.startswith('.') and name not in loops)
        for name in names:
            path = osp.join(parent, name)
            if not name.startswith('.') and (osp.isfile(path) or osp.islink(path)):
                yield osp.normpath(osp.join(below, name))


def suffix_of(name: str, suffixes: Sequence[str]) -> str | None:
    """The longest suffix that matches a file's name in any spelling, as spelt in the name; or None."""
    common = _common(name)
    wanted = [_common(suffix).lower() for suffix in suffixes]
    fitting = [len(suffix) for suffix in wanted if common.lower().endswith(suffix)]
    return name[len(common) - max(fitting) :] if fitting else None


def existing_suffix(stem: str, suffixes: Sequence[str], listings: dict[str, list[str]]) -> str | None:
    """The first suffix for which a file exists, as spelt in its name; or None.

    Args:
        stem (str): Path without suffix.
        suffixes (Sequence[str]): Suffixes to try, in this order.
        listings (dict[str, list[str]]): Cache of file names by folder; filled in.
    """
    for suffix in suffixes:
        if osp.isfile(stem + suffix):
            return suffix
    folder, start = osp.split(stem)
    if folder not in listings:
        listings[folder] = sorted(os.listdir(folder or '.')) if osp.isdir(folder or '.') else []
    ends = [name[len(start) :] for name in listings[folder] if name.startswith(start)]
    for suffix in suffixes:
        for end in ends:
            if suffix_of(end, [suffix]) == end:
                return end
    return None


def check_spellings(names: Mapping[str, str]) -> None:
    """Refuse two files whose names differ only in the spelling of the suffix: they would share a label and a result.

    Args:
        names (Mapping[str, str]): Path of each file -> path without suffix.

    Raises:
        UserError: There are two.
    """
    seen: dict[str, str] = {}
    for path, stem in names.items():
        key = stem + _common(path[len(stem) :]).lower()
        if key in seen:
            raise UserError(
                f'{seen[key]} and {path} are two spellings of one name; remove or rename one, or list the files to '
                'take in ann_file.'
            )
        seen[key] = path


def read_list(path: str) -> list[str]:
    """Lines of a text file, stripped, without empty ones.

    It reads UTF-8 with or without a byte order mark, UTF-16, and the line endings of any system.

    Args:
        path (str): The file.

    Raises:
        UserError: It is not text in one of these encodings.
    """
    with open(path, 'rb') as file:
        data = file.read()
    try:
        lines = data.decode(_coding(data)).splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f'The list {path} is neither UTF-8 nor UTF-16 text ({error}); save it as UTF-8.') from error
    return [line.strip() for line in lines if line.strip()]


def _coding(data: bytes) -> str:
    for mark, coding in _MARKS:
        if data.startswith(mark):
            return coding
    # Names are mostly ASCII, and in UTF-16 every second byte of ASCII text is zero.
    if data[1:2] == b'\0':
        return 'utf-16-le'
    return 'utf-16-be' if data[:1] == b'\0' else 'utf-8'


def _common(name: str) -> str:
    """A name with ``.tif`` and ``.jpg`` in place of ``.tiff`` and ``.jpeg``; case is kept."""
    return name[:-2] + name[-1] if name.lower().endswith(_LONG) else name
