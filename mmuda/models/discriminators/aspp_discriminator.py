"""FCAN's discriminator of feature maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

from .base import activation


@MODELS.register_module()
class ASPPDiscriminator(BaseModule):
    """Parallel views of a feature map at several rates, concatenated and judged at each position.

    FCAN (https://arxiv.org/abs/1804.08286): a 1x1 convolution, 3x3 convolutions with dilations 2, 3, 4 and a pooled
    branch, ``channels`` each; 1x1 to one channel; sigmoid, for a least-squares loss. The paper names no activation for
    the branches; LeakyReLU 0.2 is used as in the other discriminators, since without any the network would be linear.

    ``norm_cfg=dict(type='BN')`` gives SRDA-Net's re-implementation: norm and ReLU after the convolution branches, ReLU
    alone after the pooled one, and norm before the sigmoid. Each domain is judged in a batch of its own, so in training
    that last norm gives both the same mean: it separates the domains by the shape of the map, not by its level.

    Args:
        in_channels: Channels of the feature map.
        channels: Channels of each branch.
        dilations: Dilations of the 3x3 convolutions.
        sigmoid: Give probabilities instead of logits, for ``gan_type='lsgan'``.
        norm_cfg: Norm of the convolution branches and of the judgement; None uses none.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 128,
        dilations: Sequence[int] = (2, 3, 4),
        sigmoid: bool = True,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.sigmoid = sigmoid
        self.branches = nn.ModuleList([nn.Conv2d(in_channels, channels, 1)])
        self.branches.extend(nn.Conv2d(in_channels, channels, 3, padding=d, dilation=d) for d in dilations)
        self.pooled = nn.Conv2d(in_channels, channels, 1)
        self.activation = activation() if norm_cfg is None else nn.ReLU(inplace=True)
        self.judge = nn.Conv2d(channels * (len(self.branches) + 1), 1, 1)

        def norm(width: int) -> nn.Module:
            return nn.Identity() if norm_cfg is None else build_norm_layer(norm_cfg, width)[1]

        self.norms = nn.ModuleList(norm(channels) for _ in self.branches)
        self.judge_norm = norm(1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (N, in_channels, h, w) to (N, 1, h, w): probabilities of being target, or logits.

        Raises:
            UserError: If the channels do not fit.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise UserError(
                f'ASPPDiscriminator got an input of shape {tuple(x.shape)} but expects (N, {self.in_channels}, h, w); '
                'set its in_channels to the channels of the tap it reads.'
            )
        pooled = F.adaptive_avg_pool2d(x, 1)
        views = [norm(branch(x)) for branch, norm in zip(self.branches, self.norms, strict=True)]
        views.append(self.pooled(pooled).expand(-1, -1, *x.shape[-2:]))
        judged = self.judge_norm(self.judge(self.activation(torch.cat(views, dim=1))))
        return judged.sigmoid() if self.sigmoid else judged
