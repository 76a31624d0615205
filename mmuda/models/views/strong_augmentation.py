"""Colour jitter, grey and blur of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.registry import VIEWS
from mmuda.structures import upcast, validity
from mmuda.utils.errors import UserError
from mmuda.utils.ranges import POSITIVE, SHARE, Rule, require_each

from .built_on import BuiltOn

NEUTRAL = (1, 1, 1, 0)  # factors of brightness, contrast and saturation, and turns of hue, that change nothing
BRIGHTEST = 1.6  # no more whites than that is a mean plus two standard deviations of values in [0, white]
HALF = Rule('a number between 0 and 0.5', lambda value: SHARE.holds(value) and value <= 0.5)


@VIEWS.register_module()
class StrongAugmentation(BuiltOn):
    """Changes colours and sharpness of images; labels and weights stay. Each image gets its own random values.

    First the colours are jittered: brightness, contrast, saturation and hue, in random order. Then the image may become
    grey, and then it may be blurred. Colours are changed in the units of the raster, divided by ``white`` and clamped
    to [0, 1]: the normalisation is undone and done again, by the statistics of the sample's domain. A mixed image
    counts as one of the target: a pixel that was pasted from the source takes the colour that a pixel of the target
    with the same normalised values has. An image that no change is drawn for keeps its values exactly.

    Hue, saturation and grey act on the first three bands, taken as red, green and blue; of images with fewer bands
    they change nothing. Brightness and contrast change the further bands by the same factors. Extras such as
    ``fine_image`` stay unchanged, and so does 0 where there is no data.

    ``style='dacs'`` changes colours as the released code of DACS and DAFormer: brightness is added, contrast
    multiplies, saturation is that of HSV. ``'torchvision'`` is what UniMatch uses: brightness multiplies, contrast
    blends with the mean grey, saturation with the grey image. The released code of DACS and DAFormer decides once for
    the whole batch whether to jitter and whether to blur; here each image is decided by itself. Its blur cuts the
    kernel off at a twentieth of the image to each side, this one at four standard deviations.

    Sources: DACS (https://arxiv.org/abs/2007.08702), DAFormer (https://arxiv.org/abs/2111.14887).

    Args:
        view: The stream or view whose images are changed.
        brightness: The factor lies within 1 - brightness and 1 + brightness; at most 1.
        contrast: Likewise.
        saturation: Likewise.
        hue: The hue turns by at most this share of the colour circle, either way; at most 0.5.
        jitter_probability: Share of the images whose colours are jittered.
        blur_probability: Share of the images that are blurred.
        sigma: Smallest and largest standard deviation of the blur, in pixels.
        grey_probability: Share of the images that become grey.
        style: How a factor changes an image: ``'dacs'`` or ``'torchvision'``.
        white: Value of the raster that counts as 1: 255 for 8-bit imagery.

    Raises:
        UserError: If a value lies outside its range.
    """

    def __init__(
        self,
        view: str = 'mixed',
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.2,
        hue: float = 0.2,
        jitter_probability: float = 0.8,
        blur_probability: float = 0.5,
        sigma: Sequence[float] = (0.15, 1.15),
        grey_probability: float = 0.0,
        style: str = 'dacs',
        white: float = 255.0,
    ) -> None:
        from . import colour  # loads kornia, which takes a second: only for those who use it

        require_each(SHARE, self, brightness=brightness, contrast=contrast, saturation=saturation)
        require_each(HALF, self, hue=hue)
        require_each(SHARE, self, jitter_probability=jitter_probability, blur_probability=blur_probability)
        require_each(SHARE, self, grey_probability=grey_probability)
        require_each(POSITIVE, self, white=white)
        if not 0 < sigma[0] <= sigma[1]:
            raise UserError(f'StrongAugmentation: sigma={tuple(sigma)}; give two positive numbers, the smaller first.')
        if style not in colour.STYLES:
            raise UserError(f'StrongAugmentation: style={style!r} is not known; give one of {tuple(colour.STYLES)}.')
        self.view = view
        self.parents = (view,)
        self.strengths = (brightness, contrast, saturation, hue)
        self.jitter_probability = jitter_probability
        self.blur_probability = blur_probability
        self.grey_probability = grey_probability
        self.sigma = tuple(sigma)
        self.style = style
        self.white = white

    def build(self, context) -> dict:
        batch = context.batch(self.view)
        images, samples, preprocessor = batch['inputs'], batch['data_samples'], context.data_preprocessor
        domains = self._domains(preprocessor, samples)
        changed = torch.cat(
            [
                self._changed(upcast(image[None]), preprocessor, domain)
                for image, domain in zip(images, domains, strict=True)
            ]
        )
        valid = validity(samples, tuple(changed.shape[-2:]), changed)
        changed = changed if valid is None else changed.masked_fill(valid == 0, 0)
        return {**batch, 'inputs': changed.to(images.dtype)}

    def _domains(self, preprocessor, samples: list[SegDataSample]) -> list[str]:
        """The domain of each sample."""
        if not hasattr(preprocessor, 'from_pixels'):
            raise UserError(
                'StrongAugmentation changes colours in the units of the raster, which '
                f'{type(preprocessor).__name__} does not give back; use a UDADataPreprocessor.'
            )
        domains = preprocessor.domains_of(samples)
        for domain in sorted(set(domains)):
            mean, bright = preprocessor.brightness(domain)
            if 0 < mean < self.white / 50 or mean > self.white or bright > BRIGHTEST * self.white:
                raise UserError(
                    f"StrongAugmentation has white={self.white:g}, but the data preprocessor's mean of '{domain}' is "
                    f'{mean:g}, and two standard deviations above it lie {bright:g}; give the value of its rasters '
                    'that counts as white.'
                )
        return domains

    def _changed(self, image: Tensor, preprocessor, domain: str) -> Tensor:
        """One image (1, C, H, W), normalised before and after."""
        from . import colour

        # Always as many numbers, whatever becomes of them, and on the CPU, whose generator is seeded.
        jittered, grey, blurred, width, *factors = torch.rand(4 + len(NEUTRAL)).tolist()
        order = torch.randperm(len(NEUTRAL)).tolist()
        jittered, grey = jittered < self.jitter_probability, grey < self.grey_probability
        if jittered or grey:
            pixels = preprocessor.to_pixels(image, domain) / self.white
            if jittered:
                drawn = [
                    centre + strength * (2 * factor - 1)
                    for centre, strength, factor in zip(NEUTRAL, self.strengths, factors, strict=True)
                ]
                pixels = colour.jitter(pixels, drawn, order, self.style)
            pixels = colour.grey(pixels) if grey else pixels
            image = preprocessor.from_pixels(pixels * self.white, domain)
        if blurred < self.blur_probability:
            smallest, largest = self.sigma
            image = colour.blur(image, smallest + (largest - smallest) * width)
        return image
