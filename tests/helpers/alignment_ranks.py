"""Self-training, and the memory of instances, as one of several processes; a script for test_alignment_ranks.py.

RANK=0 WORLD_SIZE=2 ... python alignment_ranks.py FOLDER IMAGES
"""

import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank, get_world_size

from mmuda.apis.distributed import init_distributed
from mmuda.testing.toy import plain_segmentor
from tests.helpers.pseudo_labels import self_training
from tests.helpers.toy import build_runner, config, optimizer

SAMPLES = 4


def train(cfg: dict, folder: Path) -> None:
    cfg['train_dataloader']['batch_size'] = SAMPLES // get_world_size()
    runner = build_runner(cfg, folder, launcher='pytorch')
    runner.train()
    torch.save(runner.model.module.state_dict(), folder / f'{get_rank()}.pth')


def instances(iters: int) -> dict:
    instance = dict(
        type='InstanceAlignment', classes=(1, 2), channels=4,
        source='source:features.1', target='target:features.1', memory=4000, max_instances=1000,
        warmup=1, loss_weight=0.01,
    )  # fmt: skip
    model = dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=dict(instance=instance))
    return config(
        model, [dict(name='all', iters=iters)], dict(segmentor=dict(params=['segmentor'], optimizer=optimizer()))
    )


def main(folder: str, images: str) -> None:
    torch.set_num_threads(1)
    init_distributed('pytorch', timeout=120)
    torch.set_default_dtype(torch.float64)
    train(self_training(Path(images)), Path(folder) / 'self_training')
    for iters in (1, 4):
        train(instances(iters), Path(folder) / f'instances_{iters}')


if __name__ == '__main__':
    main(*sys.argv[1:])
