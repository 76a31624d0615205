"""Exports a segmentor as safetensors: its weights alone, with the model card."""

from __future__ import annotations

import os
from pathlib import Path

from mmuda.apis.export_source import TrainedSegmentor
from mmuda.checkpoints.card import card_text
from mmuda.checkpoints.card_file import write_safetensors
from mmuda.utils.errors import UserError


def export_weights(trained: TrainedSegmentor, path: str | os.PathLike) -> Path:
    """Write a segmentor's weights with its card in the file's metadata; ``init_model(path)`` reads it.

    Args:
        trained: The segmentor and its card.
        path: The file, ``.safetensors``.

    Raises:
        UserError: The card holds no segmentor, safetensors is not installed, or the file cannot be written.
    """
    if trained.card['segmentor'] is None:
        raise UserError(
            f'{trained.checkpoint}: its model card has no segmentor, because {trained.card["incomplete"]}; without one '
            'nothing could read the weights, so keep the checkpoint with its config'
        )
    write_safetensors(trained.network.state_dict(), card_text(trained.card), path)
    return Path(path)
