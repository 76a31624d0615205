"""JSON files: reads those that people may have edited, and writes files whole or not at all."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically


def read_object(path: str | os.PathLike, remedy: str, keys: Iterable[str] = ()) -> dict:
    """The object that a JSON file holds.

    Args:
        path: The file.
        remedy: What to do if it is damaged or something else.
        keys: Entries that it must have.

    Raises:
        UserError: If it is no JSON, holds something else than an object, or lacks an entry.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8-sig'))
    except ValueError as error:  # also raised if the file is not text
        raise UserError(f'{path} is no JSON ({error}); {remedy}') from error
    if not isinstance(content, dict):
        raise UserError(f'{path} holds a {type(content).__name__} where an object was expected; {remedy}')
    missing = [key for key in keys if key not in content]
    if missing:
        raise UserError(f'{path} lacks {", ".join(missing)}; {remedy}')
    return content


def write_json(content: dict | list, path: str | os.PathLike, indent: int | None = 2) -> None:
    """Write a JSON file, whole or not at all.

    Args:
        content: What JSON can hold.
        path: The file.
        indent: Spaces per level; None writes one line.

    Raises:
        UserError: As :func:`mmuda.utils.fileio.write_atomically`.
    """
    write_atomically((json.dumps(content, indent=indent) + '\n').encode(), path)
