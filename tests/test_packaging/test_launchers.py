"""The launch scripts on several machines, which are processes of one here: they train what one machine trains."""

import os
import socket
import subprocess

import pytest
import torch

from mmuda.checkpoints.reading import read_checkpoint
from tests.helpers import ROOT

CONFIG = """
import copy
_base_ = ['{base}']
custom_imports = dict(imports=['mmuda.testing'], allow_failed_imports=False)
sgd = dict(type='SGD', lr=0.01)
model = dict(
    type='DomainAdaptation',
    segmentor=dict(type='EncoderDecoder', backbone=dict(type='ToyBackbone'), decode_head=dict(type='ToyHead')),
    terms=dict(output=dict(
        type='AdversarialAlignment', source='source:prob', target='target:prob',
        discriminator=dict(type='ToyDiscriminator', in_channels=3), loss=dict(type='GANLoss', gan_type='vanilla'))))
optim_wrapper = dict(
    constructor='NamedOptimWrapperConstructor',
    segmentor=dict(params=['segmentor'], optimizer=sgd),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=sgd))
train_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(
    type='UDADataset', source=dict(type='ToyDataset'), target=dict(type='ToyDataset', labelled=False, gain=0.5)))
train_cfg = dict(type='StagedTrainLoop', stages=[dict(name='run', iters=3)])
"""
# Starts the tasks of a job as Slurm would on two machines with one task each.
SRUN = """#!/usr/bin/env bash
while [[ $1 == -* ]]; do case $1 in -p) shift 2;; --ntasks=*) NTASKS=${1#*=}; shift;; *) shift;; esac; done
for ((i = 0; i < NTASKS; i++)); do
    SLURM_PROCID=$i SLURM_NTASKS=$NTASKS SLURM_LOCALID=0 SLURM_NODELIST='node[1-2]' "$@" & tasks[i]=$!
done
for task in "${tasks[@]}"; do wait "$task" || exit 1; done
"""


@pytest.fixture
def environment(tmp_path):
    """Of the scripts: one thread, a free port, and an srun that starts its tasks here."""
    (tmp_path / 'config.py').write_text(CONFIG.format(base=ROOT / 'configs' / '_base_' / 'default_runtime.py'))
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin' / 'srun').write_text(SRUN)
    (tmp_path / 'bin' / 'srun').chmod(0o755)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    path = f'{tmp_path / "bin"}{os.pathsep}{os.environ["PATH"]}'
    return dict(os.environ, PATH=path, PORT=port, MASTER_PORT=port, CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='1')


def weights(folder):
    return read_checkpoint(folder / 'iter_3.pth')['state_dict']


def test_two_machines_train_what_one_does(tmp_path, environment):
    def launched(name, script, *arguments, **variables):
        command = ['bash', str(ROOT / 'tools' / script), *arguments, '--work-dir', str(tmp_path / name)]
        return subprocess.Popen(command, env=dict(environment, **variables), cwd=tmp_path)

    config = str(tmp_path / 'config.py')
    machines = dict(NNODES='2', MASTER_ADDR='127.0.0.1')
    nodes = [launched('nodes', 'dist_train.sh', config, '1', NODE_RANK=str(i), **machines) for i in range(2)]
    assert [node.wait(timeout=200) for node in nodes] == [0, 0]
    of_slurm = launched(
        'slurm', 'slurm_train.sh', 'gpus', 'job', config, GPUS='2', GPUS_PER_NODE='1', MASTER_ADDR='127.0.0.1'
    )
    assert of_slurm.wait(timeout=200) == 0
    one_machine = launched('one', 'dist_train.sh', config, '2')
    assert one_machine.wait(timeout=200) == 0
    expected = weights(tmp_path / 'one')
    for name in ('nodes', 'slurm'):
        found = weights(tmp_path / name)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected)
