"""Normalises each domain by its own statistics, then stacks batches and moves them to the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.registry import MODELS
from mmuda.structures import no_data_of
from mmuda.utils.errors import UserError


@MODELS.register_module()
class UDADataPreprocessor(BaseDataPreprocessor):
    """Turns a loader's lists into batches and normalises each stream by its own mean and standard deviation.

    A training batch is ``{stream: {inputs: [tensor, ...], data_samples: [...], ...}}``; a validation or test batch is
    ``{inputs: [...], data_samples: [...]}``, and the ``domain`` of its samples selects the statistics.

    The network gets red, green, blue: the bands of a raster as chosen, and mmcv's images (blue, green, red) reversed. A
    sample's metainfo states its order (``channel_order``), so that one config may mix both. With ``rgb_to_bgr`` the
    network gets blue, green, red instead. Channels after the third keep their places.

    Pixels without data (``no_data`` of a sample) become 0, the domain's mean: the least informative value, and the one
    that the network's padding has.

    Args:
        mean: Mean by channel in the units of the raster (0 to 255 for uint8), in the order the network gets, for
            streams without their own.
        std: Standard deviation by channel, likewise.
        streams: ``{stream: dict(mean=..., std=..., bgr_to_rgb=...)}`` for streams with their own.
        image_keys: Extra tensors of a sample that are images and are normalised like ``inputs``.
        default_domain: The stream whose statistics a validation sample without ``domain`` gets.
        rgb_to_bgr: Give the network blue, green, red, as networks from Caffe take them.
        bgr_to_rgb: Whether images are blue, green, red if their samples do not say so (a custom loader). It changes
            nothing if they do.
        channels_last: Store batches as NHWC in memory; convolutions are faster with it on a CPU (docs/performance.md),
            and values differ by rounding.
        non_blocking: Copy to the device without waiting for it, which pinned memory of the loader allows.

    Raises:
        UserError: A stream has an unknown key, or statistics do not fit.
    """

    def __init__(
        self,
        mean: Sequence[float] = (127.5, 127.5, 127.5),
        std: Sequence[float] = (127.5, 127.5, 127.5),
        streams: Mapping[str, Mapping] | None = None,
        image_keys: Sequence[str] = ('fine_image',),
        default_domain: str = 'target',
        channels_last: bool = False,
        rgb_to_bgr: bool = False,
        bgr_to_rgb: bool = False,
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        self.rgb_to_bgr = rgb_to_bgr
        self.default = dict(mean=mean, std=std, bgr_to_rgb=bgr_to_rgb)
        self.streams = {name: {**self.default, **own} for name, own in (streams or {}).items()}
        self._on_device: dict[tuple, tuple[Tensor, Tensor]] = {}
        self.image_keys = tuple(image_keys)
        self.default_domain = default_domain
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        for name, own in {'the default': self.default, **self.streams}.items():
            unknown = sorted(set(own) - set(self.default))
            if unknown:
                raise UserError(
                    f'Statistics of {name} in the data preprocessor have unknown keys {unknown}; they may have '
                    f'{sorted(self.default)}.'
                )
            if len(own['mean']) != len(own['std']) or min(own['std']) <= 0:
                raise UserError(
                    f'Statistics of {name}: mean has {len(own["mean"])} entries, std {len(own["std"])}, smallest std '
                    f'{min(own["std"])}; give one mean and one positive std per channel.'
                )

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalised, stacked and moved batch.

        Returns:
            Training: ``{stream: dict(inputs=(N, C, H, W), data_samples=[...], **extras)}``. Otherwise
            ``dict(inputs=(N, C, H, W), data_samples=[...])``.

        Raises:
            UserError: If images of one batch differ in size, or their number of channels differs from that of the
                statistics.
        """
        data = self.cast_data(data)
        if 'inputs' in data:
            samples = data.get('data_samples') or [None] * len(data['inputs'])
            triples = zip(data['inputs'], self.domains_of(samples), samples, strict=True)
            images = [_blank(self._normalise(*triple), triple[-1]) for triple in triples]
            return {'inputs': self._stack(images, 'inputs'), 'data_samples': data.get('data_samples')}
        return {stream: self._stream(stream, batch) for stream, batch in data.items()}

    def _stream(self, stream: str, batch: dict) -> dict:
        out, samples = {}, batch.get('data_samples')
        for key, values in batch.items():
            if isinstance(values, (list, tuple)) and values and isinstance(values[0], Tensor):
                if key == 'inputs' or key in self.image_keys:
                    pairs = zip(values, samples or [None] * len(values), strict=True)
                    values = [_blank(self._normalise(value, stream, sample), sample) for value, sample in pairs]
                out[key] = self._stack(values, f'{stream}:{key}')
            else:
                out[key] = values
        return out

    def _normalise(self, image: Tensor, domain: str, sample=None) -> Tensor:
        own = self.streams.get(domain, self.default)
        if len(image) != len(own['mean']):
            raise UserError(
                f"An image of '{domain}' has {len(image)} channels but its statistics {len(own['mean'])}; "
                'give `bands` of the dataset and `mean`, `std` of the data preprocessor the same length.'
            )
        dtype = torch.get_default_dtype() if not image.is_floating_point() else image.dtype
        image = image.to(dtype)
        order = getattr(sample, 'channel_order', None)
        is_bgr = own['bgr_to_rgb'] if order is None else order == 'BGR'
        if is_bgr != self.rgb_to_bgr:
            image = _turned_around(image, 0)
        mean, std = self._statistics(image, domain)
        return (image - mean) / std

    def to_pixels(self, images: Tensor, domain: str) -> Tensor:
        """Undo the normalisation.

        Args:
            images: Normalised, (N, C, H, W).
            domain: The stream they come from, whose statistics apply.

        Returns:
            (N, C, H, W) in the units of the raster, red first; not rounded, nor clamped.
        """
        mean, std = self._statistics(images, domain)
        pixels = images * std + mean
        return _turned_around(pixels, 1) if self.rgb_to_bgr else pixels

    def from_pixels(self, pixels: Tensor, domain: str) -> Tensor:
        """Normalise again what :meth:`to_pixels` gave; arguments as there."""
        mean, std = self._statistics(pixels, domain)
        return ((_turned_around(pixels, 1) if self.rgb_to_bgr else pixels) - mean) / std

    def domains_of(self, samples: Sequence[SegDataSample]) -> list[str]:
        """The stream of each sample, whose statistics apply to its image."""
        return [getattr(sample, 'domain', self.default_domain) for sample in samples]

    def brightness(self, domain: str) -> tuple[float, float]:
        """Of a domain's channels the largest mean, and the largest mean plus two standard deviations; raster units."""
        own = self.streams.get(domain, self.default)
        return max(own['mean']), max(mean + 2 * std for mean, std in zip(own['mean'], own['std'], strict=True))

    def _statistics(self, like: Tensor, domain: str) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of a domain, each (C, 1, 1), kept on the device."""
        own = self.streams.get(domain, self.default)
        key = (tuple(own['mean']), tuple(own['std']), like.dtype, like.device)
        if key not in self._on_device:
            values = (torch.as_tensor(own[k], dtype=like.dtype, device=like.device) for k in ('mean', 'std'))
            self._on_device[key] = tuple(value.view(-1, 1, 1) for value in values)
        return self._on_device[key]

    def _stack(self, tensors: list[Tensor], name: str) -> Tensor:
        shapes = {tuple(tensor.shape) for tensor in tensors}
        if len(shapes) > 1:
            raise UserError(
                f'Tensors of one batch differ in shape at {name}: {sorted(shapes)}; crop all samples to one ground '
                'extent (RandomGroundCrop, ResolutionPair), or use batch_size=1 for validation.'
            )
        batch = torch.stack(tensors)
        return batch.contiguous(memory_format=self.memory_format) if batch.ndim == 4 else batch


def _blank(image: Tensor, sample) -> Tensor:
    """The normalised image (C, H, W), 0 where the sample holds no data."""
    missing = no_data_of(sample, image.shape[-2:])
    return image if missing is None else image.masked_fill(missing.to(image.device), 0)


def _turned_around(image: Tensor, dim: int) -> Tensor:
    """An image with its first three channels reversed; images with fewer channels stay unchanged."""
    channels = image.shape[dim]
    if channels < 3:
        return image
    colours, others = image.split([3, channels - 3], dim)
    return torch.cat([colours.flip(dim), others], dim)
