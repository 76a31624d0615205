"""Parses options of the tools: ``--cfg-options KEY=VALUE``, and numbers with a range."""

from __future__ import annotations

import argparse
import ast
import difflib
import re
from collections.abc import Callable, Mapping

from mmengine.config import Config, DictAction

from mmuda.utils.errors import UserError
from mmuda.utils.seeds import HIGHEST_SEED

# Placeholder for spaces inside a text while mmengine, which drops spaces, parses lists.
SPACE = '\ue000'
# Similarity (0 to 1) above which one key is taken for a misspelling of another.
ALIKE = 0.8


class CfgOptions(DictAction):
    """mmengine's ``KEY=VALUE ...``, which also keeps spaces inside values and refuses what it cannot parse.

    A value is parsed as Python if possible (``3e-4``, ``None``, ``[1, 2]``, ``{'a': 1}``, ``'a text, quoted'``). Else
    it is a list of bare words if it has commas or brackets (``a,b``, ``[a, (b, c)]``), else the text itself.
    """

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        options = dict(getattr(namespace, self.dest, None) or {})
        for option in values:
            key, equals, text = option.partition('=')
            try:
                if not equals or not key.strip():
                    raise ValueError('it is not of the form KEY=VALUE; quote it if it has spaces')
                options[key.strip()] = parse_value(text)
            except ValueError as error:
                raise argparse.ArgumentError(self, f'{option!r}: {error}') from error
        setattr(namespace, self.dest, options)


def parse_value(text: str):
    """Parse a value from the command line.

    Args:
        text: The text, as described in :class:`CfgOptions`.

    Raises:
        ValueError: If it is empty or its brackets do not match.
    """
    text = text.strip()
    if not text:
        raise ValueError('the value is missing; write None for none, "\'\'" for an empty text')
    if text.lower() in ('true', 'false'):
        return text.lower() == 'true'
    try:
        value = ast.literal_eval(text)
        return list(value) if isinstance(value, tuple) and text[0] != '(' else value  # as mmengine parses 1,2
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        pass
    if (text[0] in '([' or ',' in text) and any(text.count(a) != text.count(b) for a, b in ('()', '[]')):
        raise ValueError('its brackets do not match')
    if text[0] == '{':
        raise ValueError("a dict is written as in Python, with quotes: {'a': 1}")
    tight = re.sub(r'\s*([\[\](),])\s*', r'\1', text).replace(' ', SPACE)
    return _with_spaces(DictAction._parse_iterable(tight))


def value(text: str):
    """A ``type=`` for an argument of any value, as in :class:`CfgOptions`."""
    try:
        return parse_value(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _with_spaces(value):
    if isinstance(value, list | tuple):
        return type(value)(map(_with_spaces, value))
    return value.replace(SPACE, ' ') if isinstance(value, str) else value


def add_cfg_options(parser: argparse.ArgumentParser, text: str = 'override values in the config') -> None:
    """Add ``--cfg-options KEY=VALUE ...``, whose values :func:`mmuda.apis.load_config` takes.

    Args:
        parser: Parser of a tool.
        text: Help text.
    """
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, metavar='KEY=VALUE', help=text)


def number(kind: type, holds: Callable[[float], bool], allowed: str) -> Callable[[str], float]:
    """A ``type=`` for a numeric argument in a range.

    Args:
        kind: ``int`` or ``float``.
        holds: Whether a number is in the range.
        allowed: The range in words, e.g. ``'a whole number of at least 1'``.
    """

    def read(text: str) -> float:
        try:
            result = kind(text)
        except ValueError:
            result = None
        if result is None or not holds(result):
            raise argparse.ArgumentTypeError(f'{text!r} is not right; give {allowed}')
        return result

    return read


count = number(int, lambda value: value >= 1, 'a whole number of at least 1')
amount = number(int, lambda value: value >= 0, 'a whole number of at least 0')
positive = number(float, lambda value: 0 < value < float('inf'), 'a number above 0')
not_negative = number(float, lambda value: 0 <= value < float('inf'), 'a number of at least 0')
share = number(float, lambda value: 0 <= value <= 1, 'a number between 0 and 1')
seed = number(int, lambda value: 0 <= value <= HIGHEST_SEED, f'a whole number from 0 to {HIGHEST_SEED}')


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
