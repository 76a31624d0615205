"""Context at a low and detail at the full resolution (HRDA)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import EncoderDecoder
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor

from mmuda.registry import MODELS
from mmuda.utils.errors import UserError
from mmuda.utils.sliding import windows

from .two_scales import Box, Context, cropped, fused, resized, stitched

# mmseg's heads must have a loss; that of the attention head is never computed.
NO_LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
Change = Callable[[Sequence[Tensor]], Sequence[Tensor]]


@MODELS.register_module()
class HRDA(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` on two scales (https://arxiv.org/abs/2204.13132, sections 3.2 to 3.4).

    The context is the whole image at 1 / ``factor`` of its resolution, the detail a part of it at the full one. One
    backbone and one decode head serve both. The attention head reads the features of the context and says, for each
    class and position, how far the detail counts::

        fused = up((1 - a) * context) + up(a) * detail,    a = sigmoid(attention), 0 outside the detail

    In training the detail is one random part of the image, the same for all images of a batch. In prediction it is a
    window that slides over the whole image by half its sides; where windows overlap, their logits are averaged.
    ``mode='tensor'`` gives this prediction: logits on the grid of the image.

    The two scales cover ground, not pixels, if the loader's crops do: of ``RandomGroundCrop(extent=64.0)`` the context
    covers 64 m, and with the default ``detail_size`` the detail covers 64 m / ``factor``, at any ground sample
    distance. Predict images that are larger than the training crops in windows of the crops' size:
    ``test_cfg=dict(mode='slide', crop_size=..., stride=...)``.

    Args:
        backbone: As ``EncoderDecoder``'s.
        decode_head: Any head of mmseg's kind whose output stride is a whole number.
        attention_head: A light head of the same kind; logits on another grid are resized to the decode head's.
        neck: As ``EncoderDecoder``'s.
        factor: By how much the context is coarser.
        detail_size: Height and width of the detail in pixels; None for those of the image over ``factor``.
        grid: Sides and positions of the detail are multiples of this many pixels. Both scales lie on one grid if it is
            a multiple of the decode head's output stride times ``factor``.
        detail_weight: Share of the detail's own loss, lambda_d: (1 - lambda_d) CE(fused) + lambda_d CE(detail).
        train_cfg: As in mmseg; not used.
        test_cfg: As in mmseg; windows of ``mode='slide'`` are predicted as images of their own.
        data_preprocessor: Config of the preprocessor, if the segmentor is used without a wrapper.
        pretrained: As ``EncoderDecoder``'s, whose other name is the backbone's ``init_cfg``.
        init_cfg: mmengine's initialisation config.

    Raises:
        UserError: If sizes do not fit each other, or the heads have different channels.
    """

    def __init__(
        self,
        backbone: dict,
        decode_head: dict,
        attention_head: dict,
        neck: dict | None = None,
        factor: int = 2,
        detail_size: Sequence[int] | None = None,
        grid: int = 8,
        detail_weight: float = 0.1,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        pretrained: str | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            backbone,
            decode_head,
            neck=neck,
            train_cfg=train_cfg,
            test_cfg=test_cfg,
            data_preprocessor=data_preprocessor,
            pretrained=pretrained,
            init_cfg=init_cfg,
        )
        self.attention_head = MODELS.build(dict(attention_head, loss_decode=NO_LOSS))
        self.factor = factor
        self.detail_size = None if detail_size is None else tuple(detail_size)
        self.grid = grid
        self.detail_weight = detail_weight
        self._check()

    def _check(self) -> None:
        if self.factor < 2 or self.grid < 1 or self.grid % self.factor:
            raise UserError(
                f'HRDA got factor={self.factor} and grid={self.grid}; give a factor of at least 2, and as grid a '
                'multiple of it.'
            )
        if self.detail_size is not None and any(side < 1 or side % self.grid for side in self.detail_size):
            raise UserError(f'HRDA got detail_size={self.detail_size}; give multiples of grid={self.grid} pixels.')
        if not 0 <= self.detail_weight < 1:
            raise UserError(f'HRDA got detail_weight={self.detail_weight}; give a share from 0 to below 1.')
        if self.attention_head.out_channels != self.out_channels:
            raise UserError(
                f'HRDA: decode_head gives {self.out_channels} channels and attention_head '
                f'{self.attention_head.out_channels}; give both the same num_classes.'
            )

    # The two scales.

    def context_image(self, image: Tensor) -> Tensor:
        """The image at the resolution of the context, (N, C, H / factor, W / factor).

        Its last rows and columns are repeated first if its sides are no multiples of the grid.
        """
        image = self._padded(image)
        return self._resize(image, [side // self.factor for side in image.shape[-2:]])

    # ``change`` is called with feature maps and gives others of the same shapes, which the heads get.

    def context(self, image: Tensor, change: Change = tuple) -> Context:
        """Features, logits and attention of the context of an image."""
        features = tuple(change(self.extract_feat(self.context_image(image))))
        logits = self.decode_head(features)
        attention = self._resize(self.attention_head(features), logits.shape[-2:])
        return Context(features, logits, attention.sigmoid())

    def detail(self, image: Tensor, change: Change = tuple) -> Tensor:
        """Logits of parts of images at the full resolution, (N, K, h, w) on the grid of the head."""
        return self.decode_head(change(self.extract_feat(image)))

    def random_box(self, size: Sequence[int]) -> Box:
        """Where the detail of a training image lies.

        Args:
            size: Height and width of the image.

        Raises:
            UserError: If the image has sides from which no such part can be taken.
        """
        sides = self._sides(size)
        if any(length % self.grid or side % self.grid for length, side in zip(size, sides, strict=True)):
            raise UserError(
                f'HRDA takes a detail of {sides[0]} x {sides[1]} pixels from training images of {size[0]} x {size[1]}, '
                f'but all sides must be multiples of grid={self.grid}; crop images to multiples of {self._multiple}.'
            )
        # All positions on the grid, the last one too, which the released code never draws. On the CPU, whose generator
        # follows the iteration.
        places = [(length - side) // self.grid + 1 for length, side in zip(size, sides, strict=True)]
        top, left = (self.grid * int(torch.randint(count, (1,), device='cpu')) for count in places)
        return Box(top, top + sides[0], left, left + sides[1])

    def windows(self, image: Tensor) -> Tensor:
        """The windows of the slid detail, (windows * N, C, h, w): all images of the first one, then of the next."""
        image = self._padded(image)
        return torch.cat([box.of(image) for box in self._boxes(image.shape[-2:])])

    # What they give together.

    def fuse(self, context: Context, detail: Tensor, size: Sequence[int], box: Box) -> Tensor:
        """Logits of both scales, on the grid of the detail for the whole image.

        Args:
            context: Context of an image.
            detail: Logits inside the box, (N, K, h, w).
            size: Height and width of the image.
            box: Where the detail lies.

        Raises:
            UserError: If the logits of the two scales lie on no common grid.
        """
        stride = self._stride(context, size)
        outer = box.over(stride // self.factor)
        if tuple(detail.shape[-2:]) != outer.size:
            raise UserError(
                f'HRDA: a detail of {box.size} pixels has logits of {tuple(detail.shape[-2:])}, but {outer.size} fit '
                'between those of the context; use a decode head with one output stride for all sizes.'
            )
        return fused(context, detail, box.over(stride), outer, self.factor, self.align_corners)

    def prediction(self, image: Tensor, context: Context | None = None, change: Change = tuple) -> Tensor:
        """Logits with the detail of the whole image, (N, K, H, W) on its grid.

        Args:
            image: (N, C, H, W).
            context: Its context, if it is known already.
            change: What becomes of the features of the detail, and of a context that is not known yet.
        """
        height, width = image.shape[-2:]
        image = self._padded(image)
        size = tuple(image.shape[-2:])
        context = self.context(image, change) if context is None else context
        stride = self._stride(context, size) // self.factor
        # One batch, so that batch norm in training sees all windows.
        parts = self.detail(self.windows(image), change).split(len(image))
        boxes = [box.over(stride) for box in self._boxes(size)]
        detail = stitched(parts, boxes, [side // stride for side in size])
        logits = self.fuse(context, detail, size, Box(0, size[0], 0, size[1]))
        return self._resize(logits, size)[..., :height, :width]

    def losses(
        self,
        logits: Tensor,
        detail: Tensor,
        box: Box,
        samples: list[SegDataSample],
        size: Sequence[int],
        of_head: Callable[[Tensor, list[SegDataSample]], dict[str, Tensor]] | None = None,
    ) -> dict[str, Tensor]:
        """Losses of the fused logits and of the detail's own.

        Args:
            logits: Fused, (N, K, h, w).
            detail: Logits of the detail, (N, K, h', w').
            box: Where the detail lies.
            samples: The N labelled samples; weights of their pixels go with the labels.
            size: Height and width of the image.
            of_head: Losses of logits and samples; None for those of the decode head.
        """
        of_head = of_head or self.decode_head.loss_by_feat
        losses = {}
        for name, share, found in (
            ('decode', 1 - self.detail_weight, of_head(logits, samples)),
            ('detail', self.detail_weight, of_head(detail, cropped(samples, box, size))),
        ):
            losses.update(add_prefix({k: share * v if 'loss' in k else v for k, v in found.items()}, name))
        return losses

    # mmseg's interface.

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict] | None = None) -> Tensor:
        """Logits of images, or of windows of them, on their own grid."""
        return self.prediction(inputs)

    def _forward(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> Tensor:
        return self.prediction(inputs)

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Losses with a random detail."""
        size = tuple(inputs.shape[-2:])
        box = self.random_box(size)
        context, detail = self.context(inputs), self.detail(box.of(inputs))
        return self.losses(self.fuse(context, detail, size, box), detail, box, data_samples, size)

    # Sizes.

    @property
    def _multiple(self) -> int:
        """Pixels of which the sides of an image must be multiples."""
        return self.grid * self.factor if self.detail_size is None else self.grid

    def _padded(self, image: Tensor) -> Tensor:
        missing = [-side % self._multiple for side in image.shape[-2:]]
        return F.pad(image, (0, missing[1], 0, missing[0]), mode='replicate') if any(missing) else image

    def _sides(self, size: Sequence[int]) -> tuple[int, int]:
        """Height and width of the detail of an image."""
        if self.detail_size is None:
            return size[0] // self.factor, size[1] // self.factor
        return min(self.detail_size[0], size[0]), min(self.detail_size[1], size[1])

    def _boxes(self, size: Sequence[int]) -> list[Box]:
        """Where the slid detail lies: steps of half its sides, on the grid of the logits."""
        step = self.grid // self.factor
        rows, columns = (
            windows(length, side, max(side // 2 // step, 1) * step)
            for length, side in zip(size, self._sides(size), strict=True)
        )
        return [Box(*row, *column) for row in rows for column in columns]

    def _stride(self, context: Context, size: Sequence[int]) -> int:
        """Pixels of the image from one logit of the context to the next."""
        places = context.logits.shape[-2:]
        stride = max(size[0] // places[0], 1)
        if self.grid % stride or any(side != stride * place for side, place in zip(size, places, strict=True)):
            raise UserError(
                f'HRDA: the context of images of {tuple(size)} has logits of {tuple(places)}, but grid={self.grid} '
                f'must be a multiple of the output stride of the decode head times factor={self.factor}; raise grid.'
            )
        return stride

    def _resize(self, x: Tensor, size: Sequence[int]) -> Tensor:
        return resized(x, size, self.align_corners)
