"""The test pipeline of a config, for windows of a raster and for arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmengine.config import Config
from mmseg.datasets.transforms import GenerateEdge, LoadBiomedicalAnnotation, LoadDepthAnnotation

from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.items import grid_follows
from mmuda.datasets.raster.unread import unread_dataset
from mmuda.datasets.raster.valid import image_bands
from mmuda.datasets.transforms import LoadRasterWindow
from mmuda.datasets.transforms.channel_order import RGB
from mmuda.registry import TRANSFORMS
from mmuda.utils.errors import UserError

DEFAULT_TILE = 512
# Steps from other libraries that only supply labels; ours declare ``only_labels = True``.
LABEL_STEPS = (LoadAnnotations, LoadBiomedicalAnnotation, LoadDepthAnnotation, GenerateEdge)


class WindowPipeline:
    """Reads a window of any raster exactly as a test of the config reads its own.

    Settings of the rasters that the config omits (``bands``, ``value_range``, ``gsd``, ...) come from the class of its
    dataset.

    Args:
        cfg: Config; its ``test_dataloader`` (or ``val_dataloader``) has a dataset of rasters whose pipeline begins with
            ``LoadRasterWindow``; steps that only supply labels are skipped.

    Raises:
        UserError: If there is no such dataset.
    """

    def __init__(self, cfg: Config) -> None:
        loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}
        dataset = loader.get('dataset') or {}
        steps = [
            TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in dataset.get('pipeline') or ()
        ]
        steps = [step for step in steps if not supplies_only_labels(step)]
        if not steps or not isinstance(steps[0], LoadRasterWindow):
            raise UserError(
                f'config {cfg.filename}: the pipeline of test_dataloader.dataset does not begin with LoadRasterWindow, '
                'so windows of a raster cannot be read as in a test; use a RasterDataset for the test'
            )
        self.dataset = unread_dataset(dataset)
        self.steps = steps

    @property
    def tile(self) -> int:
        """Size in pixels of the test set's tiles."""
        return min(self.dataset.tile) if self.dataset.tile else DEFAULT_TILE

    @property
    def palette(self) -> list:
        """RGB colours of the test set's classes; [] if it has none."""
        return self.dataset.metainfo.get('palette') or []

    def resolved(self, info: RasterInfo, gsd: float | None = None) -> RasterInfo:
        """The header with the effective pixel size: the given one, else the test set's nominal one, else its own."""
        return info.resolved(gsd if gsd is not None else self.dataset.gsd)

    def check_gsd(self, gsd: float | None, what: str, where: str) -> None:
        """Refuse an unknown ground sample distance if the pipeline resamples by it."""
        if gsd is None and any(getattr(step, 'gsd', None) is not None for step in self.steps[1:]):
            raise UserError(
                f'the ground sample distance of {what} is unknown, and the config resamples by it; give its metres per '
                f'pixel as gsd of {where}'
            )
        if gsd is not None and not 0 < gsd < float('inf'):
            raise UserError(f'gsd={gsd} of {what} must be a positive number of metres per pixel')

    def check_raster(self, info: RasterInfo, tile: int, channels: int | None) -> None:
        """Refuse a raster from which no window of ``tile`` pixels can be read, judging only by its header.

        Args:
            info: The raster's header, with the effective pixel size.
            tile: Size in pixels of the windows.
            channels: Number of bands that the model normalises; None if unknown.

        Raises:
            UserError: If it lacks the bands, the values or the ground sample distance that the config needs.
        """
        self.dataset.check_values(info)
        bands = len(image_bands(info.path, self.dataset.bands))
        if channels is not None and bands != channels:
            raise UserError(
                f'{info.path} gives {bands} bands to the model (bands={self.dataset.bands} of the test set), which was '
                f'made for {channels}; predict rasters with the bands that it was trained on'
            )
        window = (0, 0, min(tile, info.height), min(tile, info.width))
        for step in self.steps:
            if hasattr(step, 'check_raster'):
                step.check_raster(dict(self._of(info), raster_shape=info.shape, window=window))

    def _of(self, info: RasterInfo) -> dict:
        results = dict(img_path=info.path, gsd=info.gsd)
        if not info.square:
            results.update(ground_pixel=info.ground_pixel, grid_follows=grid_follows(self.steps[1:]))
        return results

    def of_window(self, info: RasterInfo, window: tuple[int, int, int, int]) -> dict:
        """Sample of one window (row, col, height, width) of a raster with the effective pixel size."""
        dataset = self.dataset
        results = dict(self._of(info), raster_shape=info.shape, window=window, label_lut=None)
        return self._run(self.steps, bands=dataset.bands, value_range=dataset.value_range, **results)

    def of_array(self, image: np.ndarray, gsd: float | None) -> dict:
        """Sample of an image (H, W, C)."""
        sizes = dict(img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return self._run(self.steps[1:], gsd=gsd, img_path=None, img=image, channel_order=RGB, **sizes)

    def _run(self, steps, **results) -> dict:
        dataset = self.dataset
        results.update(seg_fields=[], label_map=dataset.label_map, reduce_zero_label=dataset.reduce_zero_label)
        if dataset.domain is not None:  # else the preprocessor's default, as in a test
            results['domain'] = dataset.domain
        for step in steps:
            try:
                results = step(results)
            except KeyError as error:
                raise UserError(
                    f'{type(step).__name__} of the test pipeline asks for {error}, which an image alone does not have; '
                    'if the step supplies labels and nothing else, set only_labels = True in its class'
                ) from error
        return results


def supplies_only_labels(step) -> bool:
    """Whether a transform only supplies labels and does not change the image."""
    return getattr(step, 'only_labels', False) or isinstance(step, LABEL_STEPS)
