"""Draws images reconstructed by a masked autoencoder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmuda.apis.prepare import prepare
from mmuda.checkpoints.reading import load_weights
from mmuda.models.wrappers.masked_autoencoder import MaskedAutoencoder
from mmuda.registry import DATASETS, MODELS
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import refuse_input
from mmuda.utils.seeds import seeded
from mmuda.visualization import Panel, draw_panels, viewable

HIDDEN_GREY = 160
SHOWN = dict(tokens='Tokens kept', pixels='Shown')


def draw_reconstructions(
    cfg: Config,
    checkpoint: str | os.PathLike,
    out: str | os.PathLike,
    count: int = 4,
    seed: int = 0,
    device: str | None = None,
) -> dict[str, float]:
    """Draw training images, their visible parts, their reconstruction, and both together (Low2High, Figure S4).

    With ``mask='tokens'`` the embedding has seen the whole image. Visible tokens contain information about their
    neighbours, so a good reconstruction of the rest does not prove that the model can predict it.

    Args:
        cfg: Config of a :class:`MaskedAutoencoder`.
        checkpoint: Its trained weights.
        out: PNG file.
        count: Number of images, spread over the training set.
        seed: Seed of the crops and masks.
        device: E.g. ``'cuda:0'``; None takes a GPU if there is one.

    Returns:
        Over the images drawn and in units of normalised images: ``variance`` of the pixels around their channel's mean,
        ``mse_hidden`` and ``mse_shown`` of the reconstruction.

    Raises:
        UserError: If the config is not of a masked autoencoder, or the checkpoint is of another model.
    """
    cfg = prepare(cfg)
    model = MODELS.build(cfg.model)
    if not isinstance(model, MaskedAutoencoder):
        raise UserError(f'the model of {cfg.filename} is a {type(model).__name__}; give a config of MaskedAutoencoder')
    refuse_input(out, [checkpoint])
    load_weights(model, checkpoint)
    model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu')).eval()
    stream = model.streams[0]
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset[stream]))
    with seeded(seed), torch.no_grad():
        batch = pseudo_collate([dataset[i * len(dataset) // count] for i in range(count)])
        samples = batch['inputs']
        images = model.data_preprocessor({stream: batch})[stream]['inputs']
        found, hidden = model.reconstruct(images)
    squared = (found - images) ** 2
    pixels, rows = model.data_preprocessor.to_pixels(found, stream).clamp(0, 255), []
    for raw, made, mask in zip(samples, pixels, hidden.bool(), strict=True):
        whole = viewable(raw.permute(1, 2, 0).numpy())
        covered = mask[0].cpu().numpy()[..., None]
        made = viewable(made.round().byte().permute(1, 2, 0).cpu().numpy())
        rows.append(
            [
                Panel(whole, 'Image', True),
                Panel(np.where(covered, np.uint8(HIDDEN_GREY), whole), SHOWN[model.mask], True),
                Panel(made, 'Reconstruction', True),
                Panel(np.where(covered, made, whole), 'Both', True),
            ]
        )
    write_atomically(draw_panels(rows), Path(out))
    of_hidden = squared.permute(1, 0, 2, 3)[:, hidden[:, 0].bool()]
    of_shown = squared.permute(1, 0, 2, 3)[:, ~hidden[:, 0].bool()]
    return dict(
        variance=float((images - images.mean((0, 2, 3), keepdim=True)).square().mean()),
        mse_hidden=float(of_hidden.mean()),
        mse_shown=float(of_shown.mean()),
    )
