"""Time of reading random windows of a large raster, in turns with bare rasterio.

    python benchmarks/window_reading.py [--layouts tiles_256 strips ...] [--labels] [--workers 2]
    python benchmarks/window_reading.py --memory

A raster of random patches with noise is written in each layout. Readers of 512 x 512 px windows:

- rasterio: an open file's `read(window=...)` in a torch dataset, made a tensor;
- mmuda: `RasterDataset` with `RandomGroundCrop`, `LoadRasterWindow` and `PackUDAInputs`, as a stream of a training;
- window: the same without `PackUDAInputs`;
- mmseg: `LoadImageFromFile`, `RandomCrop` and `PackSegInputs`, which read the whole image for each item;
- torchgeo: `RasterDataset` and `RandomGeoSampler`, if it is installed.

Each has a loader with as many worker processes, and the readers take turns. What counts is CPU time, of the workers and
of the process that takes their windows, so that a busy machine disturbs little. All but torchgeo draw the same windows,
and it is checked that they read the same pixels. Most windows are decoded, not found in GDAL's cache, which is set to
`--cache` MB per process (64), less than a raster takes. The table has rasterio's milliseconds per window, and the speed
of the others relative to it: the median of the rounds, the lowest and the highest.

`--memory` tells how many MiB the worker that grows most takes to read, for rasters of several sizes. GDAL's cache is
then that which mmuda sets, unless `--cache` is given.
"""

import argparse
import os
import statistics
import tempfile
import time
from multiprocessing import Process
from pathlib import Path

import cv2
import numpy as np
import rasterio
import torch
from mmengine.logging import MMLogger
from rasterio.windows import Window
from torch.utils.data import DataLoader, Dataset

from mmuda.datasets import RasterDataset
from mmuda.utils.memory import peak_of_process
from mmuda.utils.setup_env import register_all_modules

CROP = 512
CLASSES = ('a', 'b', 'c', 'd')
TILES = dict(tiled=True, blockxsize=256, blockysize=256, interleave='pixel')
LAYOUTS = dict(
    tiles_256=TILES,
    tiles_512=TILES | dict(blockxsize=512, blockysize=512),
    by_band=TILES | dict(interleave='band'),
    deflate=TILES | dict(compress='deflate'),
    jpeg=TILES | dict(compress='jpeg', photometric='ycbcr'),
    cog=dict(driver='COG', compress='deflate', blocksize=512, overviews='none'),
    float32=TILES | dict(dtype='float32'),
    nodata=TILES | dict(compress='deflate', nodata=0),
    strips=dict(tiled=False, interleave='pixel'),
    deflate_strips=dict(tiled=False, interleave='pixel', compress='deflate'),
)
WHOLE_IMAGES = 2  # windows a round of a reader that loads whole images


def write_raster(path: str | Path, side: int, bands: int, seed: int = 0, driver: str = 'GTiff', **options) -> str:
    """Write a square raster of smooth patches with noise (three bands), or of patches of class numbers (one)."""
    random = np.random.default_rng(seed)
    profile = dict(height=side, width=side, count=bands, dtype='uint8', crs='EPSG:32633') | options
    transform = rasterio.Affine(0.3, 0.0, 500000.0, 0.0, -0.3, 5000000.0)
    with rasterio.open(path, 'w', driver=driver, transform=transform, **profile) as raster:
        for row in range(0, side, CROP):
            height = min(CROP, side - row)
            shape = (height // 32 + 2, side // 32 + 2, bands)
            if bands == 1:
                patches = random.integers(0, len(CLASSES), shape, dtype=np.uint8)
                strip = cv2.resize(patches, (side, height), interpolation=cv2.INTER_NEAREST)[..., None]
            else:
                patches = random.integers(0, 256, shape).astype(np.float32)
                smooth = cv2.resize(patches, (side, height), interpolation=cv2.INTER_CUBIC)
                strip = np.clip(smooth + random.normal(0, 6, (height, side, 1)), 0, 255)
            raster.write(strip.transpose(2, 0, 1).astype(profile['dtype']), window=Window(0, row, side, height))
    return str(path)


class Bare(Dataset):
    """Windows read by rasterio alone."""

    def __init__(self, image: str, label: str | None) -> None:
        self.image, self.label = image, label
        self.handles = {}

    def __getitem__(self, index: int) -> dict:
        np.random.seed(index)
        raster = self._open(self.image)
        row, col = (int(np.random.randint(0, side - CROP + 1)) for side in raster.shape)
        window = Window(col, row, CROP, CROP)
        item = dict(inputs=torch.from_numpy(raster.read((1, 2, 3), window=window)))
        if self.label is not None:
            item['label'] = torch.from_numpy(self._open(self.label).read(1, window=window))
        return item

    def _open(self, path: str) -> rasterio.DatasetReader:
        key = os.getpid(), path
        if key not in self.handles:
            self.handles[key] = rasterio.open(path)
        return self.handles[key]


class Seeded(Dataset):
    """Items of a dataset whose windows follow from the index alone."""

    def __init__(self, dataset, always: int | None = None) -> None:
        self.dataset, self.always = dataset, always

    def __getitem__(self, index: int) -> dict:
        np.random.seed(index)
        item = self.dataset[index if self.always is None else self.always]
        if 'img' in item:  # not packed: hand over the arrays alone
            item = {key: torch.from_numpy(item[key]) for key in ('img', 'gt_seg_map') if key in item}
        return item


class Clocked(Dataset):
    """Items of a dataset, each with the worker's process and the CPU seconds that it has used so far."""

    def __init__(self, dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, index) -> tuple:
        return self.dataset[index], os.getpid(), time.process_time()


class Peak(Dataset):
    """The growth of the worker's memory in MiB after each item of a dataset."""

    def __init__(self, dataset) -> None:
        self.dataset, self.before = dataset, None

    def __getitem__(self, index) -> float:
        self.before = self.before or peak_of_process()
        self.dataset[index]
        return peak_of_process() - self.before


def own(image: str, label: str | None, packed: bool = True) -> Dataset:
    """mmuda's training path."""
    end = [dict(type='PackUDAInputs')] if packed else []
    with rasterio.open(image) as raster:
        is_float = raster.dtypes[0] != 'uint8'
    dataset = RasterDataset(
        data_prefix=dict(img_path=os.path.dirname(image), seg_map_path=label and os.path.dirname(label)),
        metainfo=dict(classes=CLASSES),
        value_range=(0, 255) if is_float else None,
        pipeline=[dict(type='RandomGroundCrop', size=CROP), dict(type='LoadRasterWindow'), *end],
    )
    return Seeded(dataset, always=0)


def of_mmseg(image: str, label: str | None) -> Dataset:
    """The usual start of mmseg's training pipelines."""
    from mmcv.transforms import Compose, LoadImageFromFile
    from mmseg.datasets.transforms import LoadAnnotations, PackSegInputs, RandomCrop

    load = [LoadImageFromFile(color_type='unchanged' if 'float' in image else 'color')]
    load += [LoadAnnotations()] if label is not None else []
    steps = Compose([*load, RandomCrop((CROP, CROP)), PackSegInputs()])

    class Images(Dataset):
        def __getitem__(self, _: int) -> dict:
            fields = dict(img_path=image, seg_map_path=label, seg_fields=[], reduce_zero_label=False, label_map=None)
            return steps(fields)

    return Seeded(Images())


def of_torchgeo(image: str, label: str | None) -> Dataset:
    """torchgeo's dataset; its sampler draws windows in coordinates."""
    from torchgeo.datasets import RasterDataset as GeoRasters

    class Labels(GeoRasters):
        is_image = False

    images = GeoRasters(image)
    return images if label is None else images & Labels(label)


def loader_of(reader: Dataset, name: str, workers: int, indices) -> DataLoader:
    """A loader whose workers stay between rounds; items are handed over as they are."""
    if name == 'torchgeo':
        from torchgeo.samplers import RandomGeoSampler

        indices = RandomGeoSampler(reader.dataset, size=CROP, length=len(indices))
    return DataLoader(reader, 1, sampler=indices, num_workers=workers, persistent_workers=True, collate_fn=list)


READERS = dict(
    rasterio=Bare,
    mmuda=own,
    window=lambda image, label: own(image, label, packed=False),
    mmseg=of_mmseg,
    torchgeo=of_torchgeo,
)


def check_same(readers: dict[str, Dataset]) -> None:
    """Refuse readers that do not read the same pixels of the same windows."""
    bare = readers['rasterio'][1]['inputs'].float()
    own = dict(
        mmuda=lambda item: item['inputs'],
        window=lambda item: item['img'].permute(2, 0, 1),
        mmseg=lambda item: item['inputs'].flip(0),  # from blue, green, red
    )
    for name in own.keys() & readers.keys():
        torch.testing.assert_close(own[name](readers[name][1]).float(), bare)


def folders(root: str) -> tuple[Path, Path]:
    """New folders for one image and for its label."""
    made = Path(tempfile.mkdtemp(dir=root))
    for name in ('images', 'labels'):
        (made / name).mkdir()
    return made / 'images', made / 'labels'


def compare(root: str, layout: str, args) -> str:
    """A line of the table."""
    images, labels = folders(root)
    name = 'float.tif' if layout == 'float32' else 'a.tif'
    image = write_raster(images / name, args.side, 3, **LAYOUTS[layout])
    label = write_raster(labels / name, args.side, 1, seed=1, **LAYOUTS['deflate']) if args.labels else None
    readers = {name: READERS[name](image, label) for name in args.readers}
    if layout not in ('jpeg', 'nodata'):  # decoders of JPEG differ by rounding, and mmuda fills pixels without data
        check_same(readers)
    indices = {name: list(range(WHOLE_IMAGES if name == 'mmseg' else args.windows)) for name in readers}
    loaders = {name: loader_of(Clocked(one), name, args.workers, indices[name]) for name, one in readers.items()}
    clocks = {name: {} for name in readers}
    seconds = {name: [] for name in readers}
    for _ in range(args.rounds + 1):
        for name, loader in loaders.items():
            seconds[name].append(cpu_seconds(loader, clocks[name]) / len(indices[name]))
            indices[name][:] = [index + args.windows for index in indices[name]]  # others in the next round
    cells = [layout, f'{1e3 * statistics.median(seconds["rasterio"][1:]):.2f}']
    for name in args.readers[1:]:
        ratios = [bare / own for own, bare in zip(seconds[name], seconds['rasterio'], strict=True)][1:]  # one warms up
        cells.append(f'{statistics.median(ratios):.2g} ({min(ratios):.2g} to {max(ratios):.2g})')
    return f'| {" | ".join(cells)} |'


def cpu_seconds(loader: DataLoader, clocks: dict[int, float]) -> float:
    """CPU seconds of one pass through a loader, in its workers and here; ``clocks`` are those of the last pass."""
    start, before = time.process_time(), sum(clocks.values())
    for batch in loader:
        for _, process, clock in batch:
            clocks[process] = clock
    return time.process_time() - start + sum(clocks.values()) - before


def memory(root: str, side: int, args) -> str:
    """A line of the table of memory."""
    images, _ = folders(root)
    image = str(images / 'a.tif')
    # In a process of its own: workers would take over, uncounted, the memory that it leaves.
    writer = Process(target=write_raster, args=(image, side, 3), kwargs=LAYOUTS['deflate'])
    writer.start(), writer.join()
    cells = [f'{side} x {side}', f'{side * side * 3 / 2**20:.0f}']
    for name in args.readers:
        windows = list(range(WHOLE_IMAGES if name == 'mmseg' else args.windows))
        loader = loader_of(Peak(READERS[name](image, None)), name, args.workers, windows)
        cells.append(f'{max(peak for peaks in loader for peak in peaks):.0f}')
    return f'| {" | ".join(cells)} |'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--layouts', nargs='+', choices=LAYOUTS, default=list(LAYOUTS))
    parser.add_argument('--readers', nargs='+', choices=list(READERS)[1:], default=list(READERS)[1:])
    parser.add_argument('--labels', action='store_true', help='read a label with each window')
    parser.add_argument('--memory', action='store_true')
    parser.add_argument('--sides', type=int, nargs='+', default=[2500, 5000, 10000, 20000], help='with --memory')
    for name, value in dict(side=10000, windows=200, rounds=7, workers=2, cache=None).items():
        parser.add_argument(f'--{name}', type=int, default=value)
    args = parser.parse_args()
    cv2.setNumThreads(0)  # as in a training
    register_all_modules()
    MMLogger.get_current_instance().setLevel('ERROR')  # no notes between the lines of the table
    try:
        import torchgeo  # noqa: F401
    except ImportError as error:
        args.readers = [name for name in args.readers if name != 'torchgeo']
        print(f'torchgeo is left out ({error})')
    args.readers = ['rasterio', *args.readers]
    if args.cache or not args.memory:
        os.environ['GDAL_CACHEMAX'] = str(args.cache or 64)  # before GDAL reads anything
    head = ['raster, px', 'MiB', *args.readers] if args.memory else ['layout', 'rasterio, ms', *args.readers[1:]]
    print(f'| {" | ".join(head)} |\n|{"---|" * len(head)}')
    for what in args.sides if args.memory else args.layouts:
        with tempfile.TemporaryDirectory() as root:
            print(memory(root, what, args) if args.memory else compare(root, what, args), flush=True)


if __name__ == '__main__':
    main()
