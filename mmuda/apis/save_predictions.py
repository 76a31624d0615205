"""Saves what a test predicted: label maps on the images' own grids, and pictures."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import mmcv
import numpy as np
import rasterio
from mmengine import dist
from mmengine.hooks import Hook
from mmseg.structures import SegDataSample
from PIL import Image
from rasterio.windows import Window

from mmuda.registry import HOOKS

# mmseg's label of what counts for nothing; here: pixels that no window covered.
NO_PREDICTION = 255
# How much of the image shows through the classes' colours.
IMAGE_SHARE = 0.4


@HOOKS.register_module()
class SavePredictionsHook(Hook):
    """Writes predictions and pictures during a test.

    A sample that is a whole image becomes ``<name>.png`` with class indices, as mmseg's ``output_dir`` gives it.
    Samples that are windows of a raster are put together to ``<name>.tif`` on the raster's grid, with its
    georeference; 255 marks pixels that no window covered. Files appear when they are complete, in the subfolders that
    the images have.

    Args:
        out_dir: Folder of the label maps, None for none.
        show_dir: Folder of the pictures (image, truth if there is one, prediction, side by side), None for none.
    """

    def __init__(self, out_dir: str | None = None, show_dir: str | None = None) -> None:
        self.out_dir = None if out_dir is None else Path(out_dir)
        self.show_dir = None if show_dir is None else Path(show_dir)
        self._saved = 0

    @property
    def _tiles(self) -> Path:
        return self.out_dir / '.tiles'

    def before_test(self, runner) -> None:
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
                _save_png(_picture(sample, dataset.metainfo['palette']), self.show_dir / f'{name}{tile}.png')

    def after_test(self, runner) -> None:
        if self.out_dir is None:
            return
        dist.barrier()  # windows of one raster may have been predicted by several processes
        if dist.is_main_process():
            self._assemble()
            shutil.rmtree(self._tiles)

    def _save(self, sample: SegDataSample, name: Path, window: Sequence[int] | None) -> None:
        label = _label_map(sample.pred_sem_seg)
        if window is None:
            _save_png(label, self.out_dir / f'{name}.png')
            return
        file = self._tiles / f'{dist.get_rank()}_{self._saved}.npz'
        np.savez(file, raster=sample.img_path, name=str(name), window=window, label=label)
        self._saved += 1

    def _assemble(self) -> None:
        rasters: dict[tuple[str, str], list[Path]] = {}
        for file in sorted(self._tiles.glob('*.npz')):
            with np.load(file) as tile:
                rasters.setdefault((str(tile['raster']), str(tile['name'])), []).append(file)
        for (raster, name), files in rasters.items():
            _write_raster(raster, files, self.out_dir / f'{name}.tif')


def _name_of(sample: SegDataSample, dataset) -> Path:
    """Path of the image below the dataset's image folder, without suffix."""
    path = Path(sample.img_path)
    folder = getattr(dataset, 'data_prefix', {}).get('img_path') or ''
    return Path(os.path.relpath(path, folder) if path.is_relative_to(folder) else path.name).with_suffix('')


def _label_map(data) -> np.ndarray:
    return data.data.squeeze(0).cpu().numpy().astype(np.uint8)


def _write_raster(raster: str, files: list[Path], target: Path) -> None:
    """Put windows together on the grid of ``raster``; written under a temporary name, then renamed."""
    with rasterio.open(raster) as image:
        profile = dict(driver='GTiff', height=image.height, width=image.width, count=1, dtype='uint8')
        profile.update(crs=image.crs, transform=image.transform, nodata=NO_PREDICTION, compress='deflate')
    whole = np.full((profile['height'], profile['width']), NO_PREDICTION, dtype=np.uint8)
    for file in files:
        with np.load(file) as tile:
            row, col, height, width = tile['window']
            whole[row : row + height, col : col + width] = tile['label']
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f'.{target.name}.tmp')
    with rasterio.open(temporary, 'w', **profile) as output:
        output.write(whole, 1)
    os.replace(temporary, target)


def _save_png(array: np.ndarray, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f'.{target.name}.tmp')
    Image.fromarray(array).save(temporary, format='PNG')
    os.replace(temporary, target)


def _picture(sample: SegDataSample, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Image, truth if there is one, prediction: (H, 2 W or 3 W, 3) uint8."""
    maps = [_label_map(getattr(sample, key)) for key in ('gt_sem_seg', 'pred_sem_seg') if key in sample]
    image = _read_image(sample.img_path, sample.metainfo.get('window'))
    return np.concatenate([image, *(_coloured(image, label, palette) for label in maps)], axis=1)


def _coloured(image: np.ndarray, label: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """The classes' colours over the image; what is ignored stays the image."""
    colours = np.asarray(palette, dtype=np.float32)
    known = label < len(colours)
    mixed = image.astype(np.float32)
    mixed[known] = IMAGE_SHARE * mixed[known] + (1 - IMAGE_SHARE) * colours[label[known]]
    return mixed.astype(np.uint8)


def _read_image(path: str, window: Sequence[int] | None) -> np.ndarray:
    """(H, W, 3) uint8 for looking at: the first three bands, stretched where they are not uint8."""
    if window is None:
        return mmcv.imread(path, channel_order='rgb')
    row, col, height, width = window
    with rasterio.open(path) as raster:
        bands = [1, 2, 3] if raster.count >= 3 else [1, 1, 1]
        image = raster.read(bands, window=Window(col, row, width, height)).transpose(1, 2, 0)
    if image.dtype == np.uint8:
        return image
    low, high = np.nanpercentile(image, (1, 99))
    return (255 * np.clip((image - low) / max(high - low, 1e-6), 0, 1)).astype(np.uint8)
