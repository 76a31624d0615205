"""A model of this process as the network of a map: reads windows of a raster, and predicts them in batches."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmuda.apis.window_pipeline import WindowPipeline
from mmuda.datasets.raster.info import RasterInfo
from mmuda.maps.options import TURNS
from mmuda.models.wrappers.channel_checks import MISFIT
from mmuda.structures import NO_DATA, no_data_of_prediction
from mmuda.utils.errors import UserError


def predict_samples(model: nn.Module, samples: Sequence[Mapping]) -> list:
    """The predictions of samples of one size; see :func:`mmuda.apis.inference_model`."""
    try:
        with torch.no_grad():
            return model.test_step(pseudo_collate(list(samples)))
    except RuntimeError as error:
        found = MISFIT.search(str(error))
        if not found:
            raise
        raise UserError(
            f'a layer of the model takes {found[1]} channels but gets {found[2]}; set in_channels of the backbone in '
            'the config to the number of bands that the test set reads, or choose other bands'
        ) from error


class MapNetwork:
    """Reads and predicts windows of one raster, see :class:`mmuda.maps.strips.Network`.

    Args:
        model: Of :func:`init_model`.
        pipeline: Reads its windows.
        info: The raster's header, with the effective pixel size.
        views: A key of ``TURNS``: the views whose logits are averaged.
    """

    def __init__(self, model: nn.Module, pipeline: WindowPipeline, info: RasterInfo, views: str = 'none') -> None:
        self.model, self.pipeline, self.info = model, pipeline, info
        self.views = TURNS[views]

    def read(self, window: tuple[int, int, int, int]) -> dict:
        """A sample of the window (row, col, height, width)."""
        return self.pipeline.of_window(self.info, window)

    def predict(self, samples: Sequence[dict]) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Logits (classes, height, width) of each sample, and where it has no data.

        A batch that a GPU has no memory for is predicted in halves.
        """
        try:
            return self._predict(samples)
        except torch.OutOfMemoryError:
            if len(samples) == 1:
                raise
        half = len(samples) // 2
        return self.predict(samples[:half]) + self.predict(samples[half:])

    def _predict(self, samples: Sequence[dict]) -> list[tuple[np.ndarray, np.ndarray | None]]:
        sums: list[Tensor] = []
        missing = []
        for turns, flipped in self.views:
            found = predict_samples(self.model, [turned(sample, turns, flipped) for sample in samples])
            logits = [turned_back(sample.seg_logits.data.float(), turns, flipped) for sample in found]
            sums = [one + other for one, other in zip(sums, logits, strict=True)] if sums else logits
            if not missing:
                masks = [no_data_of_prediction(sample, sample.seg_logits.data.shape[-2:]) for sample in found]
                missing = [None if mask is None else mask.cpu().numpy() for mask in masks]
        return [((one / len(self.views)).cpu().numpy(), mask) for one, mask in zip(sums, missing, strict=True)]


def turned(sample: Mapping, turns: int, flipped: bool) -> Mapping:
    """A sample mirrored left and right if ``flipped``, then turned by quarters, with its pixels without data."""
    if not turns and not flipped:
        return sample
    data = copy.deepcopy(sample['data_samples'])
    if NO_DATA in data:
        data.set_data({NO_DATA: PixelData(data=_turn(data.get(NO_DATA).data, turns, flipped))})
    if turns % 2:
        meta = data.metainfo
        shapes = {key: meta[key] for key in ('ori_shape', 'img_shape', 'pad_shape') if meta.get(key) is not None}
        data.set_metainfo({key: (shape[1], shape[0], *shape[2:]) for key, shape in shapes.items()})
    images = {key: _turn(value, turns, flipped) for key, value in sample.items() if isinstance(value, Tensor)}
    return {**sample, **images, 'data_samples': data}


def _turn(image: Tensor, turns: int, flipped: bool) -> Tensor:
    """(C, H, W) mirrored, then turned by quarters."""
    return torch.rot90(image.flip(-1) if flipped else image, turns, (-2, -1)).contiguous()


def turned_back(image: Tensor, turns: int, flipped: bool) -> Tensor:
    """What was predicted of a turned sample, (C, H, W), on the grid of the sample."""
    image = torch.rot90(image, -turns, (-2, -1))
    return image.flip(-1) if flipped else image
