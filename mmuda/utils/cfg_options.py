"""Parses options of the tools that set values of a config, ``--cfg-options KEY=VALUE``; imports no mmengine for it."""

from __future__ import annotations

import argparse
import ast
import re

# Placeholder for spaces inside a text while mmengine, which drops spaces, parses lists.
SPACE = '\ue000'


class CfgOptions(argparse.Action):
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
    from mmengine.config import DictAction  # late: a tool's --help needs no mmengine

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
