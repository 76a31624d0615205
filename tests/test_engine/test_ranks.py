"""Two processes with half the batch each are one process with the whole batch."""

import pytest
import torch

from mmuda.checkpoints.reading import read_checkpoint
from mmuda.testing.processes import finish, start
from tests.helpers import ROOT

SCRIPT = ROOT / 'tests/helpers/ranks.py'
# Before an instance norm, which takes the mean away: no gradient but rounding, which Adam makes a step of.
WITHOUT_EFFECT = [f'terms.pixel.discriminator.layers.{i}.bias' for i in (2, 5, 8)]


def reached(folder, rank=0):
    return torch.load(folder / f'{rank}.pth', weights_only=True)


def furthest(ours, theirs):
    """Largest difference of two states, relative to the largest entry where that is above one."""
    assert ours.keys() == theirs.keys()
    return max(
        ((ours[name] - theirs[name]).abs().max() / max(1.0, theirs[name].abs().max())).item()
        for name in ours
        if name not in WITHOUT_EFFECT and ours[name].is_floating_point()
    )


def test_two_processes_equal_one_through_a_stage_change(tmp_path):
    one, two = tmp_path / 'one', tmp_path / 'two'
    finish(start([SCRIPT, one, 'float64', 'float32'], 1), start([SCRIPT, two, 'float64', 'float32', 'accumulated'], 2))
    for dtype, tolerance in (('float64', 1e-9), ('float32', 1e-3)):
        alone, first, second = reached(one / dtype), reached(two / dtype), reached(two / dtype, rank=1)
        assert len(alone['sums']) == 20
        assert first['sums'] == second['sums']  # every bit of every iteration
        assert all(torch.equal(first['state'][name], second['state'][name]) for name in first['state'])
        for i, losses in enumerate(alone['losses']):
            for name, value in losses.items():
                if 'loss' in name.rpartition('.')[2]:
                    mean = (first['losses'][i][name] + second['losses'][i][name]) / 2
                    assert mean == pytest.approx(value, rel=tolerance, abs=1e-9), (dtype, i, name)

    for rank in range(2):
        whole, resumed = reached(two / 'accumulated', rank), reached(two / 'resumed', rank)
        assert whole['sums'][7:] == resumed['sums'] and whole['losses'][7:] == resumed['losses']
    gathered = read_checkpoint(two / 'accumulated' / 'iter_7.pth')['optimizer']['segmentor']['gradients']
    assert len(gathered) == 2 and not torch.equal(*(next(g for g in own if g is not None) for own in gathered))

    alone = reached(one / 'float64')['state']
    assert set(WITHOUT_EFFECT) < set(alone)
    assert furthest(reached(two / 'float64')['state'], alone) <= 1e-9
    # Each goes on from the other's checkpoint: in the first stage and across its end, and in the second.
    further_one, further_two = tmp_path / 'further_one', tmp_path / 'further_two'
    finish(
        start([SCRIPT, further_one, 'float64', two / 'float64' / 'iter_7.pth'], 1),
        start([SCRIPT, further_two, 'float64', one / 'float64' / 'iter_14.pth'], 2),
    )
    for folder in (further_one, further_two):
        assert furthest(reached(folder / 'float64')['state'], alone) <= 1e-9
