"""How a step and a dataset grow: with the side of an image, with classes, with the number of files.

    python benchmarks/scaling.py [--sides 128 256 512] [--classes 2 8 32] [--files 100 400 1600] [--json FILE]

Each table ends with the exponent of the power law through its points: 1 is proportional, 0 does not depend.
"""

import argparse
import gc
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from narrow_step import CONFIG
from parts import Training, best, random_batch, report
from rasterio.transform import from_origin

from mmuda.registry import DATASETS

BATCH = 2


def with_exponent(rows: dict[float, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The rows by text, with one more: the slope of each column in logarithms."""
    named = {str(key): row for key, row in rows.items()}
    sizes = np.log(list(rows))
    named['exponent'] = {
        kind: float(np.polyfit(sizes, np.log([max(row[kind], 1e-9) for row in rows.values()]), 1)[0])
        for kind in next(iter(rows.values()))
    }
    return named


def held() -> float:
    """Peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def step_of(side: int, classes: int) -> dict[str, float]:
    """Seconds of a step of the narrow AdaptSegNet."""

    def change(cfg) -> None:
        cfg.model.segmentor.decode_head.num_classes = classes
        cfg.model.terms.output.discriminator.in_channels = classes
        for stream in ('source', 'target'):
            cfg.train_dataloader.dataset[stream].num_classes = 6

    one = Training(CONFIG, change=change if classes != 6 else None)
    streams = dict(source=dict(type='any'), target=dict(type='any'))
    batch = random_batch(streams, classes, side, BATCH)
    return dict(seconds=best(lambda: one.step(batch), 3))


def dataset_of(folder: Path, count: int) -> dict[str, float]:
    """Seconds and memory of opening a folder of small rasters, and seconds of a window of it."""
    folder.mkdir()
    pixels = np.zeros((3, 32, 32), np.uint8)
    for i in range(count):
        options = dict(width=32, height=32, count=3, dtype='uint8', crs='EPSG:32633')
        with rasterio.open(
            folder / f'{i:06}.tif', 'w', 'GTiff', transform=from_origin(4e5 + 20 * i, 6e6, 0.5, 0.5), **options
        ) as out:
            out.write(pixels)
    gc.collect()
    before, start = held(), time.process_time()
    pipeline = [dict(type='RandomGroundCrop', extent=8.0), dict(type='LoadRasterWindow', with_label=False)]
    cfg = dict(
        type='RasterDataset',
        data_root=str(folder),
        data_prefix=dict(img_path=''),
        img_suffix='.tif',
        labelled=False,
        metainfo=dict(classes=('one', 'two')),
        pipeline=pipeline,
    )
    dataset = DATASETS.build(cfg)
    opened = time.process_time() - start
    return dict(
        seconds_to_open=opened,
        mebibytes=max(held() - before, 0.1),
        seconds_of_a_window=best(lambda: dataset[np.random.randint(len(dataset))], 50),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sides', type=int, nargs='+', default=[128, 256, 512])
    parser.add_argument('--classes', type=int, nargs='+', default=[2, 8, 32])
    parser.add_argument('--files', type=int, nargs='+', default=[100, 400, 1600])
    parser.add_argument('--json', help='adds the rows to this file')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dataset_of(Path(folder, 'first'), 10)  # imports, caches
        rows = {count: dataset_of(Path(folder, str(count)), count) for count in args.files}
    report('a dataset by its number of rasters', with_exponent(rows), args.json)
    rows = {side: step_of(side, 6) for side in args.sides}
    report('a step by the side of its images, batch 2 + 2', with_exponent(rows), args.json)
    rows = {classes: step_of(128, classes) for classes in args.classes}
    report('a step by classes, 128 px', with_exponent(rows), args.json)


if __name__ == '__main__':
    main()
