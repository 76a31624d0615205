"""Whole optimisation steps of DACS, DAFormer and MIC, from their configs, against the step written out by hand."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.apis import load_config, prepare
from mmuda.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from tests.helpers import CONFIGS
from tests.helpers.mic_by_hand import Form, MICByHand
from tests.helpers.steps import assert_same, train_step

LEAF = """_base_ = [
    '{folder}/methods/{method}.py',
    '{folder}/schedules/daformer_40k.py',
    '{folder}/default_runtime.py',
]
model = dict(
    _base_.method,
    type='DomainAdaptation',
    data_preprocessor=dict(type='UDADataPreprocessor', streams={streams}),
    segmentor=dict(
        type='EncoderDecoder',
        backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,),
                      stem_channels=8, base_channels=8, zero_init_residual=False, norm_cfg=dict(type='BN')),
        decode_head=dict(type='FCNHead', in_channels=8, in_index=0, channels=8, num_convs=1, concat_input=False,
                         num_classes=4, dropout_ratio={dropout}, norm_cfg=dict(type='BN'), align_corners=False,
                         init_cfg=dict(type='Normal', std=2.0, override=dict(name='conv_seg')),
                         loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
        test_cfg=dict(mode='whole')))
"""
SCALES = {'source': ([80.0, 90.0, 70.0], [60.0, 50.0, 55.0]), 'target': ([120.0, 100.0, 90.0], [50.0, 45.0, 40.0])}
SIZE = (32, 40)
STEPS = 3
FIRST_SEED = 19  # by which both views leave an image unjittered and another unblurred
DEFAULT = Form(rate=5e-3)  # the schedule's rate would move nothing in three iterations
RELEASED = replace(DEFAULT, classes_of='batch', never_drawn=None)


def config(folder, method, options):
    """A config that puts a method on a small segmentor."""
    path = folder / 'config.py'
    streams = {domain: dict(mean=mean, std=std) for domain, (mean, std) in SCALES.items()}
    path.write_text(LEAF.format(folder=CONFIGS / '_base_', method=method, streams=streams, dropout=DEFAULT.dropout))
    return prepare(load_config(path, {'optim_wrapper.segmentor.optimizer.lr': DEFAULT.rate, **options}))


def build(cfg):
    """Model in float64 and its optimisers."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    wrappers = dict(cfg.optim_wrapper)
    constructor = dict(type=wrappers.pop('constructor'), optim_wrapper_cfg=wrappers)
    return model.double().train(), OPTIM_WRAPPER_CONSTRUCTORS.build(constructor)(model)


def make_batch(seed):
    """The loader's batch for mmuda, and the same as plain tensors."""
    generator = torch.Generator().manual_seed(seed)
    plain, data = {}, {}
    plain['label'] = torch.stack([torch.randint(classes, SIZE, generator=generator) for classes in (2, 3)])
    plain['label'][1] += 1  # the images hold different classes
    for domain in ('source', 'target'):
        coarse = torch.rand(2, 3, 4, 5, generator=generator, dtype=torch.float64)
        fine = torch.rand(2, 3, *SIZE, generator=generator, dtype=torch.float64)
        plain[domain] = 255 * (0.8 * torch.nn.functional.interpolate(coarse, SIZE, mode='bilinear') + 0.2 * fine)
        plain[f'{domain}_missing'] = torch.zeros(2, *SIZE, dtype=torch.bool)
        data[domain] = dict(
            inputs=list(plain[domain]), data_samples=[SegDataSample(metainfo=dict(domain=domain)) for _ in range(2)]
        )
    plain['source_missing'][0, :9, 20:] = True
    # A power of two of pixels is left, so that q is exact in the float32 that mmseg's cross entropy makes of weights.
    plain['target_missing'][1, 16:, 8:] = True
    plain['label'][1, 20:, :7] = 255
    plain['label'][plain['source_missing']] = 255
    for i, domain in ((0, 'source'), (1, 'target')):  # complete images carry no mask
        data[domain]['data_samples'][i].no_data = PixelData(data=plain[f'{domain}_missing'][i][None])
    for sample, label in zip(data['source']['data_samples'], plain['label'], strict=True):
        sample.gt_sem_seg = PixelData(data=label[None])
    return data, plain


@contextmanager
def recorded(model):
    """What the views draw, by their names, and which channels the student's dropout keeps, by term."""
    draws, places = {}, []

    def within(place, function):
        def call(*args):
            places.append(place.format(*args))
            result = function(*args)
            places.pop()
            return result

        return call

    def noted(function):
        def call(*args, **options):
            result = function(*args, **options)
            draws.setdefault(places[-1], []).append(result.clone())
            return result

        return call

    def keep(_module, _inputs, output):
        draws[places[-1]] = (output != 0).any(dim=-1).any(dim=-1)

    handle = model.segmentor.decode_head.dropout.register_forward_hook(keep)
    with pytest.MonkeyPatch.context() as patch:
        for name, view in model.views.items():
            patch.setattr(view, 'build', within(name, view.build))
        patch.setattr(model.adapter, 'forward', within('kept by {1}', model.adapter.forward))  # of (network, view, ...)
        patch.setattr(torch, 'rand', noted(torch.rand))
        patch.setattr(torch, 'randperm', noted(torch.randperm))
        yield draws
    handle.remove()
    for name, term in model.terms.items():
        draws[f'kept by {name}'] = draws.pop(f'kept by {term.view}')


def state_of(network):
    """Parameters and batch norm's statistics, all in float64."""
    return {name: value.detach().double().clone() for name, value in network.state_dict().items()}


@dataclass
class Step:
    """One of our iterations: what went in and what came out."""

    batch: dict
    draws: dict
    losses: dict
    gradients: dict
    student: dict
    teacher: dict


def our_steps(folder, method='mic', options=None):
    """The student's start, and three iterations."""
    model, optimizers = build(config(folder, method, options or {}))
    start, steps = (dict(model.segmentor.named_parameters()), dict(model.segmentor.named_buffers())), []
    start = tuple({name: value.detach().clone() for name, value in one.items()} for one in start)
    for seed in range(STEPS):
        data, plain = make_batch(seed)
        torch.manual_seed(FIRST_SEED + seed)
        with recorded(model) as draws:
            losses, gradients, _ = train_step(model, optimizers, data)
        gradients = {name.removeprefix('segmentor.'): value for name, value in gradients.items()}
        steps.append(
            Step(plain, dict(draws), losses, gradients, state_of(model.segmentor), state_of(model.teacher.module))
        )
    assert int(model.teacher.steps) == STEPS
    return SimpleNamespace(start=start, steps=steps)


def compare(ours, form):
    """Refuse our steps if those by hand differ."""
    hand = MICByHand(*ours.start, SCALES, form)
    for number, step in enumerate(ours.steps):
        losses, gradients = hand.step(step.batch, step.draws)
        assert_same(step.losses, losses, f'step {number}, losses')
        assert_same(step.gradients, gradients, f'step {number}, gradients')
        # Nothing may agree only because both sides are zero.
        assert min(losses.values()) > 1e-3 and min(value.abs().max() for value in gradients.values()) > 1e-4
        for what, weights, network in (
            ('student', hand.weights, hand.student),
            ('teacher', hand.teacher_weights, hand.teacher),
        ):
            expected = {name: value.double() for name, value in {**weights, **network.statistics}.items()}
            assert_same(getattr(step, what), expected, f'step {number}, {what}')


@pytest.mark.parametrize(
    ('method', 'options', 'form'),
    [
        pytest.param('mic', {}, DEFAULT, id='mic'),
        pytest.param('daformer', {}, replace(DEFAULT, masked=False), id='daformer'),
        pytest.param(
            'mic',
            {'model.views.mixed.per': 'batch', 'model.views.mixed.ignore_index': None},
            RELEASED,
            id='classes as in the released code',
        ),
        pytest.param('dacs', {'model.ema.momentum': 0.3}, replace(DEFAULT, masked=False, alpha=0.7), id='fast teacher'),
    ],
)
def test_three_steps(tmp_path, method, options, form):
    compare(our_steps(tmp_path, method, options), form)


@pytest.fixture(scope='module')
def steps_of_mic(tmp_path_factory):
    ours = our_steps(tmp_path_factory.mktemp('mic'))
    compare(ours, DEFAULT)
    return ours


@pytest.mark.parametrize(
    'switches',
    [
        dict(alpha=0.7),
        dict(warm_up=False),
        dict(threshold=0.967),
        dict(classes_of='batch'),
        dict(never_drawn=None),
        dict(jittered=1.0),
        dict(jittered=0.0),
        dict(blurred=1.0),
        dict(blurred=0.0),
        dict(hidden=0.69),
        dict(dropout=0.2499999),
        dict(rate=DEFAULT.rate * 1.00001),
    ],
    ids=str,
)
def test_comparison_sees_every_switch(steps_of_mic, switches):
    with pytest.raises(AssertionError, match='step'):
        compare(steps_of_mic, replace(DEFAULT, **switches))
