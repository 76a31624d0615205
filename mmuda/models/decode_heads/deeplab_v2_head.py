"""The classifier of DeepLab-v2: a sum of dilated convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


class DilatedClassifier(nn.Module):
    """Sum of parallel 3x3 convolutions with different dilations (ASPP of DeepLab-v2).

    Args:
        in_channels: Channels of the feature map.
        out_channels: Channels of the logits.
        dilations: Dilation of each branch.
        used: How many branches are summed; the others exist only for checkpoints that have them.
    """

    def __init__(self, in_channels: int, out_channels: int, dilations: Sequence[int], used: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(in_channels, out_channels, 3, padding=d, dilation=d) for d in dilations)
        self.used = used

    def forward(self, x: Tensor) -> Tensor:
        return sum(branch(x) for branch in self.branches[: self.used])


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """DeepLab-v2's head (https://arxiv.org/abs/1606.00915): dilated classifiers directly on the feature map.

    Args:
        in_channels: Channels of the feature map.
        num_classes: Number of classes.
        dilations: Dilation of each branch.
        branches: How many branches are summed; None for all. AdaptSegNet's released code, and SRDA-Net's copy of it,
            return inside the loop and sum the first two of four; ADVENT's sums all.
        classifiers: Number of classifiers whose logits are added (CLAN has two); each is a submodule
            ``classifiers.i``, to be read as the tap ``module.decode_head.classifiers.i``.
        align_corners: How logits are resized to labels and images.
        init_cfg: mmengine's initialisation config; N(0, 0.01) by default, as in the authors' code.
        **kwargs: Further arguments of mmseg's ``BaseDecodeHead`` (``in_index``, ``loss_decode``, ...).

    Raises:
        UserError: If ``branches`` is not between 1 and their number, or ``classifiers`` below 1.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        branches: int | None = None,
        classifiers: int = 1,
        align_corners: bool = True,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        branches = len(dilations) if branches is None else branches
        if not 1 <= branches <= len(dilations) or classifiers < 1:
            raise UserError(
                f'DeepLabV2Head got branches={branches} of {len(dilations)} dilations and classifiers={classifiers}; '
                'give at least one of each, and not more branches than dilations.'
            )
        # Stating out_channels keeps mmseg from advising one output channel for two classes.
        super().__init__(
            in_channels,
            in_channels,
            num_classes=num_classes,
            out_channels=num_classes,
            dropout_ratio=0,
            align_corners=align_corners,
            init_cfg=init_cfg or dict(type='Normal', layer='Conv2d', mean=0.0, std=0.01, bias=0.0),
            **kwargs,
        )
        self.conv_seg = None  # mmseg's 1x1 classifier, replaced by the dilated ones
        self.classifiers = nn.ModuleList(
            DilatedClassifier(in_channels, num_classes, dilations, branches) for _ in range(classifiers)
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map ``inputs[in_index]`` (N, in_channels, h, w) to logits (N, num_classes, h, w)."""
        x = self._transform_inputs(inputs)
        return sum(classifier(x) for classifier in self.classifiers)
