"""The model card inside a checkpoint: what a prediction needs beside the weights, as plain JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from mmuda.checkpoints.card_checks import check_entries, check_plain, damaged
from mmuda.utils.errors import UserError

CARD = 'mmuda_card'
"""Key of a checkpoint's ``meta``, and of the metadata of safetensors and ONNX files, that holds the card's text."""
SCHEMA = 1
MOST_CHARACTERS = 1_000_000


def card_text(card: Mapping) -> str:
    """The card as JSON on one line, with the version of its schema.

    Args:
        card: Entries as :func:`card_from_text` gives them.

    Raises:
        UserError: It would be refused when read.
    """
    card = dict(schema=SCHEMA, **{key: value for key, value in card.items() if key != 'schema'})
    check_plain(card, 'this run')
    check_entries(card, 'this run')
    return json.dumps(card, allow_nan=False)


def card_from_text(text, where: str | os.PathLike) -> dict:
    """The card that a text holds.

    Nothing in it is executed, imported or opened. Entries: ``schema`` (int), ``name``, ``classes``, ``palette`` (list
    of (red, green, blue), or None), ``input`` (``bands`` counted from 1, ``band_names``, ``value_range`` that becomes 0
    to 255, ``mean`` and ``std`` of the domain in these units and in the order of the bands, ``reversed``: whether the
    network gets the first three bands in reverse, ``domain``, ``gsd`` that the network expects in metres per pixel,
    ``raster_gsd`` that the test set states, ``tile`` in pixels of the raster), ``pipeline`` (test transforms),
    ``segmentor``, ``preprocessor``, ``adapter`` (configs), ``predicts_with`` (``'segmentor'``, ``'teacher'``, or
    ``'model'`` without a wrapper), ``incomplete`` (why there is no segmentor, or None), ``plugins`` (modules that
    register its types), ``versions``, ``data``, ``method``, ``iteration``, ``validation``, ``selection``, ``adapted``.

    Args:
        text: JSON.
        where: The file, for errors.

    Raises:
        UserError: It is damaged, of a newer schema, or says something that no card says.
    """
    where = os.fspath(where)
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
        raise damaged(where, f'not the form of a text of at most {MOST_CHARACTERS} characters')
    try:
        card = json.loads(text)
    except (ValueError, RecursionError) as error:  # Python gives up on long numbers and on deep nesting
        reason = 'it is nested too deep' if isinstance(error, RecursionError) else error
        raise damaged(where, f'no valid JSON ({reason})') from error
    if not isinstance(card, dict):
        raise damaged(where, f'a {type(card).__name__} where an object is expected')
    _check_schema(card, where)
    check_plain(card, where)
    check_entries(card, where)
    return card


def _check_schema(card: Mapping, where: str) -> None:
    schema = card.get('schema')
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise damaged(where, f'schema={schema!r}, which must be a whole number from 1')
    if schema > SCHEMA:
        raise UserError(
            f'{where}: its model card has schema {schema}, and this version of mmuda reads up to {SCHEMA}; update '
            'mmuda, or give the config of its training'
        )


def card_of(checkpoint: Mapping, where: str | os.PathLike) -> dict | None:
    """The card of a checkpoint that was read; None if it has none, as those of earlier versions and of mmseg.

    Args:
        checkpoint: With ``meta``.
        where: The file, for errors.

    Raises:
        UserError: As :func:`card_from_text`.
    """
    text = (checkpoint.get('meta') or {}).get(CARD)
    return None if text is None else card_from_text(text, where)


def adapted_card(text: str, how: Mapping, where: str | os.PathLike) -> str:
    """The card of weights that were changed without training.

    Args:
        text: Card of the weights before.
        how: Plain data: what was done.
        where: The file, for errors.

    Returns:
        The new card: what was measured before counts as measured on other weights.
    """
    card = card_from_text(text, where)
    validation = card['validation'] and dict(card['validation'], of_these_weights=False)
    return card_text(dict(card, adapted=json.loads(json.dumps(how)), validation=validation))
