"""Share of a training step spent on averaging gradients over two processes, and on gradient norms.

    python benchmarks/grad_sync.py [CONFIG] [--steps 12] [--size 48] [--fine 160]

Two gloo processes with one thread each train the config on random batches. Averaging happens once per update, after the
backward pass. Overlapping it with the backward pass could save at most this time.
"""

import argparse
import os
import socket
import statistics
import time
from contextlib import contextmanager

import torch
from parts import Training, random_batch
from torch import multiprocessing

from mmuda.engine import GradSyncWrapper
from mmuda.engine.optimizers.grad_sync import GradSync

BATCH = 4


@contextmanager
def timed(cls: type, name: str):
    """Add up the seconds that a method takes."""
    method, seconds = getattr(cls, name), []

    def measured(self):
        start = time.perf_counter()
        try:
            return method(self)
        finally:
            seconds.append(time.perf_counter() - start)

    setattr(cls, name, measured)
    yield seconds
    setattr(cls, name, method)


def rank(number: int, port: int, path: str, steps: int, size: int, fine: int | None) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(number), WORLD_SIZE='2')
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo')
    one = Training(path)
    wrapped = GradSyncWrapper(one.model)
    batch = random_batch(one.cfg.train_dataloader.dataset, one.classes, size, BATCH, fine)
    shares = []
    with timed(GradSync, '_average_gradients') as averaging, timed(GradSync, '_clip_networks') as norms:
        for _ in range(steps):
            averaging.clear(), norms.clear()
            start = time.perf_counter()
            wrapped.train_step(batch, one.optimizers)
            step = time.perf_counter() - start
            shares.append((sum(averaging) / step, sum(norms) / step, step))
    if number == 0:
        average, norm, step = (statistics.median(column) for column in zip(*shares[2:], strict=True))
        count = sum(p.numel() for p in one.model.parameters())
        print(f'{path}: {count:,} parameters, {step:.3f} s per step; averaging {average:.1%}, norms {norm:.1%} of it')
    torch.distributed.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default='configs/srda/srda_resaspp_synthetic.py')
    parser.add_argument('--steps', type=int, default=12)
    parser.add_argument('--size', type=int, default=48, help='side of an image in pixels')
    parser.add_argument('--fine', type=int, help='side of fine images (default: 160 for SRDA-Net, else none)')
    args = parser.parse_args()
    fine = args.fine or (160 if 'srda' in args.config else None)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    job = (port, args.config, args.steps, args.size, fine)
    multiprocessing.start_processes(rank, job, nprocs=2, start_method='fork')


if __name__ == '__main__':
    main()
