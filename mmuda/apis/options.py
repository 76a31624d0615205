"""Merges options of the tools that set values of a config, ``--cfg-options KEY=VALUE``, into it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from mmengine.config import Config

from mmuda.utils.errors import UserError

# Similarity (0 to 1) above which one key is taken for a misspelling of another.
ALIKE = 0.8


def merge_options(cfg: Config, options: Mapping[str, object]) -> None:
    """Merge options into a config.

    Args:
        cfg: The config.
        options: Values by dotted key; the elements of a list are counted from 0.

    Raises:
        UserError: If a key passes through a value that is not a dict or list, names a missing list element, or is a
            likely misspelling of an existing key.
    """
    for key in options:
        _check_path(cfg, key)
    try:
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError, IndexError) as error:
        raise UserError(f'--cfg-options {dict(options)} do not fit config {cfg.filename}: {error}') from error


def _check_path(cfg: Config, key: str) -> None:
    refusal = f'--cfg-options {key} does not fit config {cfg.filename}'
    node, way = dict(cfg), []
    for name in key.split('.'):
        place = '.'.join(way) or 'the config'
        if isinstance(node, list | tuple):
            if not name.isdigit() or int(name) >= len(node):
                raise UserError(
                    f'{refusal}: {place} is a list of {len(node)}, so that {name!r} names none of its elements; '
                    f'give 0 to {len(node) - 1}, or the whole list'
                )
            node = node[int(name)]
        elif isinstance(node, Mapping):
            if name not in node:
                if way:  # names at the top are checked with the whole config
                    _refuse_near_miss(node, name, place, refusal)
                return
            node = node[name]
        else:
            raise UserError(f'{refusal}: {place} is {node!r}, which has no entries; give {place}=... as a whole')
        way.append(name)


def _refuse_near_miss(node: Mapping, name: str, place: str, refusal: str) -> None:
    """Accept new keys, but refuse likely misspellings; a class's arguments are checked with the class."""
    if 'type' in node:
        return
    close = difflib.get_close_matches(name, [str(known) for known in node], 1, ALIKE)
    if close and close[0].rstrip('0123456789') != name.rstrip('0123456789'):
        raise UserError(f'{refusal}: {place} has no {name!r}; did you mean {close[0]}?')
