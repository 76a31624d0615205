"""One network for super-resolution and segmentation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.segmentors.base import BaseSegmentor
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError
from mmuda.utils.sliding import windows

FLIP_DIMS = {'horizontal': (-1,), 'vertical': (-2,), 'diagonal': (-2, -1)}


@MODELS.register_module()
class SuperResolutionSegmentor(BaseSegmentor):
    """Segments an image on a grid finer than its own and super-resolves it from the same features (SRDA-Net's SRS).

    The logits are finer than the input. :meth:`predict` resizes them directly to the sample's ``ori_shape``, the grid
    of the raster it came from, never via the size of the input. Sliding windows accumulate on that grid too. Padding is
    cut off before the forward, so a result does not depend on the other images of the batch.

    Args:
        backbone: Config of E; returns a tuple of feature maps, the last of which feeds the super-resolution.
        sr_head: Config of R, see :class:`~mmuda.models.sr_heads.SuperResolutionHead`.
        decode_head: Config of S. A head with ``reads_sr_features`` gets (*features, up1, up2), any other head the
            backbone's features alone.
        train_cfg: As in mmseg; not used.
        test_cfg: ``dict(mode='whole')`` (default), or ``dict(mode='slide', crop_size=(h, w), stride=(h, w))`` in pixels
            of the input.
        data_preprocessor: Config of the preprocessor, if the segmentor is used without a wrapper.
        init_cfg: mmengine's initialisation config.

    Raises:
        UserError: If ``test_cfg`` is not as above.

    Example:
        >>> segmentor = MODELS.build(
        ...     dict(
        ...         type='SuperResolutionSegmentor',
        ...         backbone=dict(type='ResidualASPP', base_channels=8),
        ...         sr_head=dict(type='SuperResolutionHead', base_channels=8),
        ...         decode_head=dict(type='PyramidFusionHead', base_channels=8, num_classes=2),
        ...     )
        ... )
        >>> segmentor(torch.rand(1, 3, 57, 57)).shape
        torch.Size([1, 2, 116, 116])
    """

    def __init__(
        self,
        backbone: dict,
        sr_head: dict,
        decode_head: dict,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.sr_head = MODELS.build(sr_head)
        self.decode_head = MODELS.build(decode_head)
        self.align_corners = self.decode_head.align_corners
        self.num_classes = self.decode_head.num_classes
        self.out_channels = self.decode_head.out_channels
        self.train_cfg = train_cfg
        self.test_cfg = {'mode': 'whole', **(test_cfg or {})}
        self._check_test_cfg()

    def _check_test_cfg(self) -> None:
        mode = self.test_cfg['mode']
        if mode not in ('whole', 'slide'):
            raise UserError(f"test_cfg has mode='{mode}'; use 'whole' or 'slide'.")
        if mode == 'slide':
            missing = [key for key in ('crop_size', 'stride') if key not in self.test_cfg]
            if missing:
                raise UserError(f"test_cfg with mode='slide' needs {' and '.join(missing)}, each (height, width).")
            crop_size, stride = self.test_cfg['crop_size'], self.test_cfg['stride']
            if any(not 0 < s <= c for s, c in zip(stride, crop_size, strict=True)):
                raise UserError(
                    f'test_cfg has stride={tuple(stride)} and crop_size={tuple(crop_size)}; a stride must be positive '
                    'and at most the crop, or pixels between the windows are never seen.'
                )

    @property
    def with_fusion(self) -> bool:
        """Whether the segmentation reads the super-resolution features (strategy 1 of SRDA-Net)."""
        return getattr(self.decode_head, 'reads_sr_features', False)

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Feature maps of images (N, C, H, W) in [-1, 1]; E of the paper."""
        return tuple(self.backbone(inputs))

    def sr_features(self, features: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """The upsampled feature maps (up1, up2) of the super-resolution stream."""
        return self.sr_head.forward_features(features[-1])

    def super_resolve(self, sr_features: tuple[Tensor, Tensor], size: tuple[int, int] | None = None) -> Tensor:
        """The super-resolved image (N, 3, H, W) in [-1, 1], of ``size`` (height, width); R of the paper.

        Args:
            sr_features: What :meth:`sr_features` gave.
            size: Height and width; None keeps the grid of up2.
        """
        return self.sr_head.forward_image(sr_features[-1], size)

    def decode(self, features: tuple[Tensor, ...], sr_features: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Logits (N, out_channels, h, w) at the head's own size; S of the paper.

        Args:
            features: What :meth:`extract_feat` gave.
            sr_features: What :meth:`sr_features` gave. None computes them if the head reads them.
        """
        if not self.with_fusion:
            return self.decode_head(features)
        return self.decode_head((*features, *(sr_features or self.sr_features(features))))

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict] | None = None) -> Tensor:
        """Logits of images at the head's own size, which is finer than the input with SRDA-Net's heads."""
        return self.decode(self.extract_feat(inputs))

    def _forward(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> Tensor:
        return self.encode_decode(inputs)

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Losses of the decode head; labels may be finer than the input, logits are resized to them."""
        return add_prefix(self.decode_head.loss_by_feat(self.encode_decode(inputs), data_samples), 'decode')

    def predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
        """Predict on each sample's own grid.

        Args:
            inputs: Images (N, C, H, W).
            data_samples: Metainfo read: ``ori_shape`` (height, width of the prediction; default: of the input),
                ``padding_size`` (left, right, top, bottom), ``flip`` and ``flip_direction``, which are undone.

        Returns:
            The samples with ``seg_logits`` (out_channels, *ori_shape) and ``pred_sem_seg`` (1, *ori_shape).
        """
        if data_samples is None:
            data_samples = [SegDataSample() for _ in inputs]
        logits = self.inference(inputs, [sample.metainfo for sample in data_samples])
        for sample, sample_logits in zip(data_samples, logits, strict=True):
            self._store(sample_logits, sample)
        return data_samples

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> list[Tensor]:
        """Logits (out_channels, *ori_shape) of each image; whole or in sliding windows, see ``test_cfg``."""
        images = [_without_padding(x, meta) for x, meta in zip(inputs.split(1), batch_img_metas, strict=True)]
        sizes = [
            tuple(meta.get('ori_shape', x.shape[-2:]))[:2] for x, meta in zip(images, batch_img_metas, strict=True)
        ]
        if self.test_cfg['mode'] == 'slide':
            logits = [self.slide_inference(x, size) for x, size in zip(images, sizes, strict=True)]
        else:
            logits = self.whole_inference(images, sizes)
        return [_unflip(x[0], meta) for x, meta in zip(logits, batch_img_metas, strict=True)]

    def whole_inference(self, images: list[Tensor], sizes: list[tuple[int, int]]) -> list[Tensor]:
        """Logits (1, out_channels, *size) of each image (1, C, H, W), in one forward where their shapes are equal."""
        if len({x.shape for x in images}) == 1:
            logits = self.encode_decode(torch.cat(images)).split(1)
        else:
            logits = [self.encode_decode(x) for x in images]
        return [self._resize(x, size) for x, size in zip(logits, sizes, strict=True)]

    def slide_inference(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Mean logits of overlapping windows, accumulated on the grid of the prediction.

        Args:
            image: (1, C, H, W).
            size: Height and width of the grid that covers the same ground.

        Returns:
            Logits (1, out_channels, *size).
        """
        scales = [s / x for s, x in zip(size, image.shape[-2:], strict=True)]
        rows, columns = (
            windows(length, crop, stride)
            for length, crop, stride in zip(
                image.shape[-2:], self.test_cfg['crop_size'], self.test_cfg['stride'], strict=True
            )
        )
        total = image.new_zeros((1, self.out_channels, *size))
        count = image.new_zeros((1, 1, *size))
        for top, bottom in rows:
            for left, right in columns:
                # Neighbouring windows round the same border to the same pixel, so nothing stays uncovered.
                y1, y2 = (round(edge * scales[0]) for edge in (top, bottom))
                x1, x2 = (round(edge * scales[1]) for edge in (left, right))
                if y1 == y2 or x1 == x2:
                    continue
                logits = self.encode_decode(image[..., top:bottom, left:right])
                total[..., y1:y2, x1:x2] += self._resize(logits, (y2 - y1, x2 - x1))
                count[..., y1:y2, x1:x2] += 1
        return total / count

    def _resize(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        return F.interpolate(logits, size=size, mode='bilinear', align_corners=self.align_corners)

    def _store(self, logits: Tensor, sample: SegDataSample) -> None:
        """Write logits (or the probability of a single channel) and the predicted classes into a sample."""
        if self.out_channels > 1:
            prediction = logits.argmax(dim=0, keepdim=True)
        else:
            logits = logits.sigmoid()
            prediction = (logits > self.decode_head.threshold).to(logits)
        sample.set_data(dict(seg_logits=PixelData(data=logits), pred_sem_seg=PixelData(data=prediction)))


def _without_padding(image: Tensor, meta: dict) -> Tensor:
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', (0, 0, 0, 0)))
    height, width = image.shape[-2:]
    return image[..., top : height - bottom, left : width - right]


def _unflip(logits: Tensor, meta: dict) -> Tensor:
    if not meta.get('flip'):
        return logits
    direction = meta.get('flip_direction')
    if direction not in FLIP_DIMS:
        raise UserError(f"A sample has flip_direction='{direction}'; it can be one of {', '.join(FLIP_DIMS)}.")
    return logits.flip(dims=FLIP_DIMS[direction])
