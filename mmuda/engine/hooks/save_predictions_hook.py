"""Saves what a test predicted: label maps on the images' own grids, and pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.hooks import Hook
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor

from mmuda.engine.raster_tiles import RasterTiles, check_predictions, image_of, name_of, palette_of
from mmuda.registry import HOOKS
from mmuda.structures import predicted_label
from mmuda.utils.fileio import write_atomically
from mmuda.utils.writing import check_writable
from mmuda.visualization import Panel, colour_labels, draw_panels


@HOOKS.register_module()
class SavePredictionsHook(Hook):
    """Writes predictions and pictures during a test.

    Windows of a raster are stitched into ``<name>.tif`` on the raster's grid, with its georeference and the classes'
    colours; 255 marks pixels that hold no data or that no window covered. A sample without a window becomes
    ``<name>.png`` with class indices, as mmseg's ``output_dir`` gives it. Files appear once they are complete, in the
    same subfolders as the images. Several processes may share the work; they must see the same folder.

    Args:
        out_dir: Folder of the label maps, None for none.
        show_dir: Folder of the pictures (image, truth if there is one, prediction, legend), None for none.

    Raises:
        UserError: Before a test, if two images would have one output, or an output is an image or a label; at its end,
            if windows of other processes are not in the folder.
    """

    def __init__(self, out_dir: str | None = None, show_dir: str | None = None) -> None:
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.show_dir = None if show_dir is None else Path(show_dir)
        self._tiles = None if out_dir is None else RasterTiles(self.out_dir / '.tiles', 'out_dir (--out)')

    def before_test(self, runner) -> None:
        dataset = runner.test_dataloader.dataset
        if self.out_dir is not None:
            check_predictions(dataset, self.out_dir)
        if self.show_dir is not None:
            check_predictions(dataset, self.show_dir, pictures=True)
            check_writable(self.show_dir)
        if self._tiles is not None:
            self._tiles.begin()

    def after_test_iter(self, runner, batch_idx: int, data_batch=None, outputs: Sequence[SegDataSample] = ()) -> None:
        dataset = runner.test_dataloader.dataset
        for sample in outputs:
            name, window = name_of(sample, dataset), sample.metainfo.get('window')
            if self.out_dir is not None:
                self._save(sample, name, window)
            if self.show_dir is not None:
                tile = '' if window is None else f'_{window[0]}_{window[1]}'
                write_atomically(_picture(sample, dataset), self.show_dir / f'{name}{tile}.png')

    def after_test(self, runner) -> None:
        if self._tiles is not None:
            self._tiles.write(self.out_dir, palette_of(runner.test_dataloader.dataset))

    def _save(self, sample: SegDataSample, name: Path, window: Sequence[int] | None) -> None:
        label = _uint8(predicted_label(sample))
        if window is None:
            buffer = io.BytesIO()
            Image.fromarray(label).save(buffer, format='PNG')
            write_atomically(buffer.getvalue(), self.out_dir / f'{name}.png')
            return
        self._tiles.add(sample, name, window, label=label)


def _uint8(label: Tensor) -> np.ndarray:
    return label.cpu().numpy().astype(np.uint8)


def _picture(sample: SegDataSample, dataset) -> bytes:
    """PNG: image, truth if there is one, prediction, and a legend."""
    palette = palette_of(dataset)
    prediction = _uint8(predicted_label(sample))
    panels = [Panel(image_of(sample, dataset), 'Image', smooth=True)]
    if 'gt_sem_seg' in sample:
        truth = _uint8(sample.gt_sem_seg.data.squeeze(0))
        panels.append(Panel(colour_labels(truth, palette), 'Truth'))
    panels.append(Panel(colour_labels(prediction, palette), 'Prediction'))
    return draw_panels([panels], dataset.metainfo.get('classes') or (), palette)
