"""Time of predicting a raster over the time of the network's forward passes alone, and the memory that it takes.

    python benchmarks/prediction.py [CONFIG] [--side 2048] [--tile 512] [--rounds 5]
    python benchmarks/prediction.py --memory [--sides 5000 20000]

A raster of random patches is predicted in windows that overlap by a quarter, with random weights:

- forward: the windows, read before, through the network, with their logits resized to the window;
- map: `predict_raster` without its last step, which puts the strips together and compresses the GeoTIFF;
- centre crop: windows one by one, each read when it is needed, of which the centre is kept without blending;
- mmseg: slide inference of the whole image in memory, with the same windows.

What counts is CPU time, so that a busy machine disturbs little; the ways take turns, and the table has the median over
the rounds of a way's windows per second relative to the forward passes, the lowest and the highest. Writing the
GeoTIFF is told apart. `--memory` tells how many MiB more than its model a prediction takes, with a network of one 1 x 1
convolution, so that it is soon over.
"""

import argparse
import statistics
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmseg.structures import SegDataSample
from window_reading import LAYOUTS, write_raster

from mmuda.apis import inference_model, init_model, load_config, predict_raster
from mmuda.apis.map_network import MapNetwork
from mmuda.apis.prediction import prediction_of
from mmuda.maps import making
from mmuda.maps.windows import Plan, kept_spans
from mmuda.utils.memory import peak_of_process
from mmuda.utils.setup_env import register_all_modules

CONFIG = 'configs/source_only/source_only_deeplabv3plus-effl0_synthetic.py'
PIPELINE = [dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')]
SMALL = dict(
    type='EncoderDecoder',
    backbone=dict(type='MobileNetV2', widen_factor=0.25, out_indices=(0, 1), norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='FCNHead', in_channels=8, in_index=0, channels=8, num_convs=0, concat_input=False, num_classes=6
    ),
    test_cfg=dict(mode='whole'),
)


def plainly_read(cfg: Config, segmentor: dict | None = None) -> Config:
    """The config with random weights and a test set of any raster at its own ground sample distance."""
    cfg.test_dataloader = dict(dataset=dict(type='RasterDataset', pipeline=PIPELINE))
    cfg.load_from = None
    if segmentor is not None:
        cfg.model = dict(type='DomainAdaptation', segmentor=segmentor, terms=dict(supervised=None))
    for part in (cfg.model.segmentor, cfg.model.segmentor.backbone):
        part.pop('init_cfg', None)
        part.pop('pretrained', None)
    return cfg


class Ways:
    """The ways of predicting one raster; each returns the number of its windows."""

    def __init__(self, model, path: str, tile: int, folder: Path) -> None:
        self.model, self.path, self.tile, self.folder = model, path, tile, folder
        self.job = prediction_of(model, path, tile=tile)
        job, info = self.job, self.job.info
        self.plan = Plan(info.height, info.width, job.tile, job.overlap, job.margin, 10**9)
        self.network = MapNetwork(model, job.pipeline, info)
        places = [(row.start, col.start, len(row), len(col)) for row in self.plan.rows for col in self.plan.cols]
        self.places, self.samples = places, [self.network.read(place) for place in places]
        self.writing = 0.0

    def forward(self) -> int:
        for sample in self.samples:
            self.network.predict([sample])
        return len(self.samples)

    def map(self) -> int:
        write = making.write_map

        def clocked(*args) -> None:
            start = time.process_time()
            write(*args)
            self.writing = time.process_time() - start

        making.write_map = clocked
        predict_raster(self.model, self.path, self.folder / 'map.tif', tile=self.tile)
        making.write_map = write
        return len(self.places)

    def centre_crop(self) -> int:
        info, margin, number = self.job.info, self.tile // 8, 0
        out = np.empty(info.shape, dtype=np.uint8)
        for top, bottom, first, last in kept_spans(info.height, self.tile, margin):
            for left, right, begin, end in kept_spans(info.width, self.tile, margin):
                sample = self.network.read((top, left, bottom - top, right - left))
                label = inference_model(self.model, sample).pred_sem_seg.data[0]
                out[first:last, begin:end] = label[first - top : last - top, begin - left : end - left].numpy()
                number += 1
        return number

    def mmseg(self) -> int:
        segmentor, whole = self.model.segmentor, self.network.read((0, 0, *self.job.info.shape))
        before, stride = segmentor.test_cfg, self.tile - self.job.overlap
        segmentor.test_cfg = Config(dict(mode='slide', crop_size=(self.tile,) * 2, stride=(stride,) * 2))
        with torch.no_grad():
            images = self.model.data_preprocessor(dict(inputs=[whole['inputs']], data_samples=[SegDataSample()]))
            size = self.job.info.shape
            segmentor.inference(images['inputs'], [dict(ori_shape=size, img_shape=size, pad_shape=size)])
        segmentor.test_cfg = before
        number = [max(side - self.tile + stride - 1, 0) // stride + 1 for side in size]
        return number[0] * number[1]


def compare(config: str, args, folder: Path) -> str:
    """A line of the table."""
    model = init_model(plainly_read(load_config(config)), device='cpu')
    path = write_raster(folder / 'image.tif', args.side, 3, **LAYOUTS['deflate'])
    ways = Ways(model, path, args.tile, folder)
    names = ('forward', 'map', 'centre_crop', 'mmseg')
    speeds = {name: [] for name in names}
    writing = []
    for _ in range(args.rounds + 1):
        for name in names:
            start = time.process_time()
            number = getattr(ways, name)()
            seconds = time.process_time() - start - (ways.writing if name == 'map' else 0)
            speeds[name].append(number / seconds)
        writing.append(ways.writing / len(ways.places))
    cells = [Path(config).stem, f'{1e3 / statistics.median(speeds["forward"][1:]):.0f}']
    for name in names[1:]:
        ratios = [ours / alone for ours, alone in zip(speeds[name], speeds['forward'], strict=True)][1:]  # one warms up
        cells.append(f'{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})')
    return f'| {" | ".join([*cells, f"{1e3 * statistics.median(writing[1:]):.0f}"])} |'


def memory_of(path: str, out: Path, results) -> None:
    """Peak growth in MiB and CPU seconds of one prediction, in a process of its own."""
    register_all_modules()
    MMLogger.get_current_instance().setLevel('ERROR')
    model = init_model(plainly_read(load_config(CONFIG), SMALL), device='cpu')
    before, start = peak_of_process(), time.process_time()
    predict_raster(model, path, out)
    results.put((peak_of_process() - before, time.process_time() - start))


def memory(side: int, folder: Path) -> str:
    """A line of the table of memory."""
    context = get_context('spawn')
    path, results = str(folder / 'image.tif'), context.Queue()
    writer = context.Process(target=write_raster, args=(path, side, 3), kwargs=LAYOUTS['deflate'])
    writer.start(), writer.join()
    process = context.Process(target=memory_of, args=(path, folder / 'map.tif', results))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f'the prediction failed with status {process.exitcode}')
    peak, seconds = results.get()
    return f'| {side} x {side} | {side * side * 3 / 2**20:.0f} | {peak:.0f} | {seconds:.0f} |'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', default=[CONFIG], metavar='CONFIG')
    parser.add_argument('--memory', action='store_true')
    parser.add_argument('--sides', type=int, nargs='+', default=[5000, 20000], help='with --memory')
    for name, value in dict(side=2048, tile=512, rounds=5).items():
        parser.add_argument(f'--{name}', type=int, default=value)
    args = parser.parse_args()
    register_all_modules()
    MMLogger.get_current_instance().setLevel('ERROR')
    columns = ['config', 'forward, ms', 'map', 'centre crop', 'mmseg', 'GeoTIFF, ms a window']
    head = ['raster, px', 'MiB', 'peak, MiB', 'CPU s'] if args.memory else columns
    print(f'| {" | ".join(head)} |\n|{"---|" * len(head)}')
    for what in args.sides if args.memory else args.configs:
        with tempfile.TemporaryDirectory() as folder:
            print(memory(what, Path(folder)) if args.memory else compare(what, args, Path(folder)), flush=True)


if __name__ == '__main__':
    main()
