"""The base of views that paste parts of one batch onto another."""

from __future__ import annotations

from abc import abstractmethod

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmuda.structures import NO_DATA, no_data_of, pixel_weights, with_labels
from mmuda.utils.errors import UserError

from .built_on import BuiltOn


class Mix(BuiltOn):
    """Pastes pixels of a labelled batch onto another: image, label, weight, and where there is no data.

    Sample i of the target gets pixels of sample ``(i + shift) % N`` of the source, so the batches may differ in size;
    the result has the target's. Where neither batch has weights the result has none; otherwise a pixel without weight
    counts 1.

    Images are mixed as the network gets them: each pixel keeps the normalisation of its own domain, so it looks to the
    network as it does in its own stream. The samples keep the target's metainfo. Whatever later asks for the domain of
    a mixed image gets the target's, and with it the colours that normalisation has matched to the target's.

    All pixels of an image, and the labels on the same ground, come from one of the two. Where the labels of the two
    batches have different grids, the result has the finer one. Extras of the batch are mixed if both have them as
    images (N, C, h, w) of one size, such as ``fine_image``. Others are left out, since label cells, for example, cannot
    be mixed; a term that reads one is told so.

    Args:
        source: The labelled stream or view whose pixels are pasted.
        target: The labelled stream or view (usually pseudo-labelled) that they are pasted onto.
        shift: Partner of a sample, counted from its own place. None is 1 if source and target are the same, so that a
            sample is mixed with the next one, else 0. Also give 1 where both are views of the same images.
    """

    def __init__(self, source: str, target: str, shift: int | None) -> None:
        self.source, self.target = source, target
        self.parents = (source, target)
        self.shift = int(source == target) if shift is None else shift

    def reads(self) -> set[str]:
        return {f'{parent}:{tap}' for parent in self.parents for tap in ('image', 'label')}

    @abstractmethod
    def masks(self, labels: Tensor, size: tuple[int, int]) -> Tensor:
        """Which pixels come from the source.

        Args:
            labels: Of the sources, (N, h, w) int64, one for each target.
            size: Height and width of the images.

        Returns:
            (N, *size) bool.
        """

    def build(self, context) -> dict:
        source, target = (context.batch(parent) for parent in self.parents)
        self._check(source, target)
        samples, count = target['data_samples'], len(source['data_samples'])
        if self.source == self.target and self.shift % count == 0:
            raise UserError(
                f"{type(self).__name__} mixes the images of '{self.source}' with one another, but a process has "
                f'{count}, and shift={self.shift} makes each its own partner; give a larger batch_size.'
            )
        partners = [(i + self.shift) % count for i in range(len(samples))]
        pasted = [source['data_samples'][i] for i in partners]
        images = target['inputs']
        mask = self.masks(_labels(pasted), tuple(images.shape[-2:]))
        mixed = dict(inputs=_mixed(mask, source['inputs'][partners], images))
        for key in sorted(source.keys() & target.keys() - mixed.keys()):
            if _is_image(source[key]) and _is_image(target[key]) and source[key].shape[1:] == target[key].shape[1:]:
                mixed[key] = _mixed(mask, source[key][partners], target[key])
        return {**mixed, 'data_samples': _mixed_samples(mask, pasted, samples)}

    def _check(self, source: dict, target: dict) -> None:
        """Refuse batches that cannot be mixed."""
        part = type(self).__name__
        for name, batch in zip(self.parents, (source, target), strict=True):
            if 'inputs' not in batch:
                raise UserError(f"{part} mixes images, but '{name}' has none; name a stream or view of images.")
            if not all('gt_sem_seg' in sample for sample in batch['data_samples']):
                raise UserError(
                    f"{part} mixes labels, but '{name}' has none; name a labelled stream, or a view that labels it, "
                    'such as one of the type PseudoLabels.'
                )
        shapes = [tuple(batch['inputs'].shape[1:]) for batch in (source, target)]
        if shapes[0] != shapes[1]:
            raise UserError(
                f"{part} mixes images of one size, but those of '{self.source}' are {_words(shapes[0])} and those of "
                f"'{self.target}' {_words(shapes[1])}; crop both streams to the same pixels, with the same bands."
            )


def nearest(tensor: Tensor, size: tuple[int, int]) -> Tensor:
    """A map resized by nearest neighbour: each new pixel takes the value at its centre; any dtype.

    Args:
        tensor: (..., h, w).
        size: New height and width.

    Returns:
        (..., *size); the tensor itself if it has that size.
    """
    if tuple(tensor.shape[-2:]) == tuple(size):
        return tensor
    rows, columns = (
        (torch.arange(new, device=tensor.device) * 2 + 1) * old // (2 * new)
        for new, old in zip(size, tensor.shape[-2:], strict=True)
    )
    return tensor[..., rows[:, None], columns]


def _words(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f'{height} x {width} pixels of {channels} bands'


def _is_image(value) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4 and value.is_floating_point()


def _labels(samples: list[SegDataSample]) -> Tensor:
    """(N, h, w) int64."""
    return torch.stack([sample.gt_sem_seg.data.squeeze(0) for sample in samples])


def _mixed(mask: Tensor, pasted: Tensor, below: Tensor) -> Tensor:
    """Images (N, C, h, w), pasted where the mask (N, H, W) says so."""
    return torch.where(nearest(mask, below.shape[-2:])[:, None], pasted, below)


def _mixed_samples(mask: Tensor, pasted: list[SegDataSample], below: list[SegDataSample]) -> list[SegDataSample]:
    """Samples with mixed labels, weights and pixels without data; metainfo of those below."""
    labels = [_labels(samples) for samples in (pasted, below)]
    weights = [pixel_weights(samples) for samples in (pasted, below)]
    size = tuple(max(sides) for sides in zip(*(label.shape[-2:] for label in labels), strict=True))
    mask = nearest(mask, size)
    weight = None
    if any(one is not None for one in weights):
        present = next(one for one in weights if one is not None)
        weight = torch.where(mask, *(present.new_ones(()) if one is None else nearest(one, size) for one in weights))
    mixed = with_labels(below, torch.where(mask, *(nearest(label, size) for label in labels)), weight)
    for sample, chosen, *pair in zip(mixed, mask, pasted, below, strict=True):
        missing = [no_data_of(one, size) for one in pair]
        if any(one is not None for one in missing):
            found = torch.where(chosen, *(chosen.new_zeros(()) if one is None else one for one in missing))
            sample.set_data({NO_DATA: PixelData(data=found[None])})
    return mixed
