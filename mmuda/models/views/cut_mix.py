"""CutMix: a rectangle of one image, pasted onto another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmuda.registry import VIEWS
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import SHARE, require_each

from .mix import Mix

ATTEMPTS = 64  # drawn at once, since most of a large rectangle's do not fit


@VIEWS.register_module()
class CutMix(Mix):
    """Pastes a rectangle of a source image onto a target image; see :class:`Mix` for the rest.

    The rectangle is drawn for each image as in the released code of UniMatch: its share of the image uniformly from
    ``area``, its height over its width uniformly from ``ratio``, and its upper left corner uniformly among all pixels;
    ratio and corner are drawn again until it lies inside the image.

    Sources: CutMix (https://arxiv.org/abs/1905.04899), UniMatch (https://arxiv.org/abs/2208.09910).

    Args:
        source: The labelled stream or view that is cut from. The default mixes images of the target with each other.
        target: The labelled stream or view that is pasted onto.
        probability: Share of the images that get a rectangle, in [0, 1].
        area: Smallest and largest share of the image, in (0, 1].
        ratio: Smallest and largest height over width.
        shift: Partner of a sample, see :class:`Mix`.

    Raises:
        UserError: If a value lies outside its range.
    """

    def __init__(
        self,
        source: str = 'pseudo',
        target: str = 'pseudo',
        probability: float = 0.5,
        area: Sequence[float] = (0.02, 0.4),
        ratio: Sequence[float] = (0.3, 1 / 0.3),
        shift: int | None = None,
    ) -> None:
        require_each(SHARE, self, probability=probability)
        if not 0 < area[0] <= area[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise UserError(
                f'CutMix: area={tuple(area)} and ratio={tuple(ratio)}; give the smaller value first, both above 0, and '
                'an area of at most 1.'
            )
        super().__init__(source, target, shift)
        self.probability = probability
        self.area, self.ratio = tuple(area), tuple(ratio)

    def masks(self, labels: Tensor, size: tuple[int, int]) -> Tensor:
        masks = torch.zeros(len(labels), *size, dtype=torch.bool, device=labels.device)
        for mask in masks:
            if torch.rand(()) < self.probability:
                top, left, height, width = self._rectangle(*size)
                mask[top : top + height, left : left + width] = True
        return masks

    def _rectangle(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Row, column, height and width of a rectangle within an image."""
        share = self.area[0] + (self.area[1] - self.area[0]) * float(torch.rand((), dtype=torch.float64))
        pixels = share * height * width
        # Ratios beyond these never fit; leaving them out only shortens the search.
        low, high = max(self.ratio[0], pixels / width**2), min(self.ratio[1], height**2 / pixels)
        if low > high:
            raise UserError(
                f'CutMix has area={self.area} and ratio={self.ratio}: such a rectangle does not fit into images of '
                f'{height} x {width} pixels; give a smaller area or wider ratios.'
            )
        while True:
            ratios = low + (high - low) * torch.rand(ATTEMPTS, dtype=torch.float64)
            tall, wide = (pixels * ratios).sqrt().long(), (pixels / ratios).sqrt().long()
            top, left = torch.randint(height, (ATTEMPTS,)), torch.randint(width, (ATTEMPTS,))
            fits = ((top + tall <= height) & (left + wide <= width)).nonzero()
            if len(fits):
                return tuple(int(side[fits[0]]) for side in (top, left, tall, wide))
