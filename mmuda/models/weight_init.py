"""Initialisations that mmengine does not have."""

from __future__ import annotations

import torch
from mmengine.model import KaimingInit
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from mmuda.utils.errors import UserError


# In mmengine's own registry: BaseModule looks up bare names there, whatever the caller's scope.
@WEIGHT_INITIALIZERS.register_module(name='KaimingWeights')
class KaimingWeightsInit(KaimingInit):
    """Kaiming's initialisation of weights only; biases stay unchanged (SRDA-Net's released code).

    mmengine's ``Kaiming`` fills biases with a constant. PyTorch draws them from U(-k, k), k = fan_in^-0.5, and
    code that calls ``nn.init.kaiming_normal_(module.weight)`` keeps those.

    Args:
        **kwargs: As mmengine's ``KaimingInit``, without ``bias`` and ``bias_prob``.

    Raises:
        UserError: If ``bias`` or ``bias_prob`` is given.

    Example:
        >>> init_cfg = dict(type='KaimingWeights', layer='Conv2d', mode='fan_out', nonlinearity='relu')
    """

    def __init__(self, **kwargs) -> None:
        given = {'bias', 'bias_prob'} & kwargs.keys()
        if given:
            raise UserError(
                f'KaimingWeights does not change biases; remove {", ".join(sorted(given))}, or use Kaiming.'
            )
        super().__init__(**kwargs)

    def __call__(self, module: nn.Module) -> None:
        """Initialise the weights of the chosen layers inside ``module``."""
        biases = [(m.bias, m.bias.detach().clone()) for m in module.modules() if isinstance(_bias(m), torch.Tensor)]
        super().__call__(module)
        with torch.no_grad():
            for bias, value in biases:
                bias.copy_(value)


def _bias(module: nn.Module) -> torch.Tensor | None:
    return getattr(module, 'bias', None)
