"""Converts DeepLab-v2 checkpoints of AdaptSegNet, ADVENT and CLAN, and the weights their training starts from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from torch import Tensor

from mmuda.checkpoints.reading import read_checkpoint, state_dict_of, write_checkpoint
from mmuda.utils.errors import UserError

_BACKBONE = re.compile(r'(conv1|bn1|layer[1-4])\.')
_CLASSIFIER = re.compile(r'(layer[56])\.conv2d_list\.(\d+)\.(weight|bias)$')
_LAST_STAGE = 2048


def convert(source: str | os.PathLike, out: str | os.PathLike, backbone_only: bool = False) -> list[str]:
    """Convert a released checkpoint to the names of mmseg's ResNet and :class:`DeepLabV2Head`.

    A classifier on 2048 channels becomes ``decode_head.classifiers.<i>`` (CLAN has two), one on 1024
    ``auxiliary_head.classifiers.0``. The prefixes ``Scale.`` (the initial weights) and ``module.`` are removed.

    Args:
        source: The released ``.pth`` file.
        out: File to write, whole or not at all.
        backbone_only: Keep only the backbone, with the names that ``init_cfg=dict(type='Pretrained')`` of a backbone
            expects.

    Returns:
        Names that were left out (classifiers, with ``backbone_only``).

    Raises:
        FileNotFoundError: If there is nothing at ``source``.
        UserError: If a name is not one of DeepLab-v2.
    """
    state, left_out = rename(state_dict_of(read_checkpoint(os.fspath(source))), backbone_only, str(source))
    write_checkpoint(state, out, converted_from=os.path.basename(source))
    return left_out


def rename(state: Mapping[str, Tensor], backbone_only: bool, source: str) -> tuple[dict[str, Tensor], list[str]]:
    """The entries under mmseg's names, and those left out."""
    plain = {re.sub(r'^(?:module\.)?(?:Scale\.)?', '', name): tensor for name, tensor in state.items()}
    places = _classifiers(plain)
    renamed, left_out, unknown = {}, [], []
    for name, tensor in plain.items():
        classifier = _CLASSIFIER.match(name)
        if _BACKBONE.match(name):
            renamed[name if backbone_only else f'backbone.{name}'] = tensor
        elif classifier is None:
            unknown.append(name)
        elif backbone_only:
            left_out.append(name)
        else:
            renamed[f'{places[classifier[1]]}.branches.{classifier[2]}.{classifier[3]}'] = tensor
    if unknown or not any(name.endswith('conv1.weight') for name in renamed):
        raise UserError(
            f'{source} is no DeepLab-v2 checkpoint of AdaptSegNet, ADVENT or CLAN: it has {unknown[:3] or "no conv1"}; '
            'their names are conv1, bn1, layer1 to layer4 and layer5.conv2d_list, layer6.conv2d_list'
        )
    return renamed, left_out


def _classifiers(state: Mapping[str, Tensor]) -> dict[str, str]:
    """layer5, layer6 -> where the classifier belongs, by the channels it reads."""
    places, on_last = {}, 0
    for layer in ('layer5', 'layer6'):
        weight = state.get(f'{layer}.conv2d_list.0.weight')
        if weight is not None and weight.shape[1] == _LAST_STAGE:
            places[layer] = f'decode_head.classifiers.{on_last}'
            on_last += 1
        elif weight is not None:
            places[layer] = 'auxiliary_head.classifiers.0'
    return places
