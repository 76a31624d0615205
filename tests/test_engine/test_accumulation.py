"""Accumulated gradients: what a larger batch would have given, also at the remainder and after a resume."""

import copy

import pytest
import torch

from mmuda.checkpoints.reading import read_checkpoint
from mmuda.engine import NamedOptimWrapperConstructor, SyncOptimWrapper
from mmuda.registry import MODELS
from mmuda.testing import differences
from mmuda.testing.toy import CLASSES, ToyDataset, plain_segmentor
from tests.helpers.compositions import OUTPUT, accumulated
from tests.helpers.toy import build_runner, state_of

OPTIMIZERS = [
    dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-2),
    dict(type='Adam', lr=1e-2, weight_decay=1e-2),
    dict(type='AdamW', lr=1e-2),
    dict(type='Adadelta', lr=1.0),
    dict(type='RMSprop', lr=1e-2),
]


def wrappers_of(model, optimizer, counts):
    cfg = dict(optimizer=optimizer, accumulative_counts=counts)
    cfgs = dict(segmentor=dict(params='segmentor', **cfg), discriminator=dict(params='terms', **cfg))
    return NamedOptimWrapperConstructor(copy.deepcopy(cfgs))(model)


def batch_of(indices):
    """Always the same samples for the same indices, in float64."""
    streams = {}
    for name in ('source', 'target'):
        dataset = ToyDataset(labelled=name == 'source')
        items = []
        for i in indices:
            torch.manual_seed(i)
            item = dataset[i]
            item['inputs'] = torch.rand(item['inputs'].shape, dtype=torch.float64) * 255
            if name == 'source':
                item['data_samples'].gt_sem_seg.data = torch.randint(CLASSES, (1, *item['inputs'].shape[1:]))
            items.append(item)
        streams[name] = {key: [item[key] for item in items] for key in items[0]}
    return streams


@pytest.mark.parametrize('optimizer', OPTIMIZERS, ids=lambda cfg: cfg['type'])
def test_small_batches_equal_a_large_one(optimizer):
    torch.manual_seed(0)
    terms = dict(output=OUTPUT)
    large = MODELS.build(dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=terms)).double()
    small, start = copy.deepcopy(large), copy.deepcopy(large)

    wrappers = wrappers_of(small, optimizer, 3)
    wrappers.initialize_count_status(small, 0, 7)  # two updates of three batches, and one of the remaining batch
    for first in range(0, 14, 2):
        small.train_step(batch_of([first, first + 1]), wrappers)
    wrappers = wrappers_of(large, optimizer, 1)
    for indices in (range(6), range(6, 12), range(12, 14)):
        large.train_step(batch_of(indices), wrappers)

    for (name, ours), theirs, initial in zip(
        small.named_parameters(), large.parameters(), start.parameters(), strict=True
    ):
        assert (ours - theirs).abs().max() <= 1e-9 * max(1, theirs.abs().max()), name
        assert not torch.equal(ours, initial), name


def test_a_checkpoint_between_two_updates_holds_the_gradients(tmp_path):
    cfg = accumulated()
    build_runner(cfg, tmp_path, save_at=2).train()
    state = read_checkpoint(tmp_path / 'iter_2.pth')['optimizer']
    assert len(state['segmentor']['gradients']) == 1  # one rank
    assert any(gradient is not None for gradient in state['segmentor']['gradients'][0])
    assert 'gradients' not in read_checkpoint(tmp_path / 'iter_6.pth')['optimizer']['segmentor']


def test_a_checkpoint_of_more_ranks_gives_each_the_mean():
    weight, other = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    wrapper = SyncOptimWrapper(torch.optim.SGD([weight, other], lr=1.0), accumulative_counts=2)
    gradients = [[torch.tensor([1.0, 2.0]), None], [torch.tensor([3.0, 2.0]), torch.tensor([4.0, 4.0])]]
    wrapper.load_state_dict({**wrapper.state_dict(), 'gradients': gradients})
    wrapper.initialize_count_status(torch.nn.Identity(), 1, 4)
    wrapper.update_params((weight * 0 + other * 0).sum())
    assert weight.tolist() == [-2.0, -2.0] and other.tolist() == [-2.0, -2.0]


def test_what_waits_when_a_run_is_resumed_twice(tmp_path):
    cfg = accumulated()
    whole = build_runner(cfg, tmp_path / 'whole')
    whole.train()
    runner = build_runner(cfg, tmp_path / 'run', save_at=1)
    runner.train()
    for at in (1, 4, 5):
        resumed = build_runner(cfg, tmp_path / f'resumed_{at}', load_from=str(tmp_path / 'run' / f'iter_{at}.pth'),
                               resume=True)  # fmt: skip
        resumed.train()
        assert differences(state_of(whole), state_of(resumed)) == []
