"""What a run leaves behind, and which checkpoints it takes."""

import json

import numpy as np
import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.logging import HistoryBuffer

from mmuda.checkpoints.reading import read_checkpoint
from mmuda.engine.hooks import summary_hook
from mmuda.engine.hooks.summary_hook import NO_VALIDATION
from mmuda.testing.toy import plain_segmentor
from mmuda.utils import UserError
from tests.helpers.compositions import OUTPUT, TWO_OPTIMIZERS
from tests.helpers.toy import KilledError, KillHook, build_runner, config

HOOKS = [dict(type=name) for name in ('IterSeedHook', 'CheckpointGuardHook', 'SummaryHook')]


def toy(terms=None, iters=3):
    model = dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms={} if terms is None else terms)
    optimizers = TWO_OPTIMIZERS if terms else dict(segmentor=TWO_OPTIMIZERS['segmentor'])
    return config(model, [dict(name='all', iters=iters)], optimizers, custom_hooks=HOOKS)


def summary_of(folder, name='summary.json'):
    return json.loads((folder / name).read_text())


def test_the_summary_of_a_run_without_validation_says_why_it_has_no_metrics(tmp_path):
    build_runner(toy(), tmp_path).train()
    summary = summary_of(tmp_path)
    assert summary.pop('seconds') >= 0
    # Three iterations of a toy; a process with torch is beyond 100 MiB.
    assert 1 < summary.pop('iterations_per_second') < 10_000
    assert 100 < summary.pop('peak_memory_mib') < 24_000
    assert summary == dict(
        config=None,
        mode='train',
        selection='last iteration',
        iterations=3,
        resumed_from=None,
        metrics=None,
        seed=3,
        world_size=1,
        why=NO_VALIDATION,
    )


def test_the_summary_of_a_resumed_run_says_from_where(tmp_path):
    with pytest.raises(KilledError):
        build_runner(toy(), tmp_path, (KillHook(2),), save_at=2).train()
    assert not (tmp_path / 'summary.json').exists()
    build_runner(toy(), tmp_path, resume=True).train()
    assert summary_of(tmp_path)['resumed_from'] == 2


@pytest.mark.parametrize('older', [False, True])
def test_the_summary_counts_all_parts_of_a_run(tmp_path, older):
    with pytest.raises(KilledError):
        build_runner(toy(), tmp_path, (KillHook(2),), save_at=2).train()
    path = tmp_path / 'iter_2.pth'
    checkpoint = read_checkpoint(path)
    assert 0 < checkpoint['meta']['so_far']['seconds'] < 100
    checkpoint['meta']['so_far'] = dict(seconds=1000.0, peak_memory_mib=10**6)
    times = HistoryBuffer([40.0, 40.0], [1, 1])
    checkpoint['message_hub']['log_scalars']['train/time'] = times
    if older:  # as versions wrote it that kept no count
        del checkpoint['meta']['so_far']
    torch.save(checkpoint, path)
    build_runner(toy(), tmp_path, resume=True).train()
    summary = summary_of(tmp_path)
    earlier = 80 if older else 1000
    assert earlier <= summary['seconds'] < earlier + 60
    assert summary['iterations_per_second'] == 1 / 40  # the median of three
    assert older or summary['peak_memory_mib'] == 10**6
    # A new run from these weights counts itself alone.
    build_runner(toy(), tmp_path / 'new', load_from=str(path)).train()
    assert summary_of(tmp_path / 'new')['seconds'] < 60


def test_the_summary_holds_the_last_metrics_and_null_for_what_is_not_a_number(tmp_path):
    runner = build_runner(toy(), tmp_path)
    hook = next(hook for hook in runner.hooks if isinstance(hook, summary_hook.SummaryHook))
    hook.before_run(runner)
    hook.after_val_epoch(runner, dict(mIoU=12.0))
    hook.after_test_epoch(runner, dict(mIoU=torch.tensor(34.56789), IoU=float('nan')))
    summary = summary_of(tmp_path, 'test_summary.json')
    assert summary['mode'] == 'test'
    assert summary['metrics'] == dict(mIoU=34.5679, IoU=None)
    assert 'why' not in summary


def test_the_summary_says_what_the_chosen_checkpoint_reached(tmp_path):
    """By a score without labels (here ``cell``), beside the score with them at the same validation."""
    runner = build_runner(toy(), tmp_path)
    hook = next(hook for hook in runner.hooks if isinstance(hook, summary_hook.SummaryHook))
    runner._hooks = [one for one in runner.hooks if not isinstance(one, CheckpointHook)]
    runner.register_hook(CheckpointHook(by_epoch=False, save_best='cell', rule='greater'))
    runner.message_hub.update_info('best_score', np.float32(12.5))  # as mmseg's metrics come
    for cell, fine in ((10.0, 1.0), (12.5, 2.0), (float('nan'), 3.0), (11.0, 4.0)):
        hook.after_val_epoch(runner, dict(cell=np.float32(cell), mIoU=fine))
    chosen = json.loads(json.dumps(hook._selection(runner)))
    assert chosen['best'] == dict(best_score=12.5, cell=12.5, mIoU=2.0, iteration=0)
    assert 'best by cell' in chosen['selection']


def test_a_checkpoint_of_another_model_cannot_be_resumed(tmp_path):
    build_runner(toy(), tmp_path, save_at=3).train()
    with pytest.raises(UserError, match=r'another model and cannot be resumed: 4 missing: terms\.output\.discrim'):
        build_runner(toy(dict(output=OUTPUT), iters=5), tmp_path, resume=True).train()


def test_a_run_with_other_terms_starts_from_the_segmentor_of_a_checkpoint(tmp_path):
    first = build_runner(toy(), tmp_path / 'first', save_at=3)
    first.train()
    second = build_runner(toy(dict(output=OUTPUT)), tmp_path / 'second', load_from=str(tmp_path / 'first/iter_3.pth'))
    second.load_or_resume()
    for ours, theirs in zip(first.model.segmentor.parameters(), second.model.segmentor.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_code_in_a_checkpoint_is_refused_on_resume_and_else_dropped(tmp_path):
    runner = build_runner(toy(), tmp_path)
    checkpoint = dict(state_dict=runner.model.state_dict(), meta=dict(config='1', iter=2))
    runner._resume = True
    with pytest.raises(UserError, match=r"meta\['config'\]"):
        runner.call_hook('after_load_checkpoint', checkpoint=checkpoint)
    runner._resume = False
    runner.call_hook('after_load_checkpoint', checkpoint=checkpoint)
    assert checkpoint['meta'] == dict(iter=2)


def test_parameters_that_are_not_finite_are_not_saved(tmp_path):
    runner = build_runner(toy(), tmp_path)
    next(runner.model.segmentor.parameters()).data.view(-1)[0] = float('nan')
    with pytest.raises(FloatingPointError, match=r'1 parameters are not finite, for example .*segmentor'):
        runner.call_hook('before_save_checkpoint', checkpoint={})
