"""Stages begin and end where the config says, each with its loader; random numbers follow the iteration."""

import random

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from mmuda.engine.hooks.iter_seed_hook import IterSeedHook
from mmuda.registry import DATASETS
from mmuda.testing.toy import ToyDataset, plain_segmentor, segmentor
from mmuda.utils.seeds import mix_seed, seeded
from tests.helpers.compositions import OUTPUT, TWO_OPTIMIZERS
from tests.helpers.toy import KilledError, KillHook, build_runner, config


class Witness(Hook):
    """Writes down what each iteration got."""

    def __init__(self):
        self.stages, self.batches, self.noise, self.losses = [], [], [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.stages.append(runner.model.stage.name)
        self.batches.append([sample.index for sample in data_batch['source']['data_samples']])
        self.noise.append(torch.rand(1).item())

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append({key.partition('.')[0] for key in outputs})


def run(stages, folder, **overrides):
    model = dict(type='DomainAdaptation', segmentor=segmentor(), terms=dict(output=OUTPUT))
    witness = Witness()
    runner = build_runner(config(model, stages, TWO_OPTIMIZERS), folder, (witness,), **overrides)
    runner.train()
    return witness


def test_stages_begin_where_the_one_before_ends(tmp_path):
    stages = [
        dict(name='a', iters=2, terms=['supervised']),
        dict(name='b', iters=1, train_dataloader=dict(batch_size=3)),
        dict(name='c', iters=2, terms=['output'], train_dataloader=dict(dataset=dict(source=dict(gain=0.2)))),
    ]
    witness = run(stages, tmp_path)
    assert witness.stages == ['a', 'a', 'b', 'c', 'c']
    assert [len(batch) for batch in witness.batches] == [2, 2, 3, 2, 2]
    both = {'segmentor', 'discriminator'}
    assert (
        witness.losses
        == [{'supervised', 'segmentor'}] * 2 + [{'supervised', 'output'} | both] + [{'output'} | both] * 2
    )


def test_no_stage_repeats_the_draws_of_another_and_a_run_repeats_itself(tmp_path):
    stages = [dict(name=name, iters=3, terms=['supervised']) for name in 'ab']
    first, second = run(stages, tmp_path / '1'), run(stages, tmp_path / '2')
    other = run(stages, tmp_path / '3', randomness=dict(seed=4))
    assert first.batches == second.batches and first.noise == second.noise
    assert first.batches != other.batches and first.noise != other.noise
    assert first.batches[:3] != first.batches[3:]
    assert len(set(first.noise)) == 6


def test_a_stage_without_a_length_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"the stages \['b'\] have no `iters`; give each its length"):
        run([dict(name='a', iters=1), dict(name='b')], tmp_path)


def test_random_numbers_follow_seed_rank_and_iteration():
    class Runner:
        seed, iter = 7, 3

    def draw():
        IterSeedHook().before_train_iter(Runner, 0)
        return random.random(), np.random.rand(), torch.rand(1).item()

    first = draw()
    random.random(), np.random.rand(), torch.rand(5)
    assert draw() == first
    Runner.iter = 4
    assert all(a != b for a, b in zip(draw(), first, strict=True))
    assert mix_seed(7, 0, 3) != mix_seed(7, 3, 0) != mix_seed(0, 7, 3)
    assert 0 <= mix_seed(2**40, 1, 2) < 2**63


def test_accumulation_begins_anew_with_a_stage_and_resumes_in_its_phase(tmp_path):
    optimizers = {
        name: dict(TWO_OPTIMIZERS['segmentor'], params=['segmentor'], accumulative_counts=2) for name in ('g', 'h')
    }

    def train(folder, *hooks, **options):
        model = dict(type='DomainAdaptation', segmentor=plain_segmentor())
        stages = [
            dict(
                name=name,
                iters=iters,
                plan=[dict(name='x', losses=['*.segmentor'], optimizers=[name], forward='fresh', repeat=repeat)],
            )
            for name, iters, repeat in (('g', 3, 1), ('h', 5, 3))
        ]
        runner = build_runner(config(model, stages, optimizers), folder, hooks, **options)
        runner.train()
        return list(runner.model.parameters())

    whole = train(tmp_path / 'whole')
    for at in (1, 2, 3, 4, 5):  # both optimisers own the segmentor, and at 1, 4 and 5 one of them waits
        with pytest.raises(KilledError):
            train(tmp_path / f'killed_{at}', KillHook(at), save_at=at)
        resumed = train(tmp_path / f'killed_{at}', resume=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(whole, resumed, strict=True)), at


@DATASETS.register_module(force=True)
class ToyValidation(ToyDataset):
    """Validation samples: labelled, without streams, always the same."""

    def __getitem__(self, index):
        with seeded(index):
            return super().__getitem__(index)


def test_a_validation_that_a_kill_cut_short_is_repeated(tmp_path):
    class Validations(Hook):
        """Notes the iterations that were validated; kills in the validation of one."""

        def __init__(self, at=None):
            self.at, self.seen = at, []

        def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.iter == self.at:
                raise KilledError

        def after_val_epoch(self, runner, metrics=None):
            self.seen.append((runner.iter, metrics['mIoU']))

    def train(hook, folder, **options):
        loader = dict(
            batch_size=1,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='ToyValidation'),
        )
        validation = dict(
            val_dataloader=loader, val_cfg=dict(type='ValLoop'), val_evaluator=dict(type='ClassIoUMetric')
        )
        model = dict(type='DomainAdaptation', segmentor=plain_segmentor())
        cfg = config(model, [dict(name='all', iters=4)], dict(segmentor=TWO_OPTIMIZERS['segmentor']), **validation)
        cfg['train_cfg']['val_interval'] = 2
        build_runner(cfg, folder, (hook,), save_at=2, **options).train()
        return hook.seen

    whole = train(Validations(), tmp_path / 'whole')
    assert [iteration for iteration, _ in whole] == [2, 4]
    for at in (2, 4):  # the last one: nothing is left to train
        with pytest.raises(KilledError):
            train(Validations(at), tmp_path / f'killed_{at}')
        assert train(Validations(), tmp_path / f'killed_{at}', resume=True) == whole[at // 2 - 1 :]


def test_half_gathered_gradients_are_applied_before_a_stage_ends(tmp_path):
    optimizers = dict(segmentor=dict(TWO_OPTIMIZERS['segmentor'], accumulative_counts=4))

    class Steps(Hook):
        seen = []

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            value = next(runner.model.parameters()).detach().clone()
            self.seen.append(value)

    model = dict(type='DomainAdaptation', segmentor=plain_segmentor())
    stages = [dict(name='a', iters=3), dict(name='b', iters=5)]
    build_runner(config(model, stages, optimizers), tmp_path, (Steps(),)).train()
    changed = [not torch.equal(a, b) for a, b in zip(Steps.seen[:-1], Steps.seen[1:], strict=True)]
    # Updates after iterations 3 (the first stage ends), 7 and 8 (the run ends).
    assert changed == [False, True, False, False, False, True, True]
