"""Which files a process reads, so that none of them is replaced by what it writes."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mmuda.utils.errors import UserError

# A file by device and inode: links and other spellings of a path lead to the same one.
_inputs: dict[tuple[int, int], str] = {}
_outputs: set[tuple[int, int]] = set()


def note_input(path: str | os.PathLike) -> None:
    """Remember that this process reads a file; one that is not there is left out."""
    key = _key(path)
    if key is not None:
        _inputs[key] = os.fspath(path)


def note_output(path: str | os.PathLike) -> None:
    """Remember that this process has written a file: it may write it again, even if it has looked at it meanwhile."""
    key = _key(path)
    if key is not None:
        _outputs.add(key)


def refuse_input(path: str | os.PathLike, inputs: Iterable[str | os.PathLike] = ()) -> None:
    """Refuse to write a file that is an input, whatever path, link or case leads to it.

    Args:
        path: The file that is to be written; nothing is wrong if there is none yet.
        inputs: Inputs of the job, beside the files that this process has read and not written itself.

    Raises:
        UserError: If it is one of them.
    """
    key = _key(path)
    if key is None:
        return
    found = next((other for other in inputs if _key(other) == key), None)
    if found is None and key not in _outputs and key in _inputs and _key(_inputs[key]) == key:
        found = _inputs[key]
    if found is not None:
        same = '' if os.fspath(found) == os.fspath(path) else f' (it is the same file as {os.fspath(found)})'
        raise UserError(
            f'{os.fspath(path)} is read as an input{same} and would be replaced by the output; give another folder or '
            'name for the output'
        )


def _key(path: str | os.PathLike) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
