"""Whole optimisation steps of SRDA-Net, from its configs, against the step written out from the equations."""

from dataclasses import replace

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.apis import load_config, prepare
from mmuda.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from tests.helpers import CONFIGS
from tests.helpers.srda_by_hand import PDC, Form, SRDANetByHand
from tests.helpers.steps import TOLERANCE, assert_same, error, train_step

SIZES = {'2': ((24, 24), (48, 48)), '10/3': ((24, 24), (80, 80)), 'awkward': ((21, 24), (38, 43))}
WIDTH = 4
# Of the paper's schedules: generator, discriminators.
PAPER_RATES = {'pretrain': (2e-4, 2e-4), 'joint': (1.5e-4, 1.5e-4)}
CODE_RATES = {'pretrain': (2e-4, 1e-4), 'joint': (2e-4, 1e-4)}
PAPER = dict(down='bicubic', detach=False, discriminator_weight=1.0)
CODE = dict(perceptual_target=0.006, variation_target=2e-8)
# Of the names of a stage's optimisers.
PREFIXES = {'pretrain': 'pretrain_', 'joint': ''}
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
    # The config's N(0, 0.02) is made for wide networks: in these, gradients would drown in rounding. As PyTorch's own.
    options['model.terms.pixel.discriminator.init_cfg'] = dict(
        type='Kaiming', layer='Conv2d', a=5**0.5, mode='fan_in', nonlinearity='leaky_relu', distribution='uniform'
    )
    for term in terms:
        options[f'model.terms.{term}.loss.network'] = dict(type='VGGFeatures', width=width_of_vgg, out_layer=layers)
        options[f'model.terms.{term}.loss.weights'] = None
        options[f'model.terms.{term}.loss.allow_untrained'] = True
    return options


def build(cfg):
    """Model in float64 with weights of ordinary size everywhere, and its optimisers."""
    torch.manual_seed(0)
    model = MODELS.build(prepare(cfg).model)
    model.init_weights()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # zero biases would hide a bias that is forgotten
                parameter.uniform_(-0.1, 0.1)
    model.double().train()
    wrappers = dict(cfg.optim_wrapper)
    constructor = dict(type=wrappers.pop('constructor'), optim_wrapper_cfg=wrappers)
    return model, OPTIM_WRAPPER_CONSTRUCTORS.build(constructor)(model)


def rates_of(cfg):
    return {
        stage: tuple(cfg.optim_wrapper[f'{prefix}{name}'].optimizer.lr for name in ('segmentor', 'discriminator'))
        for stage, prefix in PREFIXES.items()
    }


def by_hand(cfg, model, form):
    vgg = model.terms['identity_source'].loss.network
    form = replace(form, rates=form.rates or rates_of(cfg))
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


def assert_not_vanished(losses, gradients):
    """Nothing may agree only because both sides are zero."""
    assert min(losses.values()) > 1e-7
    # An instance norm takes the bias before it away again.
    without_effect = {f'{PDC}.layers.{layer}.bias' for layer in (2, 5, 8)}
    assert min(gradients[name].abs().max() for name in gradients.keys() - without_effect) > 1e-6


def compare_steps(cfg, form, sizes, num_classes, stages):
    """One iteration for each name in ``stages``, each on another batch."""
    model, optimizers = build(cfg)
    hand = by_hand(cfg, model, form)
    current = None
    for seed, stage in enumerate(stages):
        if stage != current:
            current = stage
            model.set_stage(next(cfg_of for cfg_of in cfg.train_cfg.stages if cfg_of.name == stage))
        data, scaled = make_batch(sizes, num_classes, seed)
        losses, gradients, stepped = train_step(model, optimizers, data)
        expected_losses, expected_gradients = hand.step(scaled, stage)
        assert stepped == [f'{PREFIXES[stage]}segmentor', f'{PREFIXES[stage]}discriminator']
        assert_same(losses, expected_losses, f'{stage}, losses')
        assert_same(gradients, expected_gradients, f'{stage}, gradients')
        assert_same(dict(model.named_parameters()), hand.weights, f'{stage}, parameters')
        assert_not_vanished(expected_losses, expected_gradients)


def base_config(form, num_classes, **options):
    """The full-width config at the rates of the short schedule, with the switches of a form."""
    cfg = load_config(
        CONFIGS / 'srda/srda_resaspp_vaih2pots.py',
        {
            **narrow(width_of_vgg=4, layers=form.vgg_layers),
            'model.segmentor.decode_head.num_classes': num_classes,
            'model.terms.output.discriminator.in_channels': num_classes,
            'model.views.fed_back.mode': form.down,
            'model.views.fed_back.detach': form.detach,
            'model.terms.pixel.discriminator_weight': form.discriminator_weight,
            'model.terms.output.discriminator_weight': form.discriminator_weight,
            'model.terms.output.moves': form.moves,
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
        pytest.param(Form(down='bicubic', moves='both'), id='bicubic, detached, both move'),
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


def test_one_step_with_channels_last():
    cfg = base_config(Form(), 6, **{'model.data_preprocessor.channels_last': True})
    compare_steps(cfg, Form(), SIZES['awkward'], 6, ['joint'])


@pytest.fixture(scope='module')
def joint_step():
    """Gradients of one joint step in the default form, and a function that gives them by hand in another form."""
    cfg = base_config(Form(), 2)
    model, optimizers = build(cfg)
    hand = by_hand(cfg, model, Form())
    data, scaled = make_batch(SIZES['awkward'], 2)

    def in_form(**switches):
        other = SRDANetByHand(hand.weights, hand.vgg_weights, replace(hand.form, **switches))
        return other.step(scaled, 'joint')[1]

    model.set_stage(cfg.train_cfg.stages[1])
    return train_step(model, optimizers, data)[1], in_form


@pytest.mark.parametrize(
    'switches',
    [
        dict(alpha=5.0001),
        dict(beta=10.0001),
        dict(down='bicubic'),
        dict(detach=False),
        dict(discriminator_weight=0.5001),
        dict(moves='both'),
        dict(perceptual_target=0.006),
        dict(variation_target=2e-8),
    ],
    ids=lambda switches: next(iter(switches)),
)
def test_comparison_sees_every_switch(joint_step, switches):
    gradients, in_form = joint_step
    assert_same(gradients, in_form(), 'the form itself')
    with pytest.raises(AssertionError, match='another form'):
        assert_same(gradients, in_form(**switches), 'another form')


@pytest.mark.parametrize(('coarse', 'tile'), [((24, 24), (80, 80)), ((19, 15), (63, 50)), ((20, 20), (40, 40))])
def test_prediction_on_the_grid_of_the_tile(coarse, tile):
    cfg = base_config(Form(), 6)
    model = build(cfg)[0].eval()
    images = [make_batch((coarse, tile), 6, seed)[0]['target']['inputs'][0] for seed in range(2)]
    samples = [SegDataSample(metainfo=dict(domain='target', ori_shape=tile, img_shape=coarse)) for _ in images]
    with torch.no_grad():
        predictions = model.test_step(dict(inputs=images, data_samples=samples))
    logits, classes = by_hand(cfg, model, Form()).predict(torch.stack(images) / 127.5 - 1, tile)
    assert error(torch.stack([p.seg_logits.data for p in predictions]), logits) <= TOLERANCE
    assert torch.equal(torch.stack([p.pred_sem_seg.data for p in predictions]), classes)
