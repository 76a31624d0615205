"""A resumed run says where its checkpoint and its config differ, and which side counts; it does as it says."""

import json
import re

import pytest
import torch

from mmuda.checkpoints.reading import read_checkpoint
from mmuda.engine import resume_report as module
from mmuda.testing.toy import plain_segmentor
from mmuda.utils import UserError
from tests.helpers.compositions import OUTPUT, TWO_OPTIMIZERS
from tests.helpers.toy import build_runner, config

HOOKS = [dict(type=name) for name in ('IterSeedHook', 'CheckpointGuardHook', 'SummaryHook')]


def poly(end=9, kind='PolyLR'):
    return [dict(type=kind, begin=0, end=end, by_epoch=False)]


def toy(**further):
    """Config of a run of four iterations with two optimisers; nested keys by ``__``."""
    model = dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=dict(output=OUTPUT))
    cfg = config(model, [dict(name='all', iters=4)], {}, custom_hooks=HOOKS, param_scheduler=poly())
    cfg['optim_wrapper'] |= {name: dict(of, optimizer=dict(of['optimizer'])) for name, of in TWO_OPTIMIZERS.items()}
    for path, value in further.items():
        *parents, key = path.split('__')
        at = cfg
        for name in parents:
            at = at[int(name) if name.isdigit() else name]
        if value is None:
            del at[key]
        else:
            at[key] = value
    return cfg


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Checkpoint of the second of four iterations."""
    folder = tmp_path_factory.mktemp('run')
    build_runner(toy(), folder, save_at=2).train()
    return folder / 'iter_2.pth'


@pytest.fixture
def resume(trained, tmp_path, monkeypatch):
    """Goes on with another config; gives the Runner and what was said. ``forget`` changes the checkpoint before."""
    said = []
    monkeypatch.setattr(module, '_warn', said.append)

    def resume(forget=None, **further):
        path = str(trained)
        if forget:
            checkpoint = read_checkpoint(trained)
            forget(checkpoint)
            path = str(tmp_path / 'iter_2.pth')
            torch.save(checkpoint, path)
        runner = build_runner(toy(**further), tmp_path / 'next', resume=True, load_from=path)
        runner.train()
        return runner, said

    return resume


def older(checkpoint):
    """A checkpoint of a version that kept no record."""
    assert checkpoint['meta'].pop(module.RECORD)['world_size'] == 1


@pytest.mark.parametrize('forget', [None, older])
def test_nothing_is_said_where_nothing_differs(resume, forget):
    assert resume(forget)[1] == []


LR_TOLD = (
    "resume: optimiser segmentor: lr is 0.01 in the checkpoint and 0.5 in the config; the checkpoint's counts (to "
    'change it, start a new run with load_from instead of --resume)'
)


@pytest.mark.parametrize('forget', [None, older])
def test_the_checkpoints_learning_rate_counts(resume, forget):
    runner, said = resume(forget, optim_wrapper__segmentor__optimizer__lr=0.5)
    assert said == [LR_TOLD]
    assert runner.optim_wrapper['segmentor'].optimizer.param_groups[0]['initial_lr'] == 0.01


def test_so_does_a_constant_one(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(module, '_warn', said.append)
    build_runner(toy(param_scheduler=[]), tmp_path, save_at=2).train()
    other = toy(param_scheduler=[], optim_wrapper__segmentor__optimizer__lr=0.5)
    runner = build_runner(other, tmp_path, resume=True, load_from=str(tmp_path / 'iter_2.pth'))
    runner.train()
    assert said == [LR_TOLD] and runner.optim_wrapper['segmentor'].optimizer.param_groups[0]['lr'] == 0.01


def test_other_values_of_the_optimiser_are_told_too(resume):
    runner, said = resume(optim_wrapper__segmentor__optimizer__momentum=0.5,
                          optim_wrapper__discriminator__optimizer__betas=(0.5, 0.9))  # fmt: skip
    assert len(said) == 2
    assert 'optimiser segmentor: momentum is 0.9 in the checkpoint and 0.5 in the config; the checkpoint' in said[0]
    assert 'optimiser discriminator: betas is (0.9, 0.999) in the checkpoint and (0.5, 0.9) in the config' in said[1]
    assert runner.optim_wrapper['segmentor'].optimizer.param_groups[0]['momentum'] == 0.9


@pytest.mark.parametrize('forget', [None, older])
def test_the_checkpoints_schedule_counts(resume, forget):
    runner, said = resume(forget, param_scheduler=poly(end=20))
    assert len(said) == 2 and all(
        "end is 9 in the checkpoint and 20 in the config; the checkpoint's" in s for s in said
    )
    assert 'schedule segmentor (PolyLR)' in said[0] and 'schedule discriminator' in said[1]
    assert runner.param_schedulers['segmentor'][0].end == 9


@pytest.mark.parametrize(
    ('further', 'line'),
    [
        (dict(train_dataloader__batch_size=1), 'train_dataloader.batch_size is 2 in the checkpoint and 1 in'),
        (dict(train_cfg__stages__0__iters=5), 'train_cfg.stages.0.iters is 4 in the checkpoint and 5 in the config'),
        (dict(train_cfg__stages=[dict(name='a', iters=2), dict(name='b', iters=2)]),
         "train_cfg.stages is ['all'] in the checkpoint and ['a', 'b'] in the config"),
        (dict(train_dataloader__dataset__target__gain=0.25), 'train_dataloader.dataset.target.gain is 0.5 in the'),
        (dict(model__terms=dict(output=dict(OUTPUT, loss_weight=3.0))),
         'model.terms.output.loss_weight is not given in the checkpoint and 3.0 in the config'),
        (dict(optim_wrapper__segmentor__clip_grad=dict(max_norm=1.0)), 'optim_wrapper.segmentor.clip_grad is not'),
    ],
)  # fmt: skip
def test_the_configs_other_values_count(resume, further, line):
    _, (said,) = resume(**further)
    assert said.startswith(f'resume: {line}') and said.endswith("the config's counts from here on")
    _, said = resume(older, **further)
    assert len(said) == 1  # of the first resume: an older checkpoint does not know


def test_another_number_of_processes_is_told(resume):
    def of_four(checkpoint):
        checkpoint['meta'][module.RECORD]['world_size'] = 4

    _, (said,) = resume(of_four)
    assert 'resume: 4 processes were at work in the checkpoint and 1 are now' in said


@pytest.mark.parametrize('forget', [None, older])
@pytest.mark.parametrize(
    ('further', 'message'),
    [
        (dict(optim_wrapper__segmentor__optimizer=dict(type='Adam', lr=0.01)),
         'optimiser segmentor is (SGD|one without .*betas.*) in the checkpoint and Adam in the config'),
        (dict(optim_wrapper__discriminator__optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
         'optimiser discriminator is (Adam|one without .*momentum.*) in the checkpoint and SGD in the config'),
        (dict(optim_wrapper__segmentor__paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))),
         'optimiser segmentor has 6 tensors in 1 groups in the checkpoint and 6 in 6 in the config'),
        (dict(optim_wrapper__discriminator=None, optim_wrapper__other=TWO_OPTIMIZERS['discriminator']),
         r"has the optimisers \['discriminator', 'segmentor'\], the config \['other', 'segmentor'\]"),
        (dict(param_scheduler=None), r'schedule segmentor of the learning rate is .* and \[\] in the config'),
        (dict(param_scheduler=[]), 'schedule segmentor of the learning rate is .* in the checkpoint and'),
        (dict(param_scheduler=poly(kind='CosineAnnealingLR')), r"and \['CosineAnnealingLR'\] in the config"),
    ],
)  # fmt: skip
def test_what_fits_no_state_is_refused(resume, forget, further, message):
    with pytest.raises(UserError, match=f'{message}.*start a new run with load_from instead of --resume'):
        resume(forget, **further)


def test_many_differences_are_counted(resume, monkeypatch):
    monkeypatch.setattr(module, 'MAX_TOLD', 1)
    _, said = resume(optim_wrapper__segmentor__optimizer__lr=0.5, train_dataloader__batch_size=1)
    assert len(said) == 2 and said[1] == 'resume: 1 further values differ between the checkpoint and the config'


def test_a_run_beyond_its_end_is_refused(resume):
    with pytest.raises(UserError, match=r'is at iteration 2, beyond the 1 of the config; give the stages more iter'):
        resume(train_cfg__stages__0__iters=1)


def test_a_run_that_has_ended_says_so_and_keeps_its_summary(tmp_path, monkeypatch):
    build_runner(toy(), tmp_path, save_at=4).train()
    path = tmp_path / 'summary.json'
    before = path.read_text()
    said = []
    monkeypatch.setattr(module, '_warn', said.append)
    runner = build_runner(toy(), tmp_path, resume=True)
    runner.train()
    assert runner.iter == 4
    assert said == ['resume: the checkpoint is at iteration 4 of 4, the last: nothing is left to train']
    assert path.read_text() == before
    path.unlink()  # killed between checkpoint and summary
    build_runner(toy(), tmp_path, resume=True).train()
    again, first = json.loads(path.read_text()), json.loads(before)
    assert again['iterations'] == first['iterations'] == 4
    assert again['seconds'] >= first['seconds'] - 0.2 and again['iterations_per_second'] > 0


def test_the_record_is_plain_and_told_by_the_log(trained):
    record = read_checkpoint(trained)['meta'][module.RECORD]
    assert json.loads(json.dumps(record)) == record
    assert record['optimizers'] == dict(segmentor='SGD', discriminator='Adam')
    assert record['schedules'] == dict(segmentor=['PolyLR'], discriminator=['PolyLR'])
    assert not re.search('0x[0-9a-f]{6}', json.dumps(record))
