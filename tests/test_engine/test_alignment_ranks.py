"""Two processes write the pseudo labels of one, and share one memory of instances."""

import json

import numpy as np
import torch

from mmuda.testing.processes import finish, start
from tests.helpers import ROOT
from tests.helpers.pseudo_labels import NAMES, draw_images, labels_of

SCRIPT = ROOT / 'tests/helpers/alignment_ranks.py'


def rows(state, k):
    seen = int(state['terms.instance.seen'][k])
    memory = state['terms.instance.memory'][k]
    assert 0 < seen <= len(memory) and not memory[seen:].any()
    return memory[:seen]


def test_pseudo_labels_and_memory_of_two_processes_are_those_of_one(tmp_path):
    images = draw_images(tmp_path / 'images')
    one, two = tmp_path / 'one', tmp_path / 'two'
    finish(start([SCRIPT, one, images], 1), start([SCRIPT, two, images], 2))

    def state(folder, run, rank=0):
        return torch.load(folder / run / f'{rank}.pth', weights_only=True)

    # Self-training: the windows of both processes are in each raster, and the second stage trained on them.
    written = [labels_of(folder / 'self_training') for folder in (one, two)]
    for name in NAMES:
        alone, both = (labels[name][0] for labels in written)
        assert np.array_equal(alone, both) and (both != 255).any() and (both == 255).any()
    reports = [json.loads((f / 'self_training/pseudo_labels/again/pseudo_labels.json').read_text()) for f in (one, two)]
    assert reports[0]['classes'] == reports[1]['classes']
    assert not list((two / 'self_training' / 'pseudo_labels').glob('.*'))
    ranks = [state(two, 'self_training', rank) for rank in range(2)]
    assert all(torch.equal(ranks[0][name], ranks[1][name]) for name in ranks[0])

    # After one iteration, with equal weights, the memory holds the instances of both processes' images.
    alone, both = state(one, 'instances_1'), state(two, 'instances_1')
    for k in range(2):
        ours, theirs = (sorted(map(tuple, rows(s, k).round(decimals=9).tolist())) for s in (both, alone))
        assert ours == theirs
    # Later too it is the same on every rank, as are the weights that learnt from it.
    ranks = [state(two, 'instances_4', rank) for rank in range(2)]
    assert all(torch.equal(ranks[0][name], ranks[1][name]) for name in ranks[0])
    assert (ranks[0]['terms.instance.seen'] > both['terms.instance.seen']).all()
