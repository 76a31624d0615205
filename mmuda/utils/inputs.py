"""Keeps track of the files a process reads, so that its outputs never overwrite them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from mmuda.utils.errors import UserError

# Files by device and inode, so that links and other spellings of a path count as the same file.
_inputs: dict[tuple[int, int], str] = {}
_outputs: set[tuple[int, int]] = set()


def note_input(path: str | os.PathLike) -> None:
    """Remember that this process reads a file; a missing file is ignored."""
    key = _key(path)
    if key is not None:
        _inputs[key] = os.fspath(path)


def note_output(path: str | os.PathLike) -> None:
    """Remember that this process has written a file: it may write it again, even if it has read it since."""
    key = _key(path)
    if key is not None:
        _outputs.add(key)


def refuse_input(path: str | os.PathLike, inputs: Iterable[str | os.PathLike] = ()) -> None:
    """Refuse to write a file that is an input, by whatever path, link or case.

    Args:
        path: The file to write; it need not exist yet.
        inputs: Inputs of the job, in addition to the files that this process has read and not written itself.

    Raises:
        UserError: If it is one of them.
    """
    check_outputs({}, inputs, [path])


def check_outputs(
    outputs: Mapping[str, str | os.PathLike],
    inputs: Iterable[str | os.PathLike] = (),
    others: Iterable[str | os.PathLike] = (),
) -> None:
    """Check a job's outputs before it starts.

    Args:
        outputs: Output of each input.
        inputs: Additional inputs of the job; the keys of ``outputs`` always count.
        others: Further outputs, which belong to no single input.

    Raises:
        UserError: If two inputs have one output, or an output is an input.
    """
    made_from: dict[str, str] = {}
    for source, output in outputs.items():
        name = os.path.normcase(os.path.abspath(output))
        if made_from.setdefault(name, source) != source:
            raise UserError(
                f'{made_from[name]} and {source} would both be written to {os.fspath(output)}, and one of them would '
                'be lost; rename one, or give them one at a time with different output folders'
            )
    known = {_key(path): os.fspath(path) for path in [*outputs, *inputs]}
    for output in [*outputs.values(), *others]:
        key = _key(output)
        if key is None:
            continue
        read = _inputs.get(key) if key not in _outputs and _key(_inputs.get(key, '')) == key else None
        found = known.get(key) or read
        if found is not None:
            same = '' if found == os.fspath(output) else f' (it is the same file as {found})'
            raise UserError(
                f'{os.fspath(output)} is read as an input{same} and would be replaced by the output; give another '
                'folder or name for the output'
            )


def _key(path: str | os.PathLike) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino
