"""Transfers the colours of a reference domain to a source image: a cheap adaptation without training."""

from __future__ import annotations

from abc import abstractmethod

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmuda.datasets.raster.valid import fill_invalid
from mmuda.datasets.transforms.channel_order import RGB, in_order
from mmuda.registry import DATASETS, TRANSFORMS
from mmuda.utils.errors import UserError

# From RGB to cone responses, and from their log10 to decorrelated l, alpha, beta (Reinhard et al., 2001, eqs. 4, 6).
RGB_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
LMS_TO_LAB = np.diag(1 / np.sqrt([3.0, 6.0, 2.0])) @ np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])


def to_lalphabeta(image: np.ndarray) -> np.ndarray:
    """Channels l, alpha, beta (H, W, 3) of red, green, blue in [0, 255], raised to at least 1 for the logarithm."""
    return np.log10(np.maximum(image, 1.0) @ RGB_TO_LMS.T) @ LMS_TO_LAB.T


class ColourTransfer(BaseTransform):
    """Base of transforms that give an image the colours of a random image of another domain.

    Modified keys: ``img`` (H, W, C), of uint8 or float; it keeps its dtype and, if an integer, its range. The label is
    not changed. Place the transform right after loading, before resampling makes a second version of the image. Pixels
    without data in the image or its reference are ignored.

    Args:
        reference (dict): Config in DATASETS whose items hold ``img`` (H', W', C): the unlabelled target, with a
            pipeline that loads (and crops) an image without packing it.
        prob (float): Probability in [0, 1] that an image is changed.

    Raises:
        UserError: ``prob`` lies outside [0, 1], or an image and its reference differ in the number of bands.
    """

    def __init__(self, reference: dict, prob: float = 1.0) -> None:
        if not 0 <= prob <= 1:
            raise UserError(f'prob={prob} of {type(self).__name__} is no probability; give a value in [0, 1].')
        self.reference = DATASETS.build(reference)
        self.prob = prob

    pixelwise = True
    """Whether pixel positions are irrelevant, so that pixels without data can be left out."""

    @abstractmethod
    def transfer(self, image: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """The image (H, W, C) float64 in the colours of the reference (H', W', C) float64."""

    def transform(self, results: dict) -> dict:
        """Change ``img``.

        Args:
            results (dict): As above.

        Returns:
            dict: ``results``.
        """
        # Both are always drawn, so that later draws do not depend on the outcome.
        index, chance = np.random.randint(len(self.reference)), np.random.rand()
        if chance >= self.prob:
            return results
        other = self.reference[int(index)]
        image, reference = results['img'], other['img']
        if image.ndim != 3 or reference.ndim != 3 or image.shape[2] != reference.shape[2]:
            raise UserError(
                f'{type(self).__name__}: the image {results.get("img_path")} has the shape {image.shape}, its '
                f'reference {reference.shape}; read the same bands of both domains.'
            )
        valid, known = (_valid(one) for one in (results, other))
        if not (valid.any() and known.any()):
            return results
        # As RGB, so that channels correspond; Reinhard's colour space requires it.
        order = results.get('channel_order')
        image = in_order(image, order, RGB).astype(np.float64)
        reference = in_order(reference, other.get('channel_order'), RGB if order else None).astype(np.float64)
        changed = in_order(self._transfer(image, reference, valid, known), RGB, order)
        dtype = results['img'].dtype
        if np.issubdtype(dtype, np.integer):
            limits = np.iinfo(dtype)
            changed = np.clip(np.rint(changed), limits.min, limits.max)
        results['img'] = fill_invalid(changed.astype(dtype), valid)
        return results

    def _transfer(self, image: np.ndarray, reference: np.ndarray, valid: np.ndarray, known: np.ndarray) -> np.ndarray:
        if not self.pixelwise or (valid.all() and known.all()):
            return self.transfer(image, reference)
        changed = image.copy()
        changed[valid] = self.transfer(image[valid][None], reference[known][None])[0]
        return changed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(reference={type(self.reference).__name__}, prob={self.prob})'


def _valid(results: dict) -> np.ndarray:
    """Where a loaded image holds data, (H, W) bool."""
    missing = results.get('no_data')
    return np.ones(results['img'].shape[:2], dtype=bool) if missing is None else missing == 0


@TRANSFORMS.register_module()
class HistogramMatching(ColourTransfer):
    """Matches each band's histogram to the reference's (Gonzalez and Woods, histogram specification).

    A value maps to the reference's value at the same quantile, with linear interpolation.
    """

    def transfer(self, image: np.ndarray, reference: np.ndarray) -> np.ndarray:
        matched = np.empty_like(image)
        for band in range(image.shape[2]):
            _, inverse, counts = np.unique(image[..., band], return_inverse=True, return_counts=True)
            values, reference_counts = np.unique(reference[..., band], return_counts=True)
            shares = np.cumsum(counts) / image[..., band].size
            reference_shares = np.cumsum(reference_counts) / reference[..., band].size
            matched[..., band] = np.interp(shares, reference_shares, values)[inverse].reshape(image.shape[:2])
        return matched


@TRANSFORMS.register_module()
class ReinhardTransfer(ColourTransfer):
    """Matches each channel's mean and standard deviation to the reference's (Reinhard et al., 2001, equation 10).

    Args:
        space (str): ``'lalphabeta'``, the paper's decorrelated logarithmic space, for RGB; ``'bands'``, the unchanged
            bands, for any number of them.
        **kwargs: As :class:`ColourTransfer`.

    Raises:
        UserError: ``space`` is unknown, or ``'lalphabeta'`` gets an image that is not RGB.
    """

    def __init__(self, reference: dict, prob: float = 1.0, space: str = 'lalphabeta') -> None:
        super().__init__(reference, prob)
        if space not in ('lalphabeta', 'bands'):
            raise UserError(f"space={space!r} of ReinhardTransfer is not known; give 'lalphabeta' or 'bands'.")
        self.space = space

    def transfer(self, image: np.ndarray, reference: np.ndarray) -> np.ndarray:
        if self.space == 'bands':
            return self._move(image, reference)
        if image.shape[2] != 3:
            raise UserError(
                f"ReinhardTransfer got {image.shape[2]} bands, but 'lalphabeta' is made for red, green, blue; "
                "set space='bands'."
            )
        moved = self._move(to_lalphabeta(image), to_lalphabeta(reference))
        return 10 ** (moved @ np.linalg.inv(LMS_TO_LAB).T) @ np.linalg.inv(RGB_TO_LMS).T

    @staticmethod
    def _move(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
        mean, std = image.mean(axis=(0, 1)), image.std(axis=(0, 1))
        goal_mean, goal_std = reference.mean(axis=(0, 1)), reference.std(axis=(0, 1))
        # A band without contrast cannot be stretched.
        return (image - mean) * np.divide(goal_std, std, out=np.ones_like(std), where=std > 0) + goal_mean


@TRANSFORMS.register_module()
class FourierTransfer(ColourTransfer):
    """Takes low-frequency amplitudes from the reference, keeps phases (FDA, https://arxiv.org/abs/2004.05498, eq. 3).

    The reference is resized to the image's size first. Frequencies have no pixels to leave out, so pixels without data
    take part with the neutral value from loading.

    Args:
        beta (float): Half the side of the exchanged square of frequencies, as a share of the shorter side, in
            (0, 0.5]; 0.01, 0.05 and 0.09 in the paper.
        **kwargs: As :class:`ColourTransfer`.

    Raises:
        UserError: ``beta`` lies outside (0, 0.5].
    """

    pixelwise = False

    def __init__(self, reference: dict, prob: float = 1.0, beta: float = 0.01) -> None:
        super().__init__(reference, prob)
        if not 0 < beta <= 0.5:
            raise UserError(f'beta={beta} of FourierTransfer lies outside (0, 0.5]; the paper has 0.01 to 0.09.')
        self.beta = beta

    def transfer(self, image: np.ndarray, reference: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if reference.shape[:2] != (height, width):
            # Band by band, since OpenCV averages areas of four bands at most.
            bands = [np.ascontiguousarray(reference[..., band]) for band in range(reference.shape[2])]
            resized = [cv2.resize(band, (width, height), interpolation=cv2.INTER_AREA) for band in bands]
            reference = np.stack(resized, axis=-1)
        spectra = [np.fft.fftshift(np.fft.fft2(x, axes=(0, 1)), axes=(0, 1)) for x in (image, reference)]
        amplitude, phase = np.abs(spectra[0]), np.angle(spectra[0])
        reach = int(np.floor(min(height, width) * self.beta))
        y, x = height // 2, width // 2
        square = (slice(max(y - reach, 0), y + reach + 1), slice(max(x - reach, 0), x + reach + 1))
        amplitude[square] = np.abs(spectra[1])[square]
        mixed = np.fft.ifftshift(amplitude * np.exp(1j * phase), axes=(0, 1))
        return np.fft.ifft2(mixed, axes=(0, 1)).real
