"""Trains toy SRDA-Net as one of several processes and writes what it reached; a script for test_ranks.py.

RANK=0 WORLD_SIZE=2 ... python ranks.py FOLDER DTYPE [DTYPE ...] [accumulated] [CHECKPOINT_TO_RESUME.pth]
"""

import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook

from mmuda.apis.distributed import init_distributed
from tests.helpers.compositions import srda
from tests.helpers.toy import build_runner

ITERS, SAMPLES = (10, 10), 4


class Witness(Hook):
    """Writes down the losses, and a number that changes with any bit of the weights."""

    def __init__(self) -> None:
        self.losses, self.sums = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.losses.append({key: value.item() for key, value in outputs.items()})
        flat = torch.cat([p.detach().double().flatten() for p in runner.model.parameters()])
        self.sums.append(flat.view(torch.int64).sum().item())


def train(folder: Path, dtype: str, checkpoint: str | None, accumulate: int = 1) -> None:
    torch.set_default_dtype(getattr(torch, dtype))
    cfg = srda()
    for name in ('segmentor', 'discriminator'):
        cfg['optim_wrapper'][name] = dict(cfg['optim_wrapper'][name], accumulative_counts=accumulate)
    for stage, iters in zip(cfg['train_cfg']['stages'], ITERS, strict=True):
        stage['iters'] = iters
    cfg['train_dataloader']['batch_size'] = SAMPLES // get_world_size()
    resume = {} if checkpoint is None else dict(load_from=checkpoint, resume=True)
    witness = Witness()
    runner = build_runner(cfg, folder, (witness,), save_at=7, launcher='pytorch', **resume)
    runner.train()
    reached = dict(state=runner.model.module.state_dict(), losses=witness.losses, sums=witness.sums)
    torch.save(reached, folder / f'{get_rank()}.pth')


def main(folder: str, *arguments: str) -> None:
    torch.set_num_threads(1)
    init_distributed('pytorch', timeout=120)
    checkpoint = next((argument for argument in arguments if argument.endswith('.pth')), None)
    for name in arguments:
        if name == 'accumulated':  # killed and resumed between two updates: seven is no multiple of three
            train(Path(folder) / name, 'float32', None, accumulate=3)
            train(Path(folder) / 'resumed', 'float32', str(Path(folder) / name / 'iter_7.pth'), accumulate=3)
        elif name != checkpoint:
            train(Path(folder) / name, name, checkpoint)


if __name__ == '__main__':
    main(*sys.argv[1:])
