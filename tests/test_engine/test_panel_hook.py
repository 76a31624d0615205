"""Panels during a training: they show the same samples, and leave the training as it would have been."""

import io

import numpy as np
import pytest
import torch
from mmengine.visualization import BaseVisBackend
from PIL import Image

from mmuda.engine.hooks import PanelHook, panel_hook
from mmuda.engine.panels import panel_rows, undisturbed
from mmuda.registry import MODELS
from mmuda.testing.toy import batch, segmentor
from mmuda.utils.errors import UserError
from tests.helpers.compositions import COMPOSITIONS, mic, self_training, srda
from tests.helpers.toy import KilledError, KillHook, build_runner, state_of


@pytest.fixture(autouse=True)
def no_drawing(request, monkeypatch):
    """Most tests need no figure; its rows are kept instead."""
    drawn = []

    def keep(rows, *_):
        drawn.append(rows)
        return PNG

    if 'real_drawing' not in request.fixturenames:
        monkeypatch.setattr(panel_hook, 'draw_panels', keep)
    return drawn


@pytest.fixture
def real_drawing():
    """Asks for figures."""


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(buffer, format='PNG')
    return buffer.getvalue()


PNG = _png()


def flat(state, path=''):
    """Tensors and numbers of a nested state, by path."""
    if isinstance(state, dict):
        return {k: v for key, value in state.items() for k, v in flat(value, f'{path}/{key}').items()}
    if isinstance(state, (list, tuple)):
        return {k: v for key, value in enumerate(state) for k, v in flat(value, f'{path}/{key}').items()}
    return {path: state}


def assert_equal(first, second):
    first, second = flat(state_of(first)), flat(state_of(second))
    assert first.keys() == second.keys()
    for name, value in first.items():
        same = torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else value == second[name]
        assert same, name


def titles(rows):
    return [[panel.title.partition(',')[0] for panel in row] for row in rows]


@pytest.mark.parametrize('name', COMPOSITIONS)
def test_a_training_with_panels_equals_one_without(name, tmp_path, no_drawing):
    runs = []
    for hooks in ((), (PanelHook(interval=2),)):
        runner = build_runner(COMPOSITIONS[name](), tmp_path / str(len(hooks)), hooks)
        runner.train()
        runs.append(runner)
    assert_equal(*runs)
    assert len(no_drawing) == runs[1].max_iters // 2
    assert len(list((tmp_path / '1/panels').iterdir())) == len(no_drawing)


def test_a_training_with_panels_is_resumed_exactly(tmp_path):
    whole = build_runner(mic(), tmp_path / 'whole', save_at=3)
    whole.train()
    with pytest.raises(KilledError):
        build_runner(mic(), tmp_path / 'run', (PanelHook(interval=1), KillHook(5)), save_at=3).train()
    resumed = build_runner(mic(), tmp_path / 'run', (PanelHook(interval=2),), resume=True)
    resumed.train()
    assert_equal(whole, resumed)


def test_each_picture_shows_the_same_crops(tmp_path, no_drawing):
    build_runner(self_training(), tmp_path, (PanelHook(interval=3),)).train()
    first, second = no_drawing
    for row, other in zip(first[:4], second[:4], strict=True):
        assert np.array_equal(row[0].image, other[0].image)
    assert not np.array_equal(first[0][-1].image, second[0][-1].image), 'the confidence follows the training'


def test_the_rows_show_streams_then_views_of_the_stage(tmp_path, no_drawing):
    build_runner(self_training(), tmp_path, (PanelHook(interval=3),)).train()
    source, target = ['label', 'prediction', 'confidence'], ['prediction', 'confidence']
    streams = [[f'source {i}', *source] for i in (1, 2)] + [[f'target {i}', *target] for i in (1, 2)]
    assert titles(no_drawing[0]) == streams
    assert titles(no_drawing[1]) == [*streams, *[['masked', 'masked mix', 'mixed']] * 2]


def test_the_super_resolved_image_is_shown(tmp_path, no_drawing):
    build_runner(srda(), tmp_path, (PanelHook(interval=5, samples=1),)).train()
    (rows,) = no_drawing
    assert titles(rows) == [
        ['source 1', 'label', 'prediction', 'confidence', 'sr image'],
        ['target 1', 'prediction', 'confidence', 'sr image'],
        ['fed back'],
    ]
    assert rows[0][-1].image.shape == (40, 40, 3)


def test_panels_show_what_the_model_predicts():
    model = MODELS.build(dict(type='DomainAdaptation', segmentor=segmentor()))
    palette = [[10, 0, 0], [0, 20, 0], [0, 0, 30]]
    data = batch()
    with undisturbed(model, 1):
        streams = model.data_preprocessor(data, training=True)
        rows = panel_rows(model, streams, palette)
        logits = model.segmentor(streams['target']['inputs'], mode='tensor')
    expected = np.array(palette, np.uint8)[logits.argmax(dim=1).numpy()]
    assert np.array_equal(rows[2][1].image, expected[0])
    assert rows[2][2].title == f'confidence, mean {logits.softmax(1).max(1)[0][0].mean():.2f}'
    image = data['target']['inputs'][1].clamp(0, 255).permute(1, 2, 0).numpy()
    assert np.abs(rows[3][0].image.astype(float) - image).max() <= 1.01
    label = data['source']['data_samples'][0].gt_sem_seg.data[0].numpy()
    assert np.array_equal(rows[0][1].image, np.array(palette, np.uint8)[label])


def test_modes_and_generators_are_as_before():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(1), torch.nn.Dropout(), torch.nn.BatchNorm2d(1).eval())
    state, modes = torch.get_rng_state(), [module.training for module in model.modules()]
    with pytest.raises(KeyError), undisturbed(model, 1):
        assert not any(module.training for module in model.modules())
        torch.rand(3), np.random.rand()
        raise KeyError
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


def test_the_picture_reaches_the_folder_and_the_visualiser(tmp_path, real_drawing):
    runner = build_runner(self_training(), tmp_path, (PanelHook(interval=7, samples=1),))
    seen = []

    class Backend(BaseVisBackend):
        experiment = _init_env = None

        def add_image(self, name, image, step=0):
            seen.append((name, image, step))

    runner.visualizer._vis_backends['watch'] = Backend('')
    runner.train()
    ((name, image, step),) = seen
    assert (name, step) == ('panels', 7)
    with Image.open(tmp_path / 'panels/iter_7.png') as picture:
        assert np.array_equal(np.asarray(picture.convert('RGB')), image)
    assert [path.name for path in (tmp_path / 'panels').iterdir()] == ['iter_7.png']


def test_other_ranks_predict_but_do_not_write(tmp_path, monkeypatch, no_drawing):
    monkeypatch.setattr(panel_hook, 'is_main_process', lambda: False)
    build_runner(self_training(), tmp_path, (PanelHook(interval=1),)).train()
    assert not no_drawing and not (tmp_path / 'panels').exists()


@pytest.mark.parametrize('given', [dict(interval=0), dict(interval=1.5), dict(samples=0)])
def test_numbers_out_of_range_are_refused(given):
    with pytest.raises(UserError, match=f'{next(iter(given))} of PanelHook'):
        PanelHook(**given)
