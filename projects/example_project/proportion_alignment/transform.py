"""Imitates another sun and another sensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.registry import TRANSFORMS
from mmuda.utils.errors import UserError


@TRANSFORMS.register_module()
class RandomIllumination(BaseTransform):
    """Draw a brightness curve for the crop and a gain for each band: ``y = 255 * gain_b * (x / 255) ** gamma``.

    It imitates another sun (the curve) and another sensor or haze (the gains), and does not change geometry and labels.
    Values are clipped to [0, 255].

    Modified keys: those of ``keys`` that the sample has, arrays (H, W, C), uint8 or float32 in [0, 255]; all of them
    get the same draw, since they show the same ground.

    Args:
        gamma: The exponent is drawn between 1 / gamma and gamma, uniformly in its logarithm; at least 1.
        gain: Each band's gain is drawn uniformly from [1 - gain, 1 + gain]; in [0, 1).
        keys: Arrays to change.

    Raises:
        UserError: If ``gamma`` or ``gain`` lies outside its range.
    """

    def __init__(self, gamma: float = 1.5, gain: float = 0.2, keys: Sequence[str] = ('img', 'fine_image')) -> None:
        if gamma < 1:
            raise UserError(f'gamma={gamma} of RandomIllumination must be at least 1.')
        if not 0 <= gain < 1:
            raise UserError(f'gain={gain} of RandomIllumination must lie in [0, 1).')
        self.gamma = gamma
        self.gain = gain
        self.keys = tuple(keys)

    def transform(self, results: dict) -> dict:
        """Change the images; draws from numpy's global generator, which the sampler seeds for each sample."""
        exponent = self.gamma ** np.random.uniform(-1, 1)
        gains = np.random.uniform(1 - self.gain, 1 + self.gain, results['img'].shape[2])
        for key in self.keys:
            if key in results:
                results[key] = self.apply(results[key], exponent, gains)
        return results

    @staticmethod
    def apply(image: np.ndarray, exponent: float, gains: np.ndarray) -> np.ndarray:
        """The image (H, W, C) under a curve and gains (C,); same dtype."""
        changed = np.clip(255 * gains * (image / 255) ** exponent, 0, 255)
        return (np.rint(changed) if image.dtype == np.uint8 else changed).astype(image.dtype)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(gamma={self.gamma}, gain={self.gain}, keys={self.keys})'
