"""Two processes write the pseudo labels of one, and share one memory of instances."""

import json
from pathlib import Path

import numpy as np
import rasterio
import torch
from ranks_processes import finish, start
from test_pseudo_labels import NAMES, SHAPE

SCRIPT = Path(__file__).with_name('alignment_ranks.py')


def draw_images(folder):
    rng = np.random.RandomState(0)
    for name in NAMES:
        path = folder / f'{name}.tif'
        path.parent.mkdir(parents=True, exist_ok=True)
        transform = rasterio.transform.from_origin(500000.0, 4000000.0, 0.3, 0.3)
        with rasterio.open(path, 'w', driver='GTiff', height=SHAPE[0], width=SHAPE[1], count=3, dtype='uint8',
                           crs='EPSG:32633', transform=transform) as file:  # fmt: skip
            file.write(rng.randint(0, 255, (3, *SHAPE)).astype(np.uint8))
    return folder


def labels_of(folder):
    for name in NAMES:
        with rasterio.open(folder / 'pseudo_labels' / 'again' / f'{name}.tif') as file:
            yield file.read(1)


def rows(state, k):
    seen = int(state['terms.instance.seen'][k])
    memory = state['terms.instance.memory'][k]
    assert 0 < seen <= len(memory) and not memory[seen:].any()
    return memory[:seen]


def test_pseudo_labels_and_memory_of_two_processes_are_those_of_one(tmp_path):
    images = draw_images(tmp_path / 'images')
    one, two = tmp_path / 'one', tmp_path / 'two'
    finish(start(SCRIPT, 1, one, images), start(SCRIPT, 2, two, images))

    def state(folder, run, rank=0):
        return torch.load(folder / run / f'{rank}.pth', weights_only=True)

    # Self-training: the windows of both processes are in each raster, and the second stage trained on them.
    for alone, both in zip(labels_of(one / 'self_training'), labels_of(two / 'self_training'), strict=True):
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
