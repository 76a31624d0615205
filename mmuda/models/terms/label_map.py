"""Makes predicted label maps look like real ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmuda.registry import TERMS
from mmuda.utils.errors import UserError

from .adversarial import AdversarialAlignment


def sargmax(logits: Tensor, temperature: float = 1e3) -> Tensor:
    """Differentiable class index, sum over c of c softmax(temperature x)_c with c = 1..C (Low2High, equation 3).

    The largest logit is subtracted before scaling, so that logits of any size give finite values and gradients.

    Args:
        logits: (N, C, H, W).
        temperature: tau; 1e3 in the paper.

    Returns:
        (N, 1, H, W) in [1, C].
    """
    lowest = torch.finfo(logits.dtype).min / max(temperature, 1.0)
    shifted = (logits - logits.amax(dim=1, keepdim=True).detach()).clamp(min=lowest) * temperature
    index = torch.arange(1, logits.shape[1] + 1, dtype=logits.dtype, device=logits.device).view(1, -1, 1, 1)
    return (shifted.softmax(dim=1) * index).sum(dim=1, keepdim=True)


def gaussian_blur(x: Tensor, sigma: float = 0.6, size: int = 3) -> Tensor:
    """Blur (N, C, H, W) with a normalised Gaussian; borders are reflected.

    Args:
        x: The maps.
        sigma: Standard deviation in pixels; 0.6 in Low2High.
        size: Odd side of the kernel; 3 in Low2High.
    """
    position = torch.arange(size, dtype=x.dtype, device=x.device) - size // 2
    row = torch.exp(-(position**2) / (2 * sigma**2))
    row = row / row.sum()
    padded = F.pad(x, (size // 2,) * 4, mode='reflect')
    kernel = (row[:, None] * row).expand(x.shape[1], 1, size, size)
    return F.conv2d(padded, kernel, groups=x.shape[1])


@TERMS.register_module()
class LabelMapAlignment(AdversarialAlignment):
    """A discriminator tells predicted label maps (0) from an exemplar set of real ones (1); Low2High, section 4.4.

    The prediction is the :func:`sargmax` of the logits at the size of the image, the exemplars are also numbered from
    1, and both are blurred. The exemplar stream has labels and no images (:class:`LabelMapDataset`). With the hinge
    loss ``dict(type='GANLoss', gan_type='hinge')`` this is the paper's term.

    Args:
        discriminator: Config of the discriminator in MODELS, of (N, 1, h, w).
        loss: Config of a GAN loss in MODELS.
        prediction: Address of the logits whose label maps are judged.
        exemplars: Address of the label maps.
        temperature: tau of sargmax.
        blur: Standard deviation of the Gaussian in pixels; 0 does not blur.
        crop_size: Side in pixels of the random windows that the discriminator sees, or None for all. The paper's
            discriminator sees 256 of 512 px; the paper does not say how they are chosen. Resizing would lose the detail
            to be judged.
        ignore_index: Label of exemplar pixels without a class. They become 0, and predictions get zeros at the same
            places, taken from an exemplar window drawn at random, so that a 0 does not give the domain away.
        loss_weight: Factor of the segmentor's loss; the paper gives none.
        **kwargs: As :class:`AdversarialAlignment`.
    """

    sides = ('prediction', 'exemplar')

    def __init__(
        self,
        discriminator: dict,
        loss: dict,
        prediction: str = 'source:logits',
        exemplars: str = 'exemplar:label',
        temperature: float = 1e3,
        blur: float = 0.6,
        crop_size: int | None = None,
        ignore_index: int = 255,
        loss_weight: float = 0.1,
        discriminator_weight: float = 1.0,
        **kwargs,
    ) -> None:
        super().__init__(
            source=prediction,
            target=exemplars,
            moves='prediction',
            discriminator=discriminator,
            loss=loss,
            loss_weight=loss_weight,
            discriminator_weight=discriminator_weight,
            **kwargs,
        )
        self.temperature = temperature
        self.blur = blur
        self.crop_size = crop_size
        self.ignore_index = ignore_index

    @classmethod
    def channels_from(cls, cfg: Mapping) -> dict[str, int]:
        return {'discriminator.in_channels': 1}

    def reads(self, phase: str) -> set[str]:
        return super().reads(phase) | {self.addresses['exemplar']}

    def read(self, side: str, context) -> Tensor:
        """Blurred class indices (N, 1, h, w)."""
        tap = context.tap(self.addresses[side])
        if side == 'prediction':
            size = context.size(self.readers[side].view)
            if tap.shape[-2:] != size:
                tap = F.interpolate(tap, size=size, mode='bilinear', align_corners=False)
            maps = sargmax(self._crop(tap), self.temperature)
            unknown = context.tap(self.addresses['exemplar']).unsqueeze(1) == self.ignore_index
            if unknown.any():
                unknown = self._crop(unknown)[torch.arange(len(maps), device=maps.device) % len(unknown)]
                maps = maps.masked_fill(unknown, 0.0)
        else:
            maps = self._crop(tap.unsqueeze(1))
            dtype = next(self.discriminator.parameters()).dtype
            maps = torch.where(maps == self.ignore_index, 0, maps + 1).to(dtype)
        return gaussian_blur(maps, self.blur) if self.blur else maps

    def _valid(self, side: str, context, logits: Tensor) -> Tensor | None:
        """As for any alignment, but random windows no longer know their position in the image."""
        return None if self.crop_size is not None else super()._valid(side, context, logits)

    def _crop(self, maps: Tensor) -> Tensor:
        if self.crop_size is None:
            return maps
        height, width = maps.shape[-2:]
        if min(height, width) < self.crop_size:
            raise UserError(
                f'LabelMapAlignment cuts windows of {self.crop_size} px from maps of {height} x {width} px; make '
                'crop_size smaller or the crops of both streams larger.'
            )
        row, col = (int(torch.randint(0, size - self.crop_size + 1, ())) for size in (height, width))
        return maps[..., row : row + self.crop_size, col : col + self.crop_size]
