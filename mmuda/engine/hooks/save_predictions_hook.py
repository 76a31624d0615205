"""Saves what a test predicted: label maps on the images' own grids, and pictures."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import mmcv
import numpy as np
from mmengine import dist
from mmengine.hooks import Hook
from mmseg.structures import SegDataSample
from PIL import Image
from rasterio.windows import Window

from mmuda.datasets.raster_io import read_window
from mmuda.registry import HOOKS
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.visualization import Panel, colour_labels, default_palette, draw_panels, label_raster, viewable


@HOOKS.register_module()
class SavePredictionsHook(Hook):
    """Writes predictions and pictures during a test.

    Samples that are windows of a raster are put together to ``<name>.tif`` on the raster's grid, with its
    georeference and the classes' colours; 255 marks pixels that no window covered. A sample without a window becomes
    ``<name>.png`` with class indices, as mmseg's ``output_dir`` gives it. Files appear when they are complete, in the
    subfolders that the images have. Several processes share the work; they need to see the same folder.

    Args:
        out_dir: Folder of the label maps, None for none.
        show_dir: Folder of the pictures (image, truth if there is one, prediction, legend), None for none.

    Raises:
        UserError: At the end of a test, if windows of other processes are not in the folder.
    """

    def __init__(self, out_dir: str | None = None, show_dir: str | None = None) -> None:
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.show_dir = None if show_dir is None else Path(show_dir)
        self._saved = 0

    @property
    def _tiles(self) -> Path:
        return self.out_dir / '.tiles'

    def before_test(self, runner) -> None:
        self._saved = 0
        if self.out_dir is not None and dist.is_main_process():
            shutil.rmtree(self._tiles, ignore_errors=True)  # of a test that was killed
            self._tiles.mkdir(parents=True)
        dist.barrier()

    def after_test_iter(self, runner, batch_idx: int, data_batch=None, outputs: Sequence[SegDataSample] = ()) -> None:
        dataset = runner.test_dataloader.dataset
        for sample in outputs:
            name, window = _name_of(sample, dataset), sample.metainfo.get('window')
            if self.out_dir is not None:
                self._save(sample, name, window)
            if self.show_dir is not None:
                tile = '' if window is None else f'_{window[0]}_{window[1]}'
                write_atomically(_picture(sample, dataset), self.show_dir / f'{name}{tile}.png')

    def after_test(self, runner) -> None:
        if self.out_dir is None:
            return
        dist.barrier()  # windows of one raster may have been predicted by several processes
        saved = sum(dist.all_gather_object(self._saved))
        if dist.is_main_process():
            self._assemble(saved, _palette_of(runner.test_dataloader.dataset))
            shutil.rmtree(self._tiles)

    def _save(self, sample: SegDataSample, name: Path, window: Sequence[int] | None) -> None:
        label = _label_map(sample.pred_sem_seg)
        if window is None:
            buffer = io.BytesIO()
            Image.fromarray(label).save(buffer, format='PNG')
            write_atomically(buffer.getvalue(), self.out_dir / f'{name}.png')
            return
        self._tiles.mkdir(parents=True, exist_ok=True)
        file = self._tiles / f'{dist.get_rank()}_{self._saved}.npz'
        np.savez(file, raster=sample.img_path, name=str(name), window=window, label=label)
        self._saved += 1

    def _assemble(self, saved: int, palette: Sequence[Sequence[int]]) -> None:
        files = sorted(self._tiles.glob('*.npz'))
        if len(files) != saved:
            raise UserError(
                f'{len(files)} of {saved} predicted windows are in {self._tiles}; give out_dir (--out) a folder that '
                'all processes share'
            )
        rasters: dict[tuple[str, str], list[Path]] = {}
        for file in files:
            with np.load(file) as tile:
                rasters.setdefault((str(tile['raster']), str(tile['name'])), []).append(file)
        for (raster, name), of_raster in rasters.items():
            with label_raster(self.out_dir / f'{name}.tif', raster, palette) as output:
                for file in of_raster:
                    with np.load(file) as tile:
                        row, col, height, width = (int(value) for value in tile['window'])
                        output.write(tile['label'], 1, window=Window(col, row, width, height))


def _name_of(sample: SegDataSample, dataset) -> Path:
    """Path of the image below the dataset's image folder, without suffix."""
    path = Path(sample.img_path)
    folder = getattr(dataset, 'data_prefix', {}).get('img_path') or ''
    return Path(os.path.relpath(path, folder) if path.is_relative_to(folder) else path.name).with_suffix('')


def _palette_of(dataset) -> Sequence[Sequence[int]]:
    classes = dataset.metainfo.get('classes') or ()
    return dataset.metainfo.get('palette') or default_palette(len(classes))


def _label_map(data) -> np.ndarray:
    return data.data.squeeze(0).cpu().numpy().astype(np.uint8)


def _picture(sample: SegDataSample, dataset) -> bytes:
    """PNG: image, truth if there is one, prediction, and a legend."""
    palette = _palette_of(dataset)
    prediction = _label_map(sample.pred_sem_seg)
    panels = [Panel(_image_of(sample, dataset), 'Image', smooth=True)]
    if 'gt_sem_seg' in sample:
        truth = _label_map(sample.gt_sem_seg)
        panels.append(Panel(colour_labels(truth, palette), 'Truth'))
    panels.append(Panel(colour_labels(prediction, palette), 'Prediction'))
    return draw_panels([panels], dataset.metainfo.get('classes') or (), palette)


def _image_of(sample: SegDataSample, dataset) -> np.ndarray:
    """(H, W, 3) uint8 for looking at: up to three of the bands that the network sees."""
    window = sample.metainfo.get('window')
    if window is None:
        return mmcv.imread(sample.img_path, channel_order='rgb')
    image = read_window(sample.img_path, window, getattr(dataset, 'bands', None))
    return viewable(image, getattr(dataset, 'value_range', None))
