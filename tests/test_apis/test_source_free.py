"""Trainings on the target alone, from a checkpoint."""

import json
import shutil

import pytest
import torch
from mmengine.hooks import Hook

from mmuda.apis import UserError, check, prepare, train
from mmuda.apis.start import Start
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.registry import HOOKS

TEACHER, STUDENT = 'teacher.module.', 'segmentor.'


@HOOKS.register_module(force=True)
class StartHook(Hook):
    """Keeps the weights that the first iteration starts from."""

    seen: dict = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        StartHook.seen.setdefault(runner.iter, {k: v.clone() for k, v in runner.model.state_dict().items()})


@pytest.fixture
def source_only(tiny, tmp_path):
    """The checkpoint of a run on the source."""
    train(tiny(train_cfg__stages=[dict(iters=2)]), str(tmp_path / 'source'), seed=1)
    return tmp_path / 'source' / 'iter_2.pth'


@pytest.fixture
def source_free(tiny):
    """Loads the tiny config without its source: a teacher labels the target."""

    def source_free(**options):
        cfg = tiny(
            train_dataloader__dataset__source=None,
            train_cfg__stages=[dict(iters=6)],
            optim_wrapper__discriminator=None,
            **options,
        )
        cfg.model.terms = dict(supervised=None, pseudo=dict(type='SupervisedTerm', view='pseudo'))
        cfg.model.views = dict(pseudo=dict(type='PseudoLabels', threshold=0.5))
        cfg.model.ema = dict(momentum=0.1, warm_up=False, buffers='own', batch_norm='batch', evaluate=True)
        return cfg

    return source_free


@pytest.mark.parametrize('run', [train, check])
def test_random_weights_are_refused_at_once(source_free, source_only, tmp_path, run):
    folder = [str(tmp_path / 'run')] if run is train else []
    with pytest.raises(UserError, match="without labels, so it must start from a trained segmentor; give load_from='C"):
        run(source_free(), *folder)
    cfg = source_free(load_from=str(source_only), load_skip=['decode_head.conv_seg'])
    with pytest.raises(UserError, match='would leave the head random'):
        run(cfg, *folder)
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_a_teacher_of_the_checkpoint_does_not_go_on(source_free, tiny, tmp_path):
    """Its average, and how many updates it has had, belong to the run that wrote it."""
    before = tiny(train_cfg__stages=[dict(iters=3)])
    before.model.ema = dict(momentum=0.1, evaluate=True)
    train(before, str(tmp_path / 'before'), seed=1)
    given = read_checkpoint(tmp_path / 'before' / 'iter_3.pth')['state_dict']
    StartHook.seen.clear()
    cfg = source_free(load_from=str(tmp_path / 'before' / 'iter_3.pth'))
    cfg.custom_hooks = [dict(type='StartHook')]
    train(cfg, str(tmp_path / 'run'), seed=3)
    weight = 'backbone.conv1.weight'
    assert int(given['teacher.steps']) == 3 and not torch.equal(given[TEACHER + weight], given[STUDENT + weight])
    assert torch.equal(StartHook.seen[0][TEACHER + weight], given[STUDENT + weight])
    assert int(StartHook.seen[0]['teacher.steps']) == 0


def test_student_and_teacher_start_as_the_checkpoint_and_a_resumed_run_is_the_same(source_free, source_only, tmp_path):
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    StartHook.seen.clear()
    cfg = source_free(load_from=str(source_only))
    cfg.custom_hooks = [dict(type='StartHook')]
    train(cfg, str(whole), seed=3)
    given = read_checkpoint(source_only)['state_dict']
    for name, value in StartHook.seen[0].items():
        for prefix in (TEACHER, STUDENT):
            if name.startswith(prefix):
                assert torch.equal(value, given[STUDENT + name.removeprefix(prefix)]), name
    end = read_checkpoint(whole / 'iter_6.pth')['state_dict']
    weight = 'backbone.conv1.weight'
    assert not torch.equal(end[STUDENT + weight], given[STUDENT + weight])
    assert not torch.equal(end[TEACHER + weight], end[STUDENT + weight])

    shutil.copytree(whole, killed)
    for name in ('iter_6.pth', 'last_checkpoint', 'summary.json'):
        (killed / name).unlink()
    runner = train(cfg, str(killed), resume=True, seed=3)
    assert runner.iter == 6
    again = read_checkpoint(killed / 'iter_6.pth')['state_dict']
    assert all(torch.equal(end[name], again[name]) for name in end)
    assert json.loads((killed / 'summary.json').read_text())['resumed_from'] == 4


def test_the_check_reports_the_only_stream(source_free, source_only):
    report = check(source_free(load_from=str(source_only)))
    assert [stream.name for stream in report.streams] == ['target']
    assert 'no labels' in str(report)


def test_a_checkpoint_of_other_classes_is_refused(source_free, source_only, tmp_path):
    checkpoint = read_checkpoint(source_only)
    for classes, how in ((('bright', 'dark'), 'differ in order'), (('dark', 'shiny'), 'differ in name')):
        checkpoint['meta']['dataset_meta']['classes'] = classes
        path = tmp_path / 'other.pth'
        torch.save(checkpoint, path)
        with pytest.raises(UserError, match=how):
            train(source_free(load_from=str(path)), str(tmp_path / 'run'))


def test_a_target_without_class_names_has_those_of_the_checkpoint(source_free, source_only):
    cfg = source_free()
    cfg.train_dataloader.dataset.target = dict(type='RasterDataset', data_root='nowhere', labelled=False)
    head = cfg.model.segmentor.decode_head
    head.pop('num_classes')
    ready = prepare(cfg, start=Start(str(source_only)))
    assert ready.train_dataloader.dataset.target.metainfo.classes == ('dark', 'bright')
    assert ready.model.segmentor.decode_head.num_classes == 2
    cfg.train_dataloader.dataset.target.metainfo = dict(classes=('a', 'b', 'c'))
    assert prepare(cfg, start=Start(str(source_only))).model.segmentor.decode_head.num_classes == 3
