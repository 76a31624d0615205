"""Splits rasters into a part for training and a part that is held out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmuda.datasets.raster.info import RasterInfo
from mmuda.utils.errors import UserError

PARTS = ('train', 'held_out')
FEW = 5
"""From this number of rasters on, whole rasters are held out."""


@dataclass(frozen=True)
class Part:
    """One of two parts of a set of rasters, which share no ground if the rasters do not overlap.

    Of five rasters or more, whole ones are held out, evenly spread over the set. Of each of fewer rasters, the end of
    the longer side is held out (its bottom or its right), and the buffer before it belongs to neither part.

    Attributes:
        name: ``'train'`` or ``'held_out'``.
        share: Share of the rasters, or of each raster, that is held out; in (0, 1).
        buffer: Width in metres of the strip between the two parts of a raster; one crop is enough.
    """

    name: str
    share: float = 0.2
    buffer: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in PARTS:
            raise UserError(f'part: name={self.name!r} of a RasterDataset is unknown; choose one of {", ".join(PARTS)}')
        if not 0 < self.share < 1 or not 0 <= self.buffer < math.inf:
            raise UserError(
                f'part: share={self.share} and buffer={self.buffer} of a RasterDataset; give a share between 0 and 1, '
                'and a buffer of 0 metres or more'
            )

    @classmethod
    def of(cls, settings: Mapping | None) -> Part | None:
        """The part that a config describes.

        Raises:
            UserError: It has other keys or values.
        """
        if settings is None:
            return None
        known = tuple(cls.__dataclass_fields__)
        if not isinstance(settings, Mapping) or 'name' not in settings or not set(settings) <= set(known):
            raise UserError(
                f'part={settings!r} of a RasterDataset; give dict({", ".join(f"{key}=..." for key in known)})'
            )
        return cls(**settings)

    def windows(self, rasters: Sequence[RasterInfo]) -> list[tuple[int, int, int, int] | None]:
        """The window (row, col, height, width) of each raster that belongs to the part; None for none of it.

        Raises:
            UserError: A raster is too small to be divided.
        """
        if len(rasters) >= FEW:
            return self._whole(rasters)
        return [self._of_one(raster) for raster in rasters]

    def _whole(self, rasters: Sequence[RasterInfo]) -> list[tuple[int, int, int, int] | None]:
        count = min(max(1, round(len(rasters) * self.share)), len(rasters) - 1)
        held_out = {int((number + 0.5) * len(rasters) / count) for number in range(count)}
        return [
            (0, 0, *raster.shape) if (index in held_out) == (self.name == 'held_out') else None
            for index, raster in enumerate(rasters)
        ]

    def _of_one(self, raster: RasterInfo) -> tuple[int, int, int, int]:
        axis = 0 if raster.height >= raster.width else 1
        pixel = raster.ground_pixel[axis] if raster.ground_pixel else raster.gsd
        side = raster.shape[axis]
        held_out = round(side * self.share)
        train = side - held_out - math.ceil(self.buffer / pixel)
        if min(held_out, train) < 1:
            raise UserError(
                f'{raster.path} has {raster.height} x {raster.width} px of {pixel:.3g} m: nothing is left of it beside '
                f'a held out share of {self.share} and a buffer of {self.buffer:g} m (part); make them smaller'
            )
        first, length = (0, train) if self.name == 'train' else (side - held_out, held_out)
        return (first, 0, length, raster.width) if axis == 0 else (0, first, raster.height, length)
