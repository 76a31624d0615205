"""Ratio of a training step's CPU time with batches laid out as NHWC against NCHW, measured in turns.

    python benchmarks/channels_last.py [CONFIG] [ROUNDS]

The machine may be busy, so only the ratio of neighbouring measurements is meaningful.
"""

import statistics
import sys
import time

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.apis import load_config, prepare
from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.registry import MODELS

BATCH, COARSE, FINE = 4, 48, 160


def stream(labelled: bool, num_classes: int) -> dict:
    """A random batch in the loader's format."""
    samples = [SegDataSample() for _ in range(BATCH)]
    for sample in samples:
        if labelled:
            sample.gt_sem_seg = PixelData(data=torch.randint(0, num_classes, (1, FINE, FINE)))
    images = {
        key: [torch.randint(0, 255, (3, size, size), dtype=torch.uint8) for _ in samples]
        for key, size in (('inputs', COARSE), ('fine_image', FINE))
    }
    return dict(data_samples=samples, **images)


def main(path: str = 'configs/srda/srda_resaspp_synthetic.py', rounds: int = 5) -> None:
    cfg = prepare(load_config(path))
    model = MODELS.build(cfg.model).train()
    optim_cfg = dict(cfg.optim_wrapper)
    optim_cfg.pop('constructor')
    optimisers = NamedOptimWrapperConstructor(optim_cfg)(model)
    data = dict(source=stream(True, model.segmentor.num_classes), target=stream(False, 0))
    ratios = []
    for _ in range(rounds + 1):
        seconds = []
        for layout in (torch.contiguous_format, torch.channels_last):
            model.data_preprocessor.memory_format = layout
            start = time.process_time()
            model.train_step(data, optimisers)
            seconds.append(time.process_time() - start)
        ratios.append(seconds[1] / seconds[0])
    ratios = ratios[1:]  # the first round warms up
    print(f'channels_last / contiguous: median {statistics.median(ratios):.2f} of {[round(r, 2) for r in ratios]}')


if __name__ == '__main__':
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
