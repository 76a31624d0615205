"""Adapts a trained segmentor to a target without training: batch norm statistics and class shares."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from mmuda.apis.batch_norm import re_estimate
from mmuda.apis.class_shares import match_class_shares, refuse_shares
from mmuda.apis.counts import supervised_classes
from mmuda.apis.inference import init_model, predicting_network
from mmuda.checkpoints.card import CARD, adapted_card
from mmuda.checkpoints.reading import SEGMENTOR, TEACHER, read_checkpoint, state_dict_of, write_checkpoint
from mmuda.checkpoints.weights import resolve_weights
from mmuda.engine.model_card import card_if_possible
from mmuda.structures import validity
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import refuse_input
from mmuda.utils.seeds import seeded
from mmuda.utils.writing import check_writable, no_empty_folders

ADAPTATION_STEPS = ('batch_norm', 'class_shares')
# Limit on skipped batches without data, as a multiple of those with data, of which a few are assumed at first.
MAX_EMPTY, SURE = 20, 5


def adapt(
    cfg: Config,
    checkpoint: str | os.PathLike,
    out: str | os.PathLike,
    steps: Sequence[str] = ADAPTATION_STEPS,
    shares: Sequence[float] | None = None,
    batches: int = 100,
    seed: int = 0,
    device: str | None = None,
    report: Callable[[str], None] = print,
) -> None:
    """Adapt a trained segmentor to unlabelled target images in seconds, without training.

    Images come from the config's target stream (``train_dataloader.dataset.target``), cropped as in training, else from
    its test set. No label of the target is read. The steps:

    - ``'batch_norm'`` (AdaBN; Li et al., 2016, https://arxiv.org/abs/1603.04779): the running mean and variance of each
      batch norm layer become those of the target's pixels that hold data, averaged over the batches with equal weights.
    - ``'class_shares'``: a constant is added to each class's logit, so that the classes take given shares of the
      target's pixels (:func:`mmuda.apis.class_shares.shift_for_shares`). It helps where the segmentor misses a class
      that is there, and harms where the shares are wrong.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        checkpoint: Path or URL of the trained weights, of any mmseg segmentor.
        out: The checkpoint to write, whole or not at all. It keeps the parameter names of the given one, without
            optimisers. ``meta['adapted']`` says what was done.
        steps: Some of the steps, in this order.
        shares: Share of each class in the target, in [0, 1], with sum 1. None takes the config's ``class_shares``, else
            those of the source's labels, as the config's source stream crops them.
        batches: Number of batches.
        seed: Seed of the crops and their order.
        device: E.g. ``'cuda:0'``; None takes a GPU if there is one.
        report: Called with lines for the user.

    Raises:
        UserError: If a step is unknown or cannot be done, the shares do not fit, there is no data, ``batches`` is below
            1, or ``out`` is the given checkpoint.
    """
    refuse_steps(steps)
    if batches < 1:
        raise UserError(f'batches={batches}: an adaptation needs at least one batch')
    shares = cfg.get('class_shares') if shares is None else shares
    refuse_shares(shares)
    refuse_input(out, [checkpoint])
    with no_empty_folders(Path(out).parent):
        check_writable(Path(out).parent)
        _adapt(cfg, checkpoint, out, steps, shares, batches, seed, device, report)
    report(f'written to {out}')


def _adapt(cfg, checkpoint, out, steps, shares, batches, seed, device, report) -> None:
    model = init_model(cfg, checkpoint, device)
    # If the model predicts with its teacher, that one is adapted.
    network = predicting_network(model)
    if 'class_shares' in steps:
        refuse_shares(shares, model.dataset_meta.get('classes') or supervised_classes(cfg))
    settings, what = target_images(cfg)
    read = partial(_batches, model, settings, batches, seed)
    how: dict[str, dict] = {}
    for step in [step for step in ADAPTATION_STEPS if step in steps]:
        if step == 'batch_norm':
            how[step] = re_estimate(network, read, cfg.filename)
            report(f'{how[step]["layers"]} batch norm layers re-estimated on {how[step]["batches"]} batches of {what}')
        else:
            classes = model.dataset_meta.get('classes')
            how[step] = match_class_shares(network, read, shares, cfg.filename)
            report(_told(how[step], classes))
    path = resolve_weights(checkpoint)
    prefix = TEACHER if getattr(model, 'evaluate_teacher', False) else SEGMENTOR
    text = card_if_possible(report, model.cfg, model.dataset_meta, cfg)
    _write(path, network.state_dict(), prefix, dict(how, images=what, seed=seed), out, text)


def refuse_steps(steps: Sequence[str]) -> None:
    """Refuse steps that there are not.

    Raises:
        UserError: One is unknown, or there is none.
    """
    if isinstance(steps, str) or not steps or not set(steps) <= set(ADAPTATION_STEPS):
        raise UserError(
            f'adaptation steps {steps!r}: there is {" and ".join(ADAPTATION_STEPS)}; give a list of one or both'
        )


def check_adaptation(cfg: Config) -> None:
    """Refuse, before a training, a config whose ``adaptation_steps`` could not be done after it.

    Raises:
        UserError: A step is unknown, ``class_shares`` do not fit the classes, there are no images of the target, or no
            test images for the choice.
    """
    if cfg.get('adaptation_steps') is None:
        return
    refuse_steps(cfg.adaptation_steps)
    refuse_shares(cfg.get('class_shares'), supervised_classes(cfg))
    target_images(cfg)
    if not (cfg.get('test_dataloader') or cfg.get('val_dataloader')):
        raise UserError(
            f'config {cfg.filename} has adaptation_steps, but no test_dataloader: the adapted model is compared with '
            'the trained one on test images, which need no labels; name some, or leave out adaptation_steps'
        )


def _told(how: Mapping, classes: Sequence[str] | None) -> str:
    names = classes or [f'class {number}' for number in range(len(how['shares']))]
    parts = [
        f'{name} {100 * before:.1f} -> {100 * share:.1f} %'
        for name, before, share in zip(names, how['before'], how['shares'], strict=True)
    ]
    return f'class shares matched on {how["batches"]} batches: {", ".join(parts)}'


def target_images(cfg: Config) -> tuple[dict, str]:
    """Settings of a loader, and a description of what it loads."""
    train = cfg.get('train_dataloader') or {}
    if (train.get('dataset') or {}).get('target'):
        return train, 'the target stream'
    if not cfg.get('test_dataloader'):
        raise UserError(
            f'config {cfg.filename} has neither train_dataloader.dataset.target nor a test_dataloader: name a config '
            'that says where the target images are'
        )
    return cfg.test_dataloader, 'the test images, without their labels'


def _batches(model, settings: dict, batches: int, seed: int) -> Iterator[tuple[Tensor, Tensor | None, Tensor | None]]:
    """Images of the target, the pixels that hold data (None: all), and labels of the source (None: there are none).

    The same ones each time.
    """
    used = empty = 0
    with seeded(seed), torch.no_grad():
        for data in Runner.build_dataloader(settings, seed=seed):
            stream = 'target' in data
            batch = model.data_preprocessor(data, training=stream)
            labelled = batch.get('source') if stream else None
            batch = batch['target'] if stream else batch
            images = batch['inputs']
            valid = validity(batch.get('data_samples') or [], images.shape[-2:], images)
            if valid is not None and not valid.any():
                empty += 1
                if empty > MAX_EMPTY * max(used, SURE):
                    first = batch['data_samples'][0].metainfo.get('img_path', 'the rasters')
                    raise UserError(
                        f'{empty} of {empty + used} batches of target images hold no data, the last from {first}; '
                        'check the rasters and their nodata values'
                    )
                continue
            yield images, valid, labelled and torch.stack([s.gt_sem_seg.data for s in labelled['data_samples']])
            used += 1
            if used == batches:
                return


def _write(
    path: str, state: Mapping[str, Tensor], prefix: str, how: dict, out: str | os.PathLike, card: str | None
) -> None:
    """Copy the checkpoint at ``path`` to ``out`` with the values of ``state``; ``card`` is for one without a card."""
    checkpoint = read_checkpoint(path)
    weights = dict(state_dict_of(checkpoint))
    # A plain mmseg checkpoint has no prefix before the segmentor's names.
    prefix = prefix if any(key.startswith(prefix) for key in weights) else ''
    weights.update({name: value.cpu() for key, value in state.items() if (name := f'{prefix}{key}') in weights})
    meta = {**(checkpoint.get('meta') or {}), 'adapted': how}
    card = meta.get(CARD) or card
    if card is not None:
        meta[CARD] = adapted_card(card, how, path)
    write_checkpoint(weights, out, **meta)
