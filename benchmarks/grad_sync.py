"""Share of a training step spent on averaging gradients over two processes, and on gradient norms.

    python benchmarks/grad_sync.py [CONFIG] [STEPS]

Two gloo processes with one thread each train the config on random batches. Averaging happens once per update, after the
backward pass. Overlapping it with the backward pass could save at most this time.
"""

import os
import socket
import statistics
import sys
import time
from contextlib import contextmanager

import torch
from channels_last import stream
from torch import multiprocessing

from mmuda.apis import load_config, prepare
from mmuda.engine import GradSyncWrapper, NamedOptimWrapperConstructor
from mmuda.engine.optimizers.optim_wrappers import GradSync
from mmuda.registry import MODELS


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


def rank(number: int, port: int, path: str, steps: int) -> None:
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), RANK=str(number), WORLD_SIZE='2')
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo')
    cfg = prepare(load_config(path))
    num_classes = cfg.model.segmentor.decode_head.num_classes
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    wrapped = GradSyncWrapper(model)
    optimizers = {k: v for k, v in cfg.optim_wrapper.items() if k in ('segmentor', 'discriminator')}
    wrappers = NamedOptimWrapperConstructor(optimizers)(wrapped)
    shares = []
    with timed(GradSync, '_average_gradients') as averaging, timed(GradSync, '_clip_networks') as norms:
        for _ in range(steps):
            batch = dict(source=stream(True, num_classes), target=stream(False, num_classes))
            averaging.clear(), norms.clear()
            start = time.perf_counter()
            wrapped.train_step(batch, wrappers)
            step = time.perf_counter() - start
            shares.append((sum(averaging) / step, sum(norms) / step, step))
    if number == 0:
        average, norm, step = (statistics.median(column) for column in zip(*shares[2:], strict=True))
        count = sum(p.numel() for p in model.parameters())
        print(f'{path}: {count:,} parameters, {step:.3f} s per step; averaging {average:.1%}, norms {norm:.1%} of it')
    torch.distributed.destroy_process_group()


def main(path: str = 'configs/srda/srda_resaspp_synthetic.py', steps: int = 12) -> None:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    multiprocessing.start_processes(rank, (port, path, steps), nprocs=2, start_method='fork')


if __name__ == '__main__':
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
