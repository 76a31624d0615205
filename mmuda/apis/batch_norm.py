"""AdaBN: target batch norm statistics for a network trained on the source."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.apis.inference import init_model, predicting_network
from mmuda.checkpoints.reading import SEGMENTOR, TEACHER, read_checkpoint, state_dict_of, write_checkpoint
from mmuda.checkpoints.weights import resolve_weights
from mmuda.models.masked_batch_norm import only_valid
from mmuda.models.segmentors import HRDA
from mmuda.structures import validity
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import refuse_input
from mmuda.utils.seeds import seeded
from mmuda.utils.writing import check_writable

# Limit on skipped batches without data, as a multiple of the requested batches.
MAX_EMPTY = 20


def adapt_batch_norm(
    cfg: Config,
    checkpoint: str | os.PathLike,
    out: str | os.PathLike,
    batches: int = 100,
    seed: int = 0,
    device: str | None = None,
    report: Callable[[str], None] = print,
) -> int:
    """Re-estimate the running statistics of all batch norm layers on unlabelled target images (AdaBN).

    Li et al., 2016 (https://arxiv.org/abs/1603.04779): the mean and the variance of each layer become those of the
    target's pixels that hold data, averaged over the batches with equal weights; nothing else changes and no label is
    read. Images come from the config's target stream (``train_dataloader.dataset.target``), cropped as in training,
    else from its test set.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        checkpoint: Path or URL of the trained weights, of any mmseg segmentor with batch norm.
        out: The checkpoint to write, whole or not at all. It keeps the parameter names of the given one, without
            optimisers.
        batches: Number of batches.
        seed: Seed of the crops and their order.
        device: E.g. ``'cuda:0'``; None takes a GPU if there is one.
        report: Called with lines for the user.

    Returns:
        Number of re-estimated layers.

    Raises:
        UserError: If there is no batch norm with running statistics, no data, ``batches`` is below 1, or ``out`` is
            the given checkpoint.
    """
    if batches < 1:
        raise UserError(f'batches={batches}: statistics need at least one batch')
    refuse_input(out, [checkpoint])
    check_writable(Path(out).parent)
    model = init_model(cfg, checkpoint, device)
    # If the model predicts with its teacher, the teacher's statistics are the ones that matter.
    network = predicting_network(model)
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    if not layers:
        raise UserError(
            f'{type(network).__name__} of config {cfg.filename} has no batch norm layer with running statistics: there '
            'is nothing to re-estimate'
        )
    loader, what = _target_images(cfg, seed)
    used = _re_estimate(model, network, layers, loader, batches, seed)
    path = resolve_weights(checkpoint)
    prefix = TEACHER if getattr(model, 'evaluate_teacher', False) else SEGMENTOR
    _write(path, network.state_dict(), prefix, dict(batches=used, images=what, seed=seed), out)
    report(f'{len(layers)} batch norm layers re-estimated on {used} batches of {what}; written to {out}')
    return len(layers)


def _target_images(cfg: Config, seed: int):
    """The loader, and a description of what it loads."""
    train = cfg.get('train_dataloader') or {}
    if (train.get('dataset') or {}).get('target'):
        return Runner.build_dataloader(train, seed=seed), 'the target stream'
    if not cfg.get('test_dataloader'):
        raise UserError(
            f'config {cfg.filename} has neither train_dataloader.dataset.target nor a test_dataloader: name a config '
            'that says where the target images are'
        )
    return Runner.build_dataloader(cfg.test_dataloader, seed=seed), 'the test images, without their labels'


@torch.no_grad()
def _re_estimate(model: nn.Module, network: nn.Module, layers: list, loader, batches: int, seed: int) -> int:
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the cumulative average over batches
        layer.train()
    used = empty = 0
    with seeded(seed):
        for data in loader:
            stream = 'target' in data
            batch = model.data_preprocessor(data, training=stream)
            batch = batch['target'] if stream else batch
            images = batch['inputs']
            weights = validity(batch.get('data_samples') or [], images.shape[-2:], images)
            if weights is not None and not weights.any():
                empty += 1
                if empty > MAX_EMPTY * batches:
                    raise UserError(f'{empty} batches of target images hold no data; check the rasters')
                continue
            _forward(network, layers, images, weights)
            used += 1
            if used == batches:
                break
    model.eval()
    return used


def _forward(network: nn.Module, layers: list, images: Tensor, weights: Tensor | None) -> None:
    if weights is None or not isinstance(network, HRDA):
        with only_valid(layers, weights):
            network(images, mode='tensor')
        return
    # Each scale sees other pixels.
    with only_valid(layers, network.context_image(weights).round()):
        network.context(images)
    with only_valid(layers, network.windows(weights)):
        network.detail(network.windows(images))


def _write(path: str, state: Mapping[str, Tensor], prefix: str, how: dict, out: str | os.PathLike) -> None:
    """Copy the checkpoint at ``path`` to ``out`` with the statistics of ``state``."""
    checkpoint = read_checkpoint(path)
    weights = dict(state_dict_of(checkpoint))
    # A plain mmseg checkpoint has no prefix before the segmentor's names.
    prefix = prefix if any(key.startswith(prefix) for key in weights) else ''
    for key, value in state.items():
        if key.endswith(('running_mean', 'running_var', 'num_batches_tracked')) and f'{prefix}{key}' in weights:
            weights[f'{prefix}{key}'] = value.cpu()
    meta = {**(checkpoint.get('meta') or {}), 'adapted_batch_norm': how}
    write_checkpoint(weights, out, **meta)
