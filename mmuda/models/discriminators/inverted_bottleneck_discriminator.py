"""The discriminator of features of the semantic pairing paper's DANN."""

from __future__ import annotations

from mmengine.model import BaseModule
from mmseg.models.utils import InvertedResidual
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class InvertedBottleneckDiscriminator(BaseModule):
    """Inverted bottlenecks of MobileNetV2 and a 1x1 convolution: a logit for each position of a feature map.

    The paper says "three inverted bottlenecks" and one class a position, neither widths nor expansion: here each keeps
    the channels (hence has a residual connection) and expands by MobileNetV2's 6. Group norm by default, since a batch
    of one domain alone tells the domain by its own statistics away.

    Args:
        in_channels: Channels of the feature map.
        blocks: Number of inverted bottlenecks.
        expand_ratio: Width inside a block over its input's.
        norm_cfg: Norm of the blocks.
        init_cfg: mmengine's initialisation config. None keeps PyTorch's initialisation.
    """

    def __init__(
        self,
        in_channels: int,
        blocks: int = 3,
        expand_ratio: float = 6,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        norm_cfg = norm_cfg or dict(type='GN', num_groups=8)
        self.blocks = nn.Sequential(
            *(InvertedResidual(in_channels, in_channels, 1, expand_ratio, norm_cfg=norm_cfg) for _ in range(blocks))
        )
        self.judge = nn.Conv2d(in_channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (N, in_channels, h, w) to logits (N, 1, h, w).

        Raises:
            UserError: If the channels do not fit.
        """
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise UserError(
                f'InvertedBottleneckDiscriminator got an input of shape {tuple(x.shape)} but expects (N, '
                f'{self.in_channels}, h, w); set its in_channels to the channels of the tap it reads.'
            )
        return self.judge(self.blocks(x))
