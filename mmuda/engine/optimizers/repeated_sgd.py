"""SGD that steps some parameters several times, as the released code of the DeepLab-v2 family does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import nn

from mmuda.registry import OPTIMIZERS

BACKBONE = 'backbone.'


@OPTIMIZERS.register_module()
class RepeatedSGD(torch.optim.SGD):
    """SGD in which a parameter takes ``repeats[parameter]`` steps in a row for each call of :meth:`step`.

    All steps use the same gradient and one momentum buffer, as SGD does for a parameter that a group lists several
    times (today's torch warns about such a list). Weight decay acts on the parameter's value at each step. The PyTorch
    version of the released code added the decay (5e-4 times the weight) to the gradient itself, so the second step
    included that of the first as well; this is not reproduced here.

    The repeats belong to the config, not to the state, so its checkpoint is one of SGD.

    Attributes:
        repeats: Steps of a parameter; 1 where it is absent.
    """

    repeats: Mapping[nn.Parameter, int] = {}

    def step(self, closure=None):
        """All steps of all parameters; as ``torch.optim.SGD.step`` otherwise."""
        loss = super().step(closure)
        groups = self.param_groups
        try:
            for done in range(1, max(self.repeats.values(), default=1)):
                self.param_groups = [
                    {**group, 'params': [p for p in group['params'] if self.repeats.get(p, 1) > done]}
                    for group in groups
                ]
                super().step()
        finally:
            self.param_groups = groups
        return loss


def released_repeats(named_parameters: Iterable[tuple[str, nn.Parameter]]) -> dict[nn.Parameter, int]:
    """How often the released code lists each parameter of a backbone.

    AdaptSegNet, ADVENT, CLAN and MaxSquare walk through all modules of the backbone's children and list all parameters
    of each. A parameter is therefore listed once per module that holds it: in a ResNet the first convolution once,
    those of the blocks three times (stage, block, layer), and those of the shortcuts four times.

    Args:
        named_parameters: Names and parameters of a model; those below ``backbone.`` count.

    Returns:
        Listings by parameter of the backbone.
    """
    repeats = {}
    for name, parameter in named_parameters:
        _, backbone, path = name.rpartition(BACKBONE)
        if backbone:
            repeats[parameter] = path.count('.')
    return repeats
