"""Checks before training that each network takes the number of channels the previous one gives."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmuda.utils.errors import UserError
from mmuda.utils.seeds import seeded

from .head_checks import heads_by_key

SIDE = 64  # pixels of the images that networks are tried on
MISFIT = re.compile(r'expected input\[.*?\] to have (\d+) channels, but got (\d+) channels')
# Parts named in a config; their in_channels is at fault when something inside them does not fit.
PARTS = re.compile(
    r'(?:segmentor\.)?(?:backbone|decode_head|auxiliary_head(?:\.\d+)?|attention_head|sr_head|neck)(?=\.)'
    r'|terms\.[^.]+\.discriminator(?=\.)|(?:generators|discriminators)\.[^.]+(?=\.)|embedding(?=\.)'
)


def check_channels(model: nn.Module, bands: int) -> None:
    """Forward two small grey images and compare the channels that come out with those the heads take.

    The networks are not changed: they run in evaluation mode, without gradients, and the states of the random
    generators are restored.

    Args:
        model: A wrapper or a segmentor of mmseg.
        bands: Channels of the images that it is given.

    Raises:
        UserError: Something does not fit; the error names the key and the right number.
    """
    segmentor = getattr(model, 'segmentor', model)
    if not hasattr(segmentor, 'extract_feat') or getattr(model, 'compiled', None):
        return
    training = {module: module.training for module in model.modules()}
    images = torch.zeros(2, bands, SIDE, SIDE, device=next(model.parameters()).device)
    model.eval()
    try:
        with torch.no_grad(), seeded(0):
            _check_heads(model, segmentor.extract_feat(images))
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  such images may be too small for a network, which proves nothing
        explained = explain_channels(error, model)
        if explained is not None:
            raise explained from error
    finally:
        for module, was in training.items():
            module.training = was


def _check_heads(model: nn.Module, features: Sequence[Tensor]) -> None:
    given = [feature.shape[1] for feature in features]
    for key, head in heads_by_key(model).items():
        if getattr(head, 'reads_sr_features', False) or not hasattr(head, 'in_index'):
            continue
        indices = [head.in_index] if isinstance(head.in_index, int) else list(head.in_index)
        if any(not -len(given) <= index < len(given) for index in indices):
            raise UserError(
                f'in_index={head.in_index} of {key} names a feature map that is not there: the backbone gives '
                f'{len(given)} with {given} channels; choose among 0 to {len(given) - 1}'
            )
        found = [given[index] for index in indices]
        expected = [head.in_channels] if isinstance(head.in_channels, int) else list(head.in_channels)
        if head.input_transform == 'resize_concat':
            found, expected = [sum(found)], [sum(expected)]
        if found != expected:
            right = found[0] if len(found) == 1 else found
            raise UserError(
                f'in_channels={head.in_channels} of {key} does not fit the feature maps that it is given, which have '
                f'{right} channels; set in_channels={right}'
                + (f' (all feature maps: {given}, chosen by in_index={head.in_index})' if len(given) > 1 else '')
            )


def explain_channels(error: BaseException, model: nn.Module) -> UserError | None:
    """The message for a convolution given the wrong number of channels; None for any other error.

    Args:
        error: As torch raised it, with its traceback.
        model: The model in which it happened.
    """
    found = MISFIT.search(str(error))
    names = {id(module): name for name, module in model.named_modules()}
    frames = [frame.f_locals.get('self') for frame, _ in traceback.walk_tb(error.__traceback__)]
    paths = [names[id(module)] for module in frames if id(module) in names]
    if found is None or not paths:
        return None
    expected, given = (int(number) for number in found.groups())
    part = PARTS.match(paths[-1])
    key = f'model.{part[0] if part else paths[-1]}'
    if 'backbone' in key or 'embedding' in key:
        return UserError(
            f'{key} takes {expected} channels at {paths[-1]} but was given {given}; if these are the bands of the '
            f'images, set in_channels={given} of {key}, or read {expected} bands (bands of the datasets, mean and std '
            'of the data preprocessor)'
        )
    return UserError(
        f'{key} takes {expected} channels at {paths[-1]} but was given {given}; set in_channels of {key} to the '
        'channels of what it reads'
    )
