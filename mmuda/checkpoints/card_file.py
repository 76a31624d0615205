"""Model files, of torch or safetensors: weights with their model card."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mmuda.checkpoints.card import CARD, card_from_text
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import note_input
from mmuda.utils.json_file import write_json

SAFETENSORS = '.safetensors'
INSTALL = "python -m pip install '.[export]'"


def read_model_file(path: str | os.PathLike) -> dict:
    """The weights and the ``meta`` of a file of torch (:func:`read_checkpoint`) or of safetensors.

    Args:
        path: The file; ``.safetensors`` tells the second kind.

    Returns:
        ``state_dict`` and ``meta``, which holds the card's text if the file has one.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It is damaged, or safetensors is not installed.
    """
    if Path(path).suffix != SAFETENSORS:
        return read_checkpoint(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f'model {path} was not found; check the path')
    note_input(path)
    safetensors = _library(path)
    try:
        with safetensors.safe_open(str(path), framework='pt') as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
            metadata = file.metadata() or {}
    except (safetensors.SafetensorError, ValueError, OSError) as error:
        raise UserError(f'model {path} is truncated or no safetensors file ({error}); use another file') from error
    meta = {CARD: metadata[CARD]} if CARD in metadata else {}
    if meta:
        card = card_from_text(metadata[CARD], path)
        meta['dataset_meta'] = {key: card[key] for key in ('classes', 'palette') if card[key]}
    return dict(state_dict=state, meta=meta)


def write_safetensors(state: Mapping[str, Tensor], text: str, path: str | os.PathLike) -> None:
    """Write weights with a card, whole or not at all.

    Args:
        state: Weights by name.
        text: The card.
        path: The file.

    Raises:
        UserError: It cannot be written, is an input, or safetensors is not installed.
    """
    _library(path)
    from safetensors.torch import save

    # Weights that share memory are copied: the format has no aliases.
    separate = {name: torch.empty_like(t, memory_format=torch.contiguous_format).copy_(t) for name, t in state.items()}
    write_atomically(save(separate, metadata={CARD: text, 'format': 'pt'}), path)


def write_card(text: str, path: str | os.PathLike) -> None:
    """Write a card as a JSON file that people read, whole or not at all."""
    write_json(json.loads(text), path)


def _library(path: str | os.PathLike):
    try:
        import safetensors
    except ImportError as error:
        raise UserError(f'{path} needs the package safetensors; run {INSTALL} in the checkout of mmuda') from error
    return safetensors
