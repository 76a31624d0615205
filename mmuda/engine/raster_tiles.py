"""Stitches predicted windows into rasters once all of them exist."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import mmcv
import numpy as np
from mmengine import dist
from mmseg.structures import SegDataSample
from rasterio.windows import Window

from mmuda.datasets.raster.image_reading import read_image
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import check_outputs
from mmuda.utils.writing import check_writable, telling
from mmuda.visualization import default_palette, label_raster, viewable


class RasterTiles:
    """Stores arrays of windows in files; several processes share the work and must see the same folder.

    Args:
        folder: Where the files are kept until the rasters are written; it is emptied at the start and removed at the
            end.
        option: Option that sets the folder, for the error.
    """

    def __init__(self, folder: Path, option: str) -> None:
        self.folder = folder
        self.option = option
        self._saved = 0

    def begin(self) -> None:
        """Remove what a killed process left in the folder; every rank calls this."""
        self._saved = 0
        if dist.is_main_process():
            shutil.rmtree(self.folder, ignore_errors=True)
            check_writable(self.folder)
        dist.barrier()

    def add(self, sample: SegDataSample, name: Path, window: Sequence[int], **arrays: np.ndarray) -> None:
        """Store the arrays (h, w) of a window (row, col, h, w) of the sample's raster."""
        with telling(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f'{dist.get_rank()}_{self._saved}.npz'
            np.savez_compressed(file, raster=sample.img_path, name=str(name), window=window, **arrays)
        self._saved += 1

    def write(
        self,
        out_dir: Path,
        palette: Sequence[Sequence[int]],
        label_of: Callable[[Mapping[str, np.ndarray]], np.ndarray] = lambda tile: tile['label'],
    ) -> None:
        """Write ``<out_dir>/<name>.tif`` for each raster, on its grid; every rank calls this.

        Args:
            out_dir: Folder of the rasters.
            palette: RGB colours by class index.
            label_of: Classes (h, w) uint8 of a window from its arrays.

        Raises:
            UserError: If windows of other processes are not in the folder.
        """
        dist.barrier()  # windows of one raster may have been predicted by several processes
        saved = sum(dist.all_gather_object(self._saved))
        if not dist.is_main_process():
            return
        files = sorted(self.folder.glob('*.npz'))
        if len(files) != saved:
            raise UserError(
                f'{len(files)} of {saved} predicted windows are in {self.folder}; give {self.option} a folder that all '
                'processes share'
            )
        rasters: dict[tuple[str, str], list[Path]] = {}
        for file in files:
            with np.load(file) as tile:
                rasters.setdefault((str(tile['raster']), str(tile['name'])), []).append(file)
        for (raster, name), of_raster in rasters.items():
            with label_raster(out_dir / f'{name}.tif', raster, palette) as output:
                for file in of_raster:
                    with np.load(file) as tile:
                        row, col, height, width = (int(value) for value in tile['window'])
                        output.write(label_of(tile), 1, window=Window(col, row, width, height))
        shutil.rmtree(self.folder)


def name_of(sample: SegDataSample, dataset) -> Path:
    """Path of the image below the dataset's image folder, without suffix."""
    return _name(sample.img_path, image_folder(dataset))


def check_predictions(dataset, folder: Path, pictures: bool = False) -> None:
    """Check the output paths of a dataset's images before the first prediction.

    Args:
        dataset: Lists its items by ``get_data_info``; a dataset without this method is not checked.
        folder: Folder of the label maps, ``<name>.tif``, or ``<name>.png`` of images that are read whole.
        pictures: Whether it is a folder of pictures instead, ``<name>.png`` always.

    Raises:
        UserError: If two images would have one output, or an output is an image or a label of the dataset.
    """
    if not hasattr(dataset, 'get_data_info'):
        return
    outputs, labels, root = {}, {}, image_folder(dataset)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        image = info['img_path']
        if image not in outputs:
            suffix = '.tif' if 'window' in info and not pictures else '.png'
            outputs[image] = folder / f'{_name(image, root)}{suffix}'
            labels |= {value: None for key, value in info.items() if key.endswith('_path') and value}
    check_outputs(outputs, labels)


def image_folder(dataset) -> str:
    """The folder that names of a dataset's images are relative to; '' if it has none."""
    parts = [image_folder(part) for part in getattr(dataset, 'datasets', ())]
    if parts:
        return os.path.commonpath([os.path.abspath(part) for part in parts]) if all(parts) else ''
    translated = getattr(dataset, 'translated_images', None)
    return translated or getattr(dataset, 'data_prefix', {}).get('img_path') or ''


def _name(image: str, folder: str) -> Path:
    path, folder = Path(os.path.abspath(image)), os.path.abspath(folder) if folder else ''
    inside = folder and path.is_relative_to(folder)
    return Path(os.path.relpath(path, folder) if inside else path.name).with_suffix('')


def palette_of(dataset) -> Sequence[Sequence[int]]:
    """The dataset's colours, or default ones for its classes."""
    classes = dataset.metainfo.get('classes') or ()
    return dataset.metainfo.get('palette') or default_palette(len(classes))


def image_of(sample: SegDataSample, dataset) -> np.ndarray:
    """The image of a sample for display, (H, W, 3) uint8: up to three of the bands that the network sees."""
    window = sample.metainfo.get('window')
    if window is None:
        return mmcv.imread(sample.img_path, channel_order='rgb')
    options = (getattr(dataset, name, None) for name in ('bands', 'value_range'))
    return viewable(read_image(sample.img_path, window, *options)[0].astype(np.uint8))
