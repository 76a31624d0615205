"""Checks what a model card says, before anything is made of it: kinds, ranges, sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from mmuda.utils.errors import UserError
from mmuda.utils.metainfo import MOST_CLASSES, check_metainfo

# More than any network of this library has, and far less than would hurt.
MOST_DEPTH, MOST_VALUES, LONGEST_TEXT = 24, 20_000, 2000
NAME = re.compile(r'[\w][\w.+-]{0,199}')
MODULE = re.compile(r'[A-Za-z_]\w*(\.[A-Za-z_]\w*)*')
MOST_BANDS, MOST_PIXELS, LARGEST_NUMBER = 1000, 65_536, 1e7
REMEDY = 'use the file as it was written, or give the config of its training'


def damaged(where: str, what: str) -> UserError:
    """The error for a card that says something wrong.

    Args:
        where: The file.
        what: The entry, its value, and what it may be.
    """
    return UserError(f'{where}: its model card has {what}; {REMEDY}')


def shown(value) -> str:
    """A value on one short line."""
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def check_plain(value, where: str) -> None:
    """Refuse what no card needs: deep nesting, very many or very long values, numbers that are not finite.

    Args:
        value: Dicts, lists, numbers and texts, as JSON gives them.
        where: The file, for the error.

    Raises:
        UserError: As above.
    """
    pending, count = [(value, 0)], 0
    while pending:
        one, depth = pending.pop()
        count += 1
        if depth > MOST_DEPTH:
            raise damaged(where, f'values nested more than {MOST_DEPTH} deep')
        if count > MOST_VALUES:
            raise damaged(where, f'more than {MOST_VALUES} values')
        if isinstance(one, Mapping):
            wrong = [key for key in one if not isinstance(key, str) or len(key) > LONGEST_TEXT]
            if wrong:
                raise damaged(where, f'the key {shown(wrong[0])}, where short texts are expected')
            pending += [(child, depth + 1) for child in one.values()]
        elif isinstance(one, list):
            pending += [(child, depth + 1) for child in one]
        elif isinstance(one, str):
            if len(one) > LONGEST_TEXT:
                raise damaged(where, f'a text of {len(one)} characters, where at most {LONGEST_TEXT} are expected')
        elif isinstance(one, float):
            if not math.isfinite(one):
                raise damaged(where, f'the number {one}, where finite ones are expected')
        elif not (one is None or isinstance(one, bool | int)):
            raise damaged(where, f'a {type(one).__name__}, where plain data is expected')


def check_entries(card: Mapping, where: str) -> None:
    """Refuse a card whose entries are missing, of the wrong kind, or out of their range.

    Args:
        card: The card, plain data.
        where: The file, for the error.

    Raises:
        UserError: Naming the entry, its value and what it may be.
    """
    for key, (fits, text) in ENTRIES.items():
        _require(card, key, fits, text, where)
    given = card['input']
    for key, (fits, text) in INPUT.items():
        _require(given, key, fits, text, where, 'input.')
    if len(given['mean']) != len(given['std']) or min(given['std'], default=0) <= 0:
        raise damaged(
            where,
            f'input.mean={shown(given["mean"])} and input.std={shown(given["std"])}, which must be as many, with '
            'positive deviations',
        )
    for key in ('bands', 'band_names'):
        if given[key] is not None and len(given[key]) != len(given['mean']):
            raise damaged(where, f'{len(given[key])} input.{key} for {len(given["mean"])} means, which must be as many')
    check_metainfo(dict(classes=card['classes'], palette=card['palette']), f'the model card of {where}')
    if not 0 < len(card['classes']) <= MOST_CLASSES:
        raise damaged(where, f'{len(card["classes"])} classes, where 1 to {MOST_CLASSES} are expected')
    if card['predicts_with'] == 'model' and card['adapter'] is not None:
        raise damaged(where, 'an adapter without a wrapper that would use it')


def _require(owner: Mapping, key: str, fits: Callable, text: str, where: str, prefix: str = '') -> None:
    if key not in owner:
        raise damaged(where, f'no {prefix}{key}, which must be {text}')
    if not fits(owner[key]):
        raise damaged(where, f'{prefix}{key}={shown(owner[key])}, which must be {text}')


def _or_none(fits: Callable) -> Callable:
    return lambda value: value is None or fits(value)


def _is_number(value) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and math.isfinite(value) and abs(value) <= LARGEST_NUMBER


def _is_positive(value) -> bool:
    return _is_number(value) and value > 0


def _is_count(value, most: int = MOST_PIXELS) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most


def _are(fits: Callable) -> Callable:
    return lambda value: isinstance(value, list) and 0 < len(value) <= MOST_BANDS and all(fits(one) for one in value)


def _is_range(value) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] < value[1]


def _is_text(value) -> bool:
    return isinstance(value, str)


def _is_name(value) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_dict(value) -> bool:
    return isinstance(value, Mapping)


def _is_steps(value) -> bool:
    return isinstance(value, list) and all(isinstance(step, Mapping) for step in value)


def _are_modules(value) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and MODULE.fullmatch(one) for one in value)


def _are_texts(value) -> bool:
    return isinstance(value, Mapping) and all(one is None or isinstance(one, str) for one in value.values())


def _is_list(value) -> bool:
    return isinstance(value, list)


def _is_amount(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


# What each entry must be; those of the input in a table of their own.
ENTRIES = dict(
    name=(_is_name, 'a name of letters, digits, dots, hyphens and underscores'),
    classes=(_is_list, 'a list of names'),
    palette=(_or_none(_is_list), 'a list of colours, or null'),
    input=(_is_dict, 'an object'),
    pipeline=(_is_steps, 'a list of objects'),
    segmentor=(_or_none(_is_dict), 'an object, or null'),
    preprocessor=(_or_none(_is_dict), 'an object, or null'),
    adapter=(_or_none(_is_dict), 'an object, or null'),
    predicts_with=(lambda value: value in ('segmentor', 'teacher', 'model'), "'segmentor', 'teacher' or 'model'"),
    incomplete=(_or_none(_is_text), 'a text, or null'),
    plugins=(_are_modules, 'a list of module names'),
    versions=(_are_texts, 'texts by package'),
    data=(_are_texts, 'texts by stream'),
    method=(_is_dict, 'an object'),
    iteration=(_or_none(_is_amount), 'a whole number, or null'),
    validation=(_or_none(_is_dict), 'an object, or null'),
    selection=(_is_text, 'a text'),
    adapted=(_or_none(_is_dict), 'an object, or null'),
)
INPUT = dict(
    bands=(_or_none(_are(_is_count)), 'a list of band numbers from 1, or null'),
    band_names=(_or_none(_are(_is_text)), 'a list of texts, or null'),
    value_range=(
        _or_none(lambda v: _is_range(v) or _are(_is_range)(v)),
        'two increasing numbers, or two for each band',
    ),
    mean=(_are(_is_number), f'a list of numbers up to {LARGEST_NUMBER:g}'),
    std=(_are(_is_positive), f'a list of positive numbers up to {LARGEST_NUMBER:g}'),
    reversed=(lambda value: isinstance(value, bool), 'true or false'),
    domain=(_or_none(_is_text), 'a text, or null'),
    gsd=(_or_none(_is_positive), 'a positive number of metres per pixel, or null'),
    raster_gsd=(_or_none(_is_positive), 'a positive number of metres per pixel, or null'),
    tile=(_or_none(_is_count), f'a whole number from 1 to {MOST_PIXELS}, or null'),
)
