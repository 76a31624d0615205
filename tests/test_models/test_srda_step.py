"""Whole optimisation steps of SRDA-Net, from its configs, against the step written out from the equations."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from .srda_by_hand import PDC, Form, SRDANetByHand

from mmuda.apis import load_config
from mmuda.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS

CONFIGS = Path(__file__).parents[2] / 'configs'
SIZES = {'2': ((24, 24), (48, 48)), '10/3': ((24, 24), (80, 80)), 'awkward': ((21, 24), (38, 43))}
WIDTH = 4
# Of the paper's schedules: generator, discriminators.
PAPER_RATES = {'pretrain': (2e-4, 2e-4), 'joint': (1.5e-4, 1.5e-4)}
CODE_RATES = {'pretrain': (2e-4, 1e-4), 'joint': (2e-4, 1e-4)}
PAPER = dict(down='bicubic', detach=False, discriminator_weight=1.0)
CODE = dict(perceptual_target=0.006, variation_target=2e-8)
WITHOUT_EFFECT = [f'{PDC}.layers.{layer}.bias' for layer in (2, 5, 8)]
# The configs that ship, with what they must mean.
SHIPPED = {
    'srda_resaspp_mass2inria': (2, Form(alpha=2.5, rates=PAPER_RATES)),
    'srda_resaspp_vaih2pots': (6, Form(rates=PAPER_RATES)),
    'srda_paper_resaspp_mass2inria': (2, Form(alpha=2.5, rates=PAPER_RATES, **PAPER)),
    'srda_paper_resaspp_vaih2pots': (6, Form(rates=PAPER_RATES, **PAPER)),
    'srda_code_resaspp_mass2inria': (2, Form(rates=CODE_RATES, **CODE)),
    'srda_code_resaspp_vaih2pots': (6, Form(rates=CODE_RATES, **CODE)),
}


def narrow(width_of_vgg, layers, terms=('identity_source',)):
    """Options that narrow every network and take untrained weights for the perceptual one."""
    networks = ['segmentor.backbone', 'segmentor.sr_head', 'segmentor.decode_head']
    networks += ['terms.pixel.discriminator', 'terms.output.discriminator']
    options = {f'model.{network}.base_channels': WIDTH for network in networks}
    for term in terms:
        options[f'model.terms.{term}.loss.network'] = dict(type='VGGFeatures', width=width_of_vgg, out_layer=layers)
        options[f'model.terms.{term}.loss.weights'] = None
        options[f'model.terms.{term}.loss.allow_untrained'] = True
    return options


def build(cfg):
    """Model in float64 with weights of ordinary size everywhere, and its optimisers."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # zero biases would hide a bias that is forgotten
                parameter.uniform_(-0.1, 0.1)
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type=cfg.optim_wrapper.constructor, optim_wrapper_cfg=wrappers_of(cfg))
    )
    model.double().train()
    return model, constructor(model)


def wrappers_of(cfg):
    return {name: wrapper for name, wrapper in cfg.optim_wrapper.items() if name != 'constructor'}


def by_hand(model, form):
    vgg = model.terms['identity_source'].loss.network
    return SRDANetByHand(dict(model.named_parameters()), vgg.state_dict(), form)


def make_batch(sizes, num_classes, seed=1):
    """The loader's batch for mmuda, and the same images scaled to [-1, 1] for the step by hand."""
    generator = torch.Generator().manual_seed(seed)

    def image(size):
        return torch.rand(3, *size, generator=generator, dtype=torch.float64) * 255

    coarse, fine = sizes
    data = {}
    for stream in ('source', 'target'):
        data[stream] = dict(
            inputs=[image(coarse) for _ in range(2)],
            fine_image=[image(fine) for _ in range(2)],
            data_samples=[SegDataSample(metainfo=dict(domain=stream)) for _ in range(2)],
        )
    label = torch.randint(num_classes, (2, *fine), generator=generator)
    label[0, :5] = label[1, 7:9, 3:] = 255
    for sample, gt in zip(data['source']['data_samples'], label, strict=True):
        sample.gt_sem_seg = PixelData(data=gt[None])
    scaled = {'label': label}
    for stream, batch in data.items():
        scaled[stream] = torch.stack(batch['inputs']) / 127.5 - 1
        scaled[f'{stream}_fine'] = torch.stack(batch['fine_image']) / 127.5 - 1
    return data, scaled


def train_step(model, optimizers, data):
    """Losses and the gradients that each optimiser found when it stepped."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    gradients, stepped, handles = {}, [], []
    for key, wrapper in optimizers.items():

        def keep(optimizer, _args, _kwargs, key=key):
            stepped.append(key)
            for parameter in (p for group in optimizer.param_groups for p in group['params']):
                if parameter.grad is not None:
                    assert names[parameter] not in gradients, 'two optimisers stepped one parameter'
                    gradients[names[parameter]] = parameter.grad.clone()

        handles.append(wrapper.optimizer.register_step_pre_hook(keep))
    log = model.train_step(data, optimizers)
    for handle in handles:
        handle.remove()
    assert all(parameter.grad is None for parameter in model.parameters()), 'a gradient was left for the next step'
    return {name: value for name, value in log.items() if 'loss' in name.rpartition('.')[2]}, gradients, stepped


def error(found, expected):
    """Largest absolute error over max(1, largest entry)."""
    assert found.dtype == expected.dtype == torch.float64 and found.shape == expected.shape
    return ((found - expected).abs().max() / expected.abs().max().clamp(min=1)).item()


def assert_same(found, expected, what):
    assert found.keys() == expected.keys(), f'{what}: {sorted(found.keys() ^ expected.keys())}'
    errors = {name: error(found[name], expected[name]) for name in expected}
    wrong = {name: value for name, value in errors.items() if not value <= 1e-9}
    assert not wrong, f'{what}: {wrong}'


def compare_steps(cfg, form, sizes, num_classes, stages):
    model, optimizers = build(cfg)
    expected = by_hand(model, form)
    current = None
    for seed, name in enumerate(stages):
        if name != current:
            current = name
            model.set_stage(next(stage for stage in cfg.train_cfg.stages if stage.name == name))
        data, scaled = make_batch(sizes, num_classes, seed)
        losses, gradients, stepped = train_step(model, optimizers, data)
        expected_losses, expected_gradients = expected.step(scaled, name)
        prefix = {'pretrain': 'pretrain_', 'joint': ''}[name]
        assert stepped == [f'{prefix}generator', f'{prefix}discriminators']
        assert_same(losses, expected_losses, f'{name}, losses')
        assert_same(gradients, expected_gradients, f'{name}, gradients')
        assert_same(dict(model.named_parameters()), expected.weights, f'{name}, parameters')
        # Nothing agrees only because both sides are zero. An instance norm takes the bias before it away again.
        assert min(expected_losses.values()) > 1e-7
        sizes_of = {key: value.abs().max() for key, value in expected_gradients.items() if key not in WITHOUT_EFFECT}
        assert min(sizes_of.values()) > 1e-6, min(sizes_of, key=sizes_of.get)


def base_config(form, num_classes, **options):
    """The base model and the short schedule, with the switches of a form."""
    cfg = load_config(
        CONFIGS / '_base_/models/srda_resaspp.py',
        {
            **narrow(width_of_vgg=4, layers=form.vgg_layers),
            'model.segmentor.decode_head.num_classes': num_classes,
            'model.terms.output.discriminator.in_channels': num_classes,
            'model.views.fed_back.mode': form.down,
            'model.views.fed_back.detach': form.detach,
            'model.terms.pixel.discriminator_weight': form.discriminator_weight,
            'model.terms.output.discriminator_weight': form.discriminator_weight,
            'model.terms.output.align_both': form.align_both,
            **options,
        },
    )
    schedule = load_config(CONFIGS / '_base_/schedules/srda_short.py')
    cfg.merge_from_dict(dict(optim_wrapper=schedule.optim_wrapper, train_cfg=schedule.train_cfg))
    return cfg


@pytest.mark.parametrize('stage', ['pretrain', 'joint'])
@pytest.mark.parametrize('sizes', SIZES)
@pytest.mark.parametrize(
    'form',
    [
        pytest.param(Form(), id='default'),
        pytest.param(Form(**PAPER), id='paper'),
        pytest.param(Form(down='bicubic', align_both=True), id='bicubic, detached, align_both'),
        pytest.param(Form(detach=False, vgg_layers=31), id='nearest, not detached, whole VGG'),
    ],
)
def test_one_step(form, sizes, stage):
    num_classes = 6 if sizes == '2' else 2
    compare_steps(base_config(form, num_classes), form, SIZES[sizes], num_classes, [stage])


@pytest.mark.parametrize('name', SHIPPED)
def test_steps_of_the_shipped_configs_across_stages(name):
    """Two iterations of each stage: states of the optimisers carry on within a stage and start afresh in the next."""
    num_classes, form = SHIPPED[name]
    terms = ['identity_source'] + ['identity_target_perceptual'] * bool(form.perceptual_target)
    cfg = load_config(CONFIGS / f'srda/{name}.py', narrow(width_of_vgg=4, layers=form.vgg_layers, terms=terms))
    sizes = SIZES['10/3' if 'inria' in name else '2']
    compare_steps(cfg, form, sizes, num_classes, ['pretrain', 'pretrain', 'joint', 'joint'])


@pytest.fixture(scope='module')
def joint_step():
    """One joint step of the default form: its losses and gradients, and how to write it by hand in another form."""
    form = Form()
    cfg = base_config(form, 2)
    model, optimizers = build(cfg)
    hands = {}
    data, scaled = make_batch(SIZES['awkward'], 2)

    def in_form(**switches):
        if not hands:
            hands['weights'] = by_hand(model, form)
        hand = hands['weights']
        return SRDANetByHand(hand.weights, hand.vgg_weights, replace(form, **switches)).step(scaled, 'joint')

    in_form()
    model.set_stage(cfg.train_cfg.stages[1])
    return train_step(model, optimizers, data)[:2], in_form


@pytest.mark.parametrize(
    'switches',
    [
        dict(alpha=5.0001),
        dict(beta=10.0001),
        dict(down='bicubic'),
        dict(detach=False),
        dict(discriminator_weight=0.5001),
        dict(align_both=True),
        dict(perceptual_target=0.006),
        dict(variation_target=2e-8),
    ],
    ids=lambda switches: next(iter(switches)),
)
def test_comparison_sees_every_switch(joint_step, switches):
    (_, gradients), in_form = joint_step
    assert_same(gradients, in_form()[1], 'the form itself')
    with pytest.raises(AssertionError, match='another form'):
        assert_same(gradients, in_form(**switches)[1], 'another form')


@pytest.mark.parametrize(('coarse', 'tile'), [((24, 24), (80, 80)), ((19, 15), (63, 50)), ((20, 20), (40, 40))])
def test_prediction_on_the_grid_of_the_tile(coarse, tile):
    model, _ = build(base_config(Form(), 6))
    model.eval()
    images = [make_batch((coarse, tile), 6, seed)[0]['target']['inputs'][0] for seed in range(2)]
    samples = [SegDataSample(metainfo=dict(domain='target', ori_shape=tile, img_shape=coarse)) for _ in images]
    with torch.no_grad():
        predictions = model.test_step(dict(inputs=images, data_samples=samples))
    logits, classes = by_hand(model, Form()).predict(torch.stack(images) / 127.5 - 1, tile)
    assert error(torch.stack([p.seg_logits.data for p in predictions]), logits) <= 1e-9
    assert torch.equal(torch.stack([p.pred_sem_seg.data for p in predictions]), classes)
