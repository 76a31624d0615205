"""Refuses files that are no checkpoints."""

from collections.abc import Mapping
from pathlib import Path

from mmuda.utils.errors import UserError

STARTS = (b'PK', b'\x80')  # of an archive, as torch writes now, and of a pickle, as it did


def check_start(path: Path) -> None:
    """Refuse a file that is neither an archive nor a pickle, which torch would take for one that runs code."""
    with path.open('rb') as file:
        start = file.read(16)
    if start and not start.startswith(STARTS):
        raise UserError(f'checkpoint {path} is truncated or no checkpoint (it begins with {start!r}); use another file')


def check_content(checkpoint, path: Path) -> None:
    """Refuse a readable file that is no checkpoint."""
    if not isinstance(checkpoint, dict):
        raise UserError(
            f'checkpoint {path} holds a {type(checkpoint).__name__} where a dict was expected; use another file'
        )
    for name in ('meta', 'state_dict'):
        if checkpoint.get(name) is not None and not isinstance(checkpoint[name], Mapping):
            raise UserError(
                f'checkpoint {path} holds a {type(checkpoint[name]).__name__} as {name!r} where a dict was expected; '
                'use another file'
            )
