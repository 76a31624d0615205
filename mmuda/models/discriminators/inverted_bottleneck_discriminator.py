"""The feature discriminator of DANN in the semantic pairing paper."""

from __future__ import annotations

from mmengine.model import BaseModule
from mmseg.models.utils import InvertedResidual
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


@MODELS.register_module()
class InvertedBottleneckDiscriminator(BaseModule):
    """Inverted bottlenecks of MobileNetV2 and a 1x1 convolution: one logit per position of a feature map.

    The paper says "three inverted bottlenecks" and one class per position, but gives no widths or expansion. Here each
    block keeps the channels (and so has a residual connection) and expands by MobileNetV2's factor of 6. The default is
    group norm: with batch norm, a batch that holds one domain only would remove the statistics that identify it.

    Args:
        in_channels: Channels of the feature map.
        blocks: Number of inverted bottlenecks.
        expand_ratio: Ratio of a block's inner width to its input's.
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
