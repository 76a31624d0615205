"""Checks that a checkpoint's weights were trained on the classes they are used for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from mmengine.logging import print_log

from mmuda.checkpoints.mmseg0 import dataset_meta_of
from mmuda.datasets.public.metainfo import check_same_classes
from mmuda.utils.errors import UserError


def classes_in(checkpoint: Mapping) -> tuple[str, ...]:
    """Names of the classes that a checkpoint was trained on; () if it does not list them."""
    return tuple(dataset_meta_of(checkpoint).get('classes') or ())


def check_trained_classes(checkpoint: Mapping, classes: Sequence[str], where: str, path: str) -> None:
    """Refuse weights that were trained on classes with other names or in another order.

    Checkpoints of mmseg 0.x name the same classes differently, so other names are reported, not refused.

    Args:
        checkpoint: Its ``meta`` lists the classes; a checkpoint without them passes.
        classes: Names of the classes that its predictions stand for.
        where: Where these names come from, for the error.
        path: File of the checkpoint, for the error.

    Raises:
        UserError: As above.
    """
    found = classes_in(checkpoint)
    if 'CLASSES' in (checkpoint.get('meta') or {}) and len(found) == len(classes) and sorted(found) != sorted(classes):
        print_log(
            f'the checkpoint {path} calls its classes {found}, {where} calls them {tuple(classes)}; they are taken to '
            'be the same, in this order',
            logger='current',
            level=logging.WARNING,
        )
        return
    try:
        check_same_classes(found, classes, f'the checkpoint {path}', where)
    except UserError as error:
        raise UserError(
            str(error).replace(' of both.', f' of {where}, or give a checkpoint that was trained on its classes')
        ) from error


def check_start(runner, checkpoint: Mapping, skips_head: bool) -> None:
    """Compare a checkpoint that a runner loads with the classes of its test or training.

    Training may start from weights for other classes; this is reported. The same classes in another order are refused,
    since each output would start as that of a wrong class. A training on the target alone must have the checkpoint's
    classes, since no label would correct its head.

    Args:
        runner: With the checkpoint just read.
        checkpoint: The checkpoint.
        skips_head: Whether part of the head keeps its own weights.

    Raises:
        UserError: A test, a resumed training or one on the target alone has other classes, or training has the same
            ones in another order.
    """
    loop, split = _loop_in_use(runner)
    dataset = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
    classes = tuple((getattr(dataset, 'metainfo', None) or {}).get('classes') or ())
    where, found = f'{split}_dataloader.dataset', classes_in(checkpoint)
    starts = split == 'train' and not runner._resume
    if starts and skips_head:
        return
    on_target_alone = set(getattr(dataset, 'streams', ())) == {'target'}
    if starts and sorted(found) != sorted(classes) and not on_target_alone:
        if found and classes:
            runner.logger.warning(
                f'load_from={runner._load_from} was trained on the classes {found}, this training is on {classes}; its '
                "head starts from theirs unless load_skip=['decode_head.conv_seg'] leaves it out"
            )
        return
    check_trained_classes(checkpoint, classes, where, str(runner._load_from))


def _loop_in_use(runner):
    """The loop that loads the checkpoint, and its split: a runner has built only what it runs."""
    for split in ('train', 'test', 'val'):
        loop = getattr(runner, f'_{split}_loop')
        if loop is not None and not isinstance(loop, dict):
            return loop, split
    return None, 'train'
