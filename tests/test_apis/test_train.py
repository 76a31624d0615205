import gc
import json
import os
import shutil
import sys
import weakref

import pytest
import torch
from mmengine.hooks import Hook

from mmuda.apis import UserError, init_model, prepare, train
from mmuda.apis.train import imports_uncollected
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.registry import HOOKS, MODELS
from mmuda.utils.locks import sole_writer


def weights(path):
    return read_checkpoint(path)['state_dict']


def test_a_resumed_run_equals_one_that_was_never_killed(tiny, tmp_path):
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    train(tiny(), str(whole), seed=3)
    shutil.copytree(whole, killed)
    for name in ('iter_6.pth', 'iter_8.pth', 'summary.json'):
        (killed / name).unlink()
    # What a kill in the middle of a save would leave without atomic writes.
    (killed / 'iter_10.pth').write_bytes((whole / 'iter_10.pth').read_bytes()[:5000])
    runner = train(tiny(), str(killed), resume=True, seed=3)
    assert runner.iter == 10
    ours, theirs = weights(whole / 'iter_10.pth'), weights(killed / 'iter_10.pth')
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    summary = json.loads((killed / 'summary.json').read_text())
    assert (summary['seed'], summary['iterations'], summary['resumed_from']) == (3, 10, 4)
    assert not list(killed.glob('.*tmp'))


def test_the_seed_of_the_run_that_is_resumed_counts(tiny, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(sys.modules[prepare.__module__], 'print_log', lambda text, **_: said.append(text))
    short = dict(train_cfg__stages=[dict(iters=4)])
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    train(tiny(**short), str(whole), seed=3)
    shutil.copytree(whole, killed)
    for name in ('iter_4.pth', 'last_checkpoint'):
        (killed / name).unlink()
    runner = train(tiny(**short), str(killed), resume=True, seed=5)
    ours, theirs = weights(whole / 'iter_4.pth'), weights(killed / 'iter_4.pth')
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert runner.seed == 3 and said == [
        "resume: the seed is 3 in the checkpoint and 5 in the config; the checkpoint's counts"
    ]


@pytest.mark.parametrize(
    ('save_best', 'rule'),
    [('mIoU', 'greater'), (['aAcc', 'mIoU'], ['less', 'greater']), ('auto', 'greater')],
    ids=['one', 'two', 'auto'],
)
def test_the_summary_has_the_metrics_of_the_chosen_checkpoint(tiny, tmp_path, save_best, rule):
    cfg = tiny(
        train_cfg__stages=[dict(iters=6)],
        train_cfg__val_interval=2,
        val_cfg=dict(type='ValLoop'),
        val_dataloader=dict(
            batch_size=1,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='DrawnDataset'),
        ),
        val_evaluator=dict(type='ClassIoUMetric', iou_metrics=['mIoU']),
        default_hooks__checkpoint__save_best=save_best,
        default_hooks__checkpoint__rule=rule,
        optim_wrapper__segmentor__optimizer__lr=1.0,
    )
    runner = train(cfg, str(tmp_path / 'run'), seed=1)
    summary = json.loads((tmp_path / 'run' / 'summary.json').read_text())
    scalars = runner.message_hub.log_scalars
    name = 'aAcc' if save_best != 'mIoU' else 'mIoU'
    history = [float(value) for value in scalars[f'val/{name}'].data[0]]
    assert len(set(history)) == len(history) == 3
    place = history.index(min(history) if rule != 'greater' else max(history))
    assert summary['best'][name] == pytest.approx(history[place]) and summary['best']['iteration'] == 2 * (place + 1)
    assert summary['best']['IoU.bright'] == pytest.approx(scalars['val/IoU.bright'].data[0][place])
    assert f'best by {name} of the validation set' in summary['selection']
    (file,) = (tmp_path / 'run').glob(f'best_{name}_*.pth')
    assert file.stem.endswith(f'iter_{2 * (place + 1)}')


def test_a_folder_in_which_another_run_trains_is_refused_untouched(tiny, tmp_path):
    run = tmp_path / 'run'
    cfg = dict(train_cfg__stages=[dict(iters=2)])
    train(tiny(**cfg), str(run))
    before = {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
    with sole_writer(run, 'being trained'):
        with pytest.raises(UserError, match=f'run is being trained by process {os.getpid()} on .*choose another'):
            train(tiny(**cfg), str(run))
        assert {path.name: path.stat().st_mtime_ns for path in run.iterdir() if path.name != '.lock'} == before
    train(tiny(**cfg), str(run))
    assert not (run / '.lock').exists()


def test_while_it_trains_the_folder_is_held_and_afterwards_free(tiny, tmp_path):
    held = []

    @HOOKS.register_module(name='LooksAtTheLock', force=True)
    class LooksAtTheLock(Hook):
        def after_train_iter(self, runner, **kwargs):
            with pytest.raises(UserError, match='is being trained by process'):
                train(tiny(), runner.work_dir)
            held.append(runner.iter)
            raise RuntimeError('killed')

    hooks = [dict(type='LooksAtTheLock')]
    for _ in range(2):
        with pytest.raises(RuntimeError, match='killed'):
            train(tiny(custom_hooks=hooks), str(tmp_path / 'run'))
    assert held == [0, 0]


def test_resume_needs_a_checkpoint_unless_told(tiny, tmp_path):
    with pytest.raises(UserError, match='nothing to resume from'):
        train(tiny(), str(tmp_path / 'run'), resume=True)
    runner = train(tiny(train_cfg__stages=[dict(iters=2)]), str(tmp_path / 'run'), resume='auto')
    assert runner.iter == 2


def test_resume_takes_a_file_or_a_folder(tiny, tmp_path):
    run = tmp_path / 'run'
    train(tiny(train_cfg__stages=[dict(iters=2)]), str(run))
    for i, place in enumerate((run, run / 'iter_2.pth')):
        runner = train(tiny(train_cfg__stages=[dict(iters=3)]), str(tmp_path / f'next_{i}'), resume=str(place))
        assert runner.iter == 3


def test_weights_alone_are_no_run_to_go_on_with(tiny, tmp_path):
    torch.save(dict(meta=dict(iter=3), state_dict={}), tmp_path / 'best_mIoU_iter_3.pth')
    with pytest.raises(UserError, match=r'iter_3\.pth lacks message_hub, optimizer, so that no run .* load_from'):
        train(tiny(), str(tmp_path / 'run'), resume=str(tmp_path / 'best_mIoU_iter_3.pth'))


def test_a_plain_checkpoint_fills_the_segmentor(tiny, tmp_path):
    cfg = tiny(
        train_cfg__stages=[dict(iters=1)],
        optim_wrapper__segmentor__optimizer__lr=0.0,
        load_from=str(tmp_path / 'plain.pth'),
    )
    plain = MODELS.build(cfg.model.segmentor)
    torch.save(dict(state_dict=plain.state_dict()), tmp_path / 'plain.pth')
    runner = train(cfg, str(tmp_path / 'run'))
    for name, value in plain.named_parameters():
        assert torch.equal(runner.model.segmentor.get_parameter(name), value)


def test_a_checkpoint_of_mmseg_0_starts_a_run_and_predicts_but_resumes_none(tiny, tmp_path):
    zoo = tmp_path / 'zoo.pth'
    cfg = tiny(train_cfg__stages=[dict(iters=1)], optim_wrapper__segmentor__optimizer__lr=0.0, load_from=str(zoo))
    plain = MODELS.build(cfg.model.segmentor)
    meta = dict(config='raise SystemExit', mmseg_version='0.30.0', CLASSES=('a', 'b'), PALETTE=[[0, 0, 0], [9, 9, 9]])
    torch.save(dict(meta=meta, state_dict=plain.state_dict()), zoo)
    runner = train(cfg, str(tmp_path / 'run'))
    for name, value in plain.named_parameters():
        assert torch.equal(runner.model.segmentor.get_parameter(name), value)
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert log.read_text().count('is dropped unread') == 1
    model = init_model(tiny(), zoo, device='cpu')
    assert model.dataset_meta == dict(classes=('a', 'b'), palette=[[0, 0, 0], [9, 9, 9]])
    with pytest.raises(UserError, match='carries a config that resuming would execute'):
        train(tiny(), str(tmp_path / 'other'), resume=str(zoo))


def test_the_preprocessor_of_a_base_of_mmsegs_does_not_replace_that_of_the_streams(tiny, tmp_path):
    cfg = tiny(train_cfg__stages=[dict(iters=1)], data_preprocessor=dict(type='SegDataPreProcessor'))
    del cfg.model['data_preprocessor']
    runner = train(cfg, str(tmp_path / 'run'))
    assert runner.iter == 1 and type(runner.model.data_preprocessor).__name__ == 'UDADataPreprocessor'


def test_a_checkpoint_of_other_classes_is_refused_and_the_remedy_works(tiny, tmp_path):
    options = dict(train_cfg__stages=[dict(iters=1)], load_from=str(tmp_path / 'plain.pth'))
    other = tiny(model__segmentor__decode_head__num_classes=19).model.segmentor
    torch.save(MODELS.build(other).state_dict(), tmp_path / 'plain.pth')
    with pytest.raises(UserError, match=r"load_skip=\['decode_head.conv_seg'\] at the top of the config"):
        train(tiny(**options), str(tmp_path / 'run'))
    assert train(tiny(**options, load_skip=['decode_head.conv_seg']), str(tmp_path / 'run')).iter == 1


def test_a_checkpoint_that_would_run_code_is_refused_before_anything_is_built(tiny, tmp_path):
    path = tmp_path / 'iter_2.pth'
    torch.save(dict(meta=dict(config='raise SystemExit'), state_dict={}, optimizer={}, message_hub={}), path)
    with pytest.raises(UserError, match='carries a config that resuming would execute'):
        train(tiny(model=None), str(tmp_path / 'run'), resume=str(path))


def test_weights_that_are_not_finite_start_no_run(tiny, tmp_path):
    torch.save(dict(state_dict={'segmentor.a': torch.tensor([1.0, float('nan')])}), tmp_path / 'broken.pth')
    with pytest.raises(UserError, match=r'broken\.pth holds values that are not finite'):
        train(tiny(load_from=str(tmp_path / 'broken.pth')), str(tmp_path / 'run'))


def test_a_second_training_keeps_nothing_of_the_first_alive():
    class Loop:
        pass

    gc.unfreeze()  # what conftest.py did
    try:
        for _ in range(2):
            with imports_uncollected():
                assert gc.get_freeze_count() > 0
                loop = Loop()
                loop.own, left = loop, weakref.ref(loop)
                del loop
        gc.collect()
        assert left() is None and gc.get_freeze_count() == 0
    finally:
        gc.freeze()
