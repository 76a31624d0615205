"""Compare region aggregation and its gradient with pooling on an aligned grid, a loop over cells, and a U-Net's step.

    python benchmarks/region_aggregation.py [--size 512] [--batch 4] [--classes 4] [--ratio 30]

Prints each one's time over ours, measured in turns in one process, and ours as a share of the forward and backward pass
of the full-size segmentor on the same batch.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from mmuda.models.losses import aggregate_regions
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules

CELLS_OF_LOOP = 20


def timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in dict(size=512, batch=4, classes=4, ratio=30, rounds=5).items():
        parser.add_argument(f'--{name}', type=int, default=value)
    args = parser.parse_args()
    register_all_modules()
    rows = (torch.arange(args.size) + 7) // args.ratio
    cells = (rows[:, None] * (int(rows.max()) + 1) + rows).expand(args.batch, -1, -1).int()
    logits = torch.randn(args.batch, args.classes, args.size, args.size, requires_grad=True)
    # As output by a convolution in channels_last memory.
    last = logits.detach().contiguous(memory_format=torch.channels_last).requires_grad_(True)
    images = torch.randn(args.batch, 3, args.size, args.size)
    network = torch.nn.Sequential(
        MODELS.build(dict(type='StemResNet')), MODELS.build(dict(type='UNetHead', num_classes=args.classes))
    )

    def loop() -> None:
        """A part of the cells, as a mask each."""
        total = sum(
            (logits * (cells == cell).unsqueeze(1)).sum(dim=(2, 3)).square().sum() for cell in range(CELLS_OF_LOOP)
        )
        total.backward()

    ways = dict(
        ours=lambda: aggregate_regions(logits, cells)[0].square().sum().backward(),
        channels_last=lambda: aggregate_regions(last, cells)[0].square().sum().backward(),
        pooling=lambda: F.avg_pool2d(logits, args.ratio).square().sum().backward(),
        loop=loop,
        step=lambda: network(images).square().sum().backward(),
    )
    times = {name: [] for name in ways}
    for _ in range(args.rounds):
        for name, way in ways.items():
            times[name].append(timed(way))
    number = int(cells.max()) + 1
    times['loop'] = [one * number / CELLS_OF_LOOP for one in times['loop']]
    ours = times.pop('ours')
    size = f'{args.batch} x {args.classes} x {args.size}^2 logits'
    print(f'{size}, {number} cells per image, {torch.get_num_threads()} threads')
    print(f'ours: {1e3 * statistics.median(ours):.1f} ms')
    for name, values in times.items():
        print(f'{name}: {statistics.median(v / o for v, o in zip(values, ours, strict=True)):.2f} times ours')


if __name__ == '__main__':
    main()
