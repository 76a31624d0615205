"""Checks before training that heads, classes and losses fit together."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads import STDCHead
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmuda.utils.errors import UserError

# Heads that learn the borders between classes and count them as extra classes.
BORDER_HEADS = (STDCHead,)
IGNORED = 255  # in the labels of all datasets
CLASS_TAPS = ('logits', 'prob')
SIDE = 8  # pixels of the label that losses are tried on

ONE_CLASS = (
    'with one class there is nothing to tell apart, and its loss does not depend on the network. Name what is not the '
    "class too: classes=('background', {name!r}) of the datasets and num_classes=2 of the head, or num_classes=2 with "
    "out_channels=1, threshold=0.5 and loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)"
)


def heads_by_key(model: nn.Module) -> dict[str, BaseDecodeHead]:
    """The heads that give a number by class, by their key in the config, e.g. ``model.segmentor.decode_head``.

    Args:
        model: A wrapper with a ``segmentor``, or a segmentor of mmseg.
    """
    inner, prefix = getattr(model, 'segmentor', None), 'model.segmentor'
    if inner is None:
        inner, prefix = model, 'model'
    heads = {}
    for name in ('decode_head', 'auxiliary_head', 'attention_head'):
        found = getattr(inner, name, None)
        if isinstance(found, nn.ModuleList):
            heads.update({f'{prefix}.{name}[{i}]': head for i, head in enumerate(found)})
        elif isinstance(found, nn.Module):
            heads[f'{prefix}.{name}'] = found
    return {key: head for key, head in heads.items() if isinstance(head, BaseDecodeHead)}


def check_heads(model: nn.Module, classes: tuple[str, ...] = ()) -> list[str]:
    """Try each head's loss on a few labels, some of them ignored.

    Args:
        model: As :func:`heads_by_key`.
        classes: Names of the training classes, if they are known.

    Returns:
        Warnings about what looks wrong but trains, one sentence each.

    Raises:
        UserError: A head has one class, or its number of classes differs from the labels', or its loss cannot learn
            from them.
    """
    warnings = []
    for key, head in heads_by_key(model).items():
        if isinstance(head, BORDER_HEADS):
            continue
        _check_count(key, head, classes)
        if head.out_channels == 1 and hasattr(model, 'terms'):
            _check_readers(key, model)
        if type(head).loss_by_feat is BaseDecodeHead.loss_by_feat:
            warnings += _check_loss(key, head)
    return warnings


def _check_count(key: str, head: BaseDecodeHead, classes: tuple[str, ...]) -> None:
    if classes and len(classes) != head.num_classes:
        raise UserError(
            f'train_dataloader.dataset has {len(classes)} classes {tuple(classes)}, but {key} has '
            f'num_classes={head.num_classes}; set num_classes={len(classes)} of the head (and in_channels of '
            'discriminators that read its output), or choose other classes by metainfo=dict(classes=...)'
        )
    if head.num_classes < 2:
        name = classes[0] if classes else 'building'
        raise UserError(f'{key} has num_classes={head.num_classes}: {ONE_CLASS.format(name=name)}')


def _check_readers(key: str, model: nn.Module) -> None:
    """Refuse terms that would read class probabilities from a single channel."""
    taps = {
        f'{name} ({address})'
        for name, term in model.terms.items()
        for phase in term.phases
        for address in term.reads(phase)
        if address.endswith(CLASS_TAPS)
    }
    if taps:
        raise UserError(
            f'the terms {", ".join(sorted(taps))} read the class scores of {key}, but with out_channels=1 the '
            'softmax of one channel is 1 everywhere; leave out_channels and use_sigmoid out (num_classes=2, two '
            'channels)'
        )


def _check_loss(key: str, head: BaseDecodeHead) -> list[str]:
    what = f'the loss of {key} ({_names(head)}, num_classes={head.num_classes}, out_channels={head.out_channels})'
    remedy = (
        "give it loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True), or leave out_channels out"
        if head.out_channels == 1
        else f'correct its loss_decode for {head.num_classes} classes'
    )
    label = torch.arange(SIDE * SIDE).view(SIDE, SIDE) % head.num_classes
    try:
        gradients = [_gradient(head, label), _gradient(head, (label + 1) % head.num_classes)]
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, (RuntimeError, ValueError)) and next(head.parameters()).is_cuda:
            return []  # some losses have an implementation for GPUs alone
        raise UserError(f'{what} cannot be computed ({_first_line(error)}); {remedy}') from error
    except Exception:  # noqa: BLE001  the loss wants more than logits and labels, so it cannot be checked
        return []
    if 'auxiliary' in key and not any(gradient.any() for gradient in gradients):
        return [f'{what} is 0 whatever it predicts, so it trains nothing; leave the head out, or give it a loss_weight']
    if torch.equal(*gradients):
        raise UserError(f'{what} does not depend on the labels, so nothing would be learnt; {remedy}')
    return _check_ignored(key, head, what, label)


def _check_ignored(key: str, head: BaseDecodeHead, what: str, label: Tensor) -> list[str]:
    label = label.clone()
    label[0, 0] = IGNORED
    try:
        gradient = _gradient(head, label)
    except Exception as error:  # the same labels without an ignored one went well
        raise UserError(
            f'{what} cannot be computed on pixels that are ignored ({_first_line(error)}); they are {IGNORED} in the '
            f'labels of all datasets, so set ignore_index={IGNORED} of {key} instead of {head.ignore_index} (a class '
            f'is left out by label_values of the dataset, e.g. {{0: {IGNORED}}})'
        ) from error
    if not gradient[0, :, 0, 0].any():
        return []
    if head.ignore_index != IGNORED:
        raise UserError(
            f'{what} counts pixels that are labelled {IGNORED}, which all datasets mean to be ignored; set '
            f'ignore_index={IGNORED} of {key} instead of {head.ignore_index}'
        )
    return [f'{what} counts pixels that are labelled {IGNORED} and should be ignored; choose another loss']


def _gradient(head: BaseDecodeHead, label: Tensor) -> Tensor:
    """Gradient of a head's losses with respect to uninformative logits, on the CPU."""
    channels = head.out_channels
    logits = torch.linspace(-1.0, 1.0, channels * SIDE * SIDE).view(1, channels, SIDE, SIDE).requires_grad_()
    sample = SegDataSample(gt_sem_seg=PixelData(data=label[None]))
    losses = [value.mean() for name, value in head.loss_by_feat(logits, [sample]).items() if 'loss' in name]
    total = sum(losses)
    if not isinstance(total, Tensor) or not total.requires_grad:
        return torch.zeros_like(logits)
    return torch.autograd.grad(total, logits)[0]


def _names(head: BaseDecodeHead) -> str:
    losses = head.loss_decode if isinstance(head.loss_decode, nn.ModuleList) else [head.loss_decode]
    return ', '.join(type(loss).__name__ for loss in losses)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
