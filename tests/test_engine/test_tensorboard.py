"""``tensorboard = True`` writes all scalars of a run, each iteration once, however often it was resumed."""

import json
import os
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmuda.apis import load_config, train
from mmuda.apis.prepare import prepare
from mmuda.utils.errors import UserError
from tests.helpers.tiny import CONFIG
from tests.helpers.toy import KilledError


def config_in(folder, **changes):
    path = folder / 'tiny.py'
    path.write_text(CONFIG + 'tensorboard = True\n')
    return load_config(path, changes)


def curves_of(folder) -> dict[str, list[tuple[int, float]]]:
    """Points by scalar, as TensorBoard shows them."""
    events = EventAccumulator(os.fspath(folder), size_guidance=dict(scalars=0)).Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()['scalars']}


def logged_in(folder) -> dict[str, list[tuple[int, float]]]:
    """Points by scalar, as the log of a run that was never resumed has them."""
    curves = {}
    (file,) = folder.glob('*/vis_data/scalars.json')
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        for name, value in entry.items():
            if name not in ('step', 'iter'):
                curves.setdefault(name, []).append((entry['step'], pytest.approx(value, rel=1e-6)))
    return curves


def of_terms(curves):
    return {name: points for name, points in curves.items() if 'loss' in name}


def killed_after(monkeypatch, iterations):
    """Kill the next training without letting it close its files."""
    from mmuda.engine.hooks import IterSeedHook

    seed = IterSeedHook.before_train_iter

    def kill(self, runner, batch_idx, data_batch=None):
        if runner.iter == iterations:
            raise KilledError
        seed(self, runner, batch_idx, data_batch)

    monkeypatch.setattr(IterSeedHook, 'before_train_iter', kill)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Folder of a run of ten iterations."""
    folder = tmp_path_factory.mktemp('whole')
    train(config_in(folder), folder / 'run')
    return folder / 'run'


def test_the_event_file_holds_every_scalar_of_the_log(whole):
    found, logged = curves_of(whole / 'tensorboard'), logged_in(whole)
    assert found == logged
    terms = {'supervised.decode.loss_ce', 'output.loss_adversarial', 'output.loss_discriminator', 'segmentor.loss'}
    assert terms - set(found) == set(), sorted(found)
    assert [step for step, _ in found['segmentor.loss']] == list(range(1, 11))


def test_a_resumed_run_has_each_iteration_once(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        killed_after(patch, 9)  # the checkpoint is of iteration 8; nine were logged
        train(config_in(tmp_path), tmp_path / 'run')
    assert len(curves_of(tmp_path / 'run/tensorboard')['segmentor.loss']) >= 8, 'the kill has lost what was logged'
    train(config_in(tmp_path), tmp_path / 'run', resume=True)
    assert of_terms(curves_of(tmp_path / 'run/tensorboard')) == of_terms(curves_of(whole / 'tensorboard'))


def test_a_new_run_in_the_folder_of_another_hides_it(whole, tmp_path):
    for iters in (7, 3):
        train(config_in(tmp_path, **{'train_cfg.stages.1.iters': iters}), tmp_path / 'run')
    assert [step for step, _ in curves_of(tmp_path / 'run/tensorboard')['segmentor.loss']] == list(range(1, 7))


def test_what_was_validated_before_the_kill_is_not_doubled(tmp_path):
    from mmuda.engine.tensorboard import TensorBoardBackend

    first = TensorBoardBackend(str(tmp_path))
    first.begin(0)
    for step in (1, 2, 3):
        first.add_scalars(dict(loss=float(step), step=step), step)
    first.add_scalars(dict(mIoU=40.0), 2)
    first.close()
    for name, expected in (('mIoU', [(2, 40.0)]), ('late', [(2, 5.0)])):  # the second had not been written
        resumed = TensorBoardBackend(str(tmp_path))
        resumed.begin(2)
        resumed.add_scalars({name: 5.0}, 2)
        resumed.close()
        assert curves_of(tmp_path)[name] == expected
    assert curves_of(tmp_path)['loss'] == [(1, 1.0), (2, 2.0)]


def test_a_test_writes_no_events(tmp_path):
    cfg = prepare(config_in(tmp_path), tmp_path / 'run')
    from mmuda.apis.runner import build_runner

    runner = build_runner(cfg)
    runner.visualizer.add_scalars(dict(mIoU=1.0), step=0)
    assert not (tmp_path / 'run/tensorboard').exists()


@pytest.mark.parametrize('given', ['tensorboard', 'backend'])
def test_without_the_package_one_line_says_how_to_install_it(tmp_path, monkeypatch, given):
    cfg = config_in(tmp_path)
    if given == 'backend':
        cfg.tensorboard = None
        cfg.visualizer = dict(type='SegLocalVisualizer', vis_backends=[dict(type='TensorboardVisBackend')])
    monkeypatch.setitem(sys.modules, 'tensorboard', None)
    with pytest.raises(UserError, match=r"needs the package tensorboard .*: python -m pip install '\.\[tensorboard\]'"):
        train(cfg, tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_other_values_are_refused(tmp_path):
    with pytest.raises(UserError, match="tensorboard='yes'; give True or False"):
        prepare(config_in(tmp_path, tensorboard='yes'))
