"""Trainings without labels: they need the weights of a trained segmentor, and have its classes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mmengine.config import Config

from mmuda.apis.class_checks import configured_classes
from mmuda.apis.counts import supervised_streams
from mmuda.checkpoints.mmseg0 import dataset_meta_of
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.utils.errors import UserError


def is_source_free(cfg: Config) -> bool:
    """Whether a config adapts a segmentor to a target without any labels: no stream is read by a supervised term."""
    model, dataset = cfg.get('model'), (cfg.get('train_dataloader') or {}).get('dataset')
    if not (isinstance(model, Mapping) and isinstance(model.get('segmentor'), Mapping)):
        return False
    if not isinstance(dataset, Mapping) or dataset.get('type') != 'UDADataset' or dataset.get('source'):
        return False
    return not any(dataset.get(name) for name in supervised_streams(model))


def refuse_random_start(cfg: Config, checkpoint: str | os.PathLike | None) -> None:
    """Refuse a source-free training that would start from a random classifier, which nothing could ever correct.

    Args:
        cfg: Config of the training.
        checkpoint: What its weights start from.

    Raises:
        UserError: If so, with the remedy.
    """
    if not is_source_free(cfg):
        return
    if checkpoint is None:
        raise UserError(
            f'config {cfg.filename} learns from images of the target without labels, so it must start from a trained '
            "segmentor; give load_from='CHECKPOINT', e.g. of a source-only run"
        )
    skipped = [part for part in cfg.get('load_skip') or () if 'head' in part]
    if skipped:
        raise UserError(
            f'load_skip={skipped} of config {cfg.filename} would leave the head random, and without labels nothing '
            'corrects it; leave load_skip out, and give a checkpoint that has the classes of the target'
        )


def take_classes(cfg: Config, checkpoint: str | os.PathLike) -> None:
    """Give the target of a source-free training the classes of its checkpoint, if its dataset names none.

    Args:
        cfg: Config of the training; changed in place.
        checkpoint: Path of the checkpoint.
    """
    if not is_source_free(cfg) or not cfg.train_dataloader.dataset.get('target'):
        return
    target = cfg.train_dataloader.dataset.target
    while isinstance(target.get('dataset'), Mapping):
        target = target['dataset']
    if configured_classes(target):
        return
    meta = dataset_meta_of(read_checkpoint(checkpoint, tell=False))
    found = {key: meta[key] for key in ('classes', 'palette') if meta.get(key)}
    if 'classes' in found:
        target['metainfo'] = {**found, **(target.get('metainfo') or {})}
