"""Two small towns and a config for them, good until a test spoils them, and the line that a command ends with."""

import runpy
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from mmuda.datasets.raster.reading import close_rasters
from tests.helpers import ROOT
from tests.helpers.tiny import CONFIG

SIDE = 176  # 64 px are the least crop of a raster whose end is held out
DATA = """
crop = [dict(type='RandomGroundCrop', extent=128.0), dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
common = dict(type='RasterDataset', metainfo=dict(classes=('ground', 'roof')))
source = dict(common, data_root='ours', data_prefix=dict(img_path='images', seg_map_path='labels'))
target = dict(common, data_root='theirs', data_prefix=dict(img_path='images'))
train_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type='DrawSampler'), dataset=dict(
    type='UDADataset', source=dict(source, pipeline=crop), target=dict(target, pipeline=crop)))
val_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                      dataset=dict(source, tile=128, pipeline=crop[1:]))
val_evaluator, val_cfg = dict(type='ClassIoUMetric', iou_metrics=['mIoU']), dict(type='ValLoop')
test_dataloader, test_evaluator, test_cfg = val_dataloader, val_evaluator, dict(type='TestLoop')
"""


def image(bands=3, size=(SIDE, SIDE), dtype=np.uint8) -> np.ndarray:
    """Random values, (bands, height, width)."""
    return np.random.default_rng(0).integers(0, 256, (bands, *size)).astype(dtype)


def label(*values, size=(SIDE, SIDE), dtype=np.uint8) -> np.ndarray:
    """Random ones of the values, (1, height, width)."""
    return np.array(values, dtype)[np.random.default_rng(1).integers(0, len(values), (1, *size))]


class Towns:
    """Folders ``ours/images``, ``ours/labels`` and ``theirs/images`` with two rasters each, and ``tiny.py``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images('ours', image())
        self.labels(label(0, 1))
        self.images('theirs', image())
        (folder / 'tiny.py').write_text(CONFIG + DATA)

    def write(self, name: str, array: np.ndarray, gsd=1.0, crs='EPSG:32633', left=500000.0, colours=None, **profile):
        """A raster of (bands, height, width); no ``gsd`` writes no georeference."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = dict(zip(('count', 'height', 'width'), array.shape, strict=True))
        if gsd is not None:
            profile |= dict(crs=crs, transform=from_origin(left, 5000000.0, gsd, gsd))
        profile = dict(driver='GTiff') | profile
        with rasterio.open(path, 'w', dtype=array.dtype, **shape, **profile) as raster:
            raster.write(array)
            if colours:
                raster.write_colormap(1, colours)

    def images(self, town: str, array: np.ndarray, **settings) -> None:
        for name in 'ab':
            self.write(f'{town}/images/{name}.tif', array, **settings)

    def labels(self, array: np.ndarray, town='ours', suffix='.tif', **settings) -> None:
        for name in 'ab':
            self.write(f'{town}/labels/{name}{suffix}', array, **settings)

    def rename(self, folder: str, ending: str) -> None:
        for path in sorted((self.folder / folder).iterdir()):
            path.rename(path.with_name(path.stem + ending))

    def replace(self, old: str, new: str) -> None:
        """Change the config."""
        text = (self.folder / 'tiny.py').read_text()
        assert old in text
        (self.folder / 'tiny.py').write_text(text.replace(old, new))

    def state(self) -> dict[str, tuple[int, int]]:
        """Size and time of change of each file, folders too."""
        return {
            str(path): (path.lstat().st_size if not path.is_dir() else 0, path.lstat().st_mtime_ns * path.is_file())
            for path in self.folder.rglob('*')
        }


def run(tool: str, arguments, monkeypatch) -> None:
    """Call the main function of a tool."""
    close_rasters()
    main = runpy.run_path(str(ROOT / 'tools' / f'{tool}.py'), run_name='tool')['main']
    monkeypatch.setattr('sys.argv', [f'{tool}.py', *map(str, arguments)])
    main()


def the_line(stderr: str) -> str:
    """The one line of an error; the rest is the hint below it, or argparse's usage above it."""
    lines = stderr.strip().splitlines()
    if lines[0].startswith('usage:'):
        assert sum(': error: ' in line for line in lines) == 1, stderr
        return lines[-1]
    assert len(lines) == 2 and lines[0].startswith('error: ') and 'MMUDA_TRACEBACK' in lines[1], stderr
    return lines[0]


def nothing(towns):
    """Spoils nothing: what is wrong is in the command."""


def written(name, content=b''):
    return lambda towns: (towns.folder / name).write_bytes(content)


def images(array, town='theirs', **settings):
    return lambda towns: towns.images(town, array, **settings)


def labels(array, **settings):
    return lambda towns: towns.labels(array, **settings)


def one(name, array, **settings):
    return lambda towns: towns.write(name, array, **settings)
