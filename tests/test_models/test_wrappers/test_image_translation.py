"""CycleGAN's losses and updates against the same written by hand; pool, resume, refusals."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub

from mmuda.models.wrappers.image_pool import ImagePool
from mmuda.registry import MODELS
from mmuda.testing import differences
from mmuda.testing.toy import SIZE, batch
from tests.helpers.toy import KilledError, KillHook, build_runner, config, state_of

GENERATOR = dict(type='ResNetGenerator', base_channels=2, blocks=1, activation='relu')
DISCRIMINATOR = dict(type='ToyDiscriminator', in_channels=3)
PREPROCESSOR = dict(type='UDADataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3)
OPTIMIZERS = dict(
    generator=dict(params=['generators'], optimizer=dict(type='Adam', lr=1e-3)),
    discriminator=dict(params=['discriminators'], optimizer=dict(type='Adam', lr=1e-3)),
)


def translation(**options):
    cfg = dict(type='ImageTranslation', generator=GENERATOR, discriminator=DISCRIMINATOR,
               data_preprocessor=PREPROCESSOR, identity_every=2)  # fmt: skip
    return {**cfg, **options}


def test_the_generator_is_cyclegans():
    network = MODELS.build(dict(type='ResNetGenerator'))
    # As the authors' resnet_9blocks with instance norm, whose convolutions have biases.
    assert sum(p.numel() for p in network.parameters()) == 11_378_179
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count('ResidualBlock') == 9 and kinds[-1] == 'Tanh' and kinds[0] == 'ReflectionPad2d'
    x = torch.rand(1, 3, 20, 24)
    small = MODELS.build(GENERATOR)
    assert small(x).shape == x.shape and (small(x) >= 0).all()
    with pytest.raises(ValueError, match='18x24 pixels.*multiples of 4'):
        small(x[:, :, :18])
    with pytest.raises(ValueError, match="activation='softmax' is not known"):
        MODELS.build(dict(GENERATOR, activation='softmax'))


def by_hand(model, images, iteration, optimisers):
    """One iteration from the equations: both generators, then both discriminators on the images made before."""
    g_target, g_source = model.generators['target'], model.generators['source']
    d_target, d_source = model.discriminators['target'], model.discriminators['source']
    x, y = images['source'], images['target']
    fake_y, fake_x = g_target(x), g_source(y)
    losses = {
        'adversarial.loss_target': ((d_target(fake_y) - 1) ** 2).mean(),
        'adversarial.loss_source': ((d_source(fake_x) - 1) ** 2).mean(),
        'cycle.loss_source': 10 * (g_source(fake_y) - x).abs().mean(),
        'cycle.loss_target': 10 * (g_target(fake_x) - y).abs().mean(),
    }
    if iteration % 2 == 0:
        losses['identity.loss_target'] = (g_target(y) - y).abs().mean()
        losses['identity.loss_source'] = (g_source(x) - x).abs().mean()
    optimisers[0].zero_grad()
    sum(losses.values()).backward()
    optimisers[0].step()
    for name, network, real, fake in (('source', d_source, x, fake_x), ('target', d_target, y, fake_y)):
        real_part, fake_part = (network(real) - 1) ** 2, network(fake.detach()) ** 2
        losses[f'{name}.loss_discriminator'] = 0.5 * (real_part.mean() + fake_part.mean())
    optimisers[1].zero_grad()
    (losses['source.loss_discriminator'] + losses['target.loss_discriminator']).backward()
    optimisers[1].step()
    return losses


def test_losses_and_updates_are_those_of_the_equations(tmp_path):
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        runner = build_runner(config(translation(), [dict(name='all', iters=3)], OPTIMIZERS), tmp_path)
        model = runner.model.train()
        model.set_stage(dict(name='all'))
        twin = copy.deepcopy(model)
        optimisers = [torch.optim.Adam(twin.generators.parameters(), lr=1e-3),
                      torch.optim.Adam(twin.discriminators.parameters(), lr=1e-3)]  # fmt: skip
        wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        for iteration in range(3):
            data = batch(2, source=1.0, target=0.4 + 0.1 * iteration)
            MessageHub.get_current_instance().update_info('iter', iteration)
            logged = model.train_step(copy.deepcopy(data), wrapper)
            images = {name: torch.stack(data[name]['inputs']) / 255 for name in data}
            expected = by_hand(twin, images, iteration, optimisers)
            assert {key for key in logged if 'loss' in key.rpartition('.')[2] and '.loss_' in key} == set(expected)
            for key, value in expected.items():
                assert logged[key].item() == pytest.approx(value.item(), rel=1e-9), key
        for (name, ours), theirs in zip(model.named_parameters(), twin.parameters(), strict=True):
            # A bias before an instance norm has no gradient but rounding, which Adam makes steps of.
            if not (name.endswith('bias') and 'generators' in name):
                torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9, msg=name)
    finally:
        torch.set_default_dtype(default)


def test_a_pool_hands_on_until_it_is_full_and_then_exchanges_half():
    pool = ImagePool(10, (1, 1, 1), 'target')
    first = torch.arange(10.0).view(10, 1, 1, 1)
    assert torch.equal(pool.exchange(first, 0), first) and torch.equal(pool.images, first)
    held, exchanged = set(range(10)), 0
    for iteration in range(1, 201):
        new = float(100 + iteration)
        given = pool.exchange(torch.full((1, 1, 1, 1), new), iteration).item()
        if given != new:
            assert given in held
            exchanged += 1
            held = held - {given} | {new}
        assert held == set(pool.images.flatten().tolist())
    assert 70 < exchanged < 130
    assert torch.equal(ImagePool(0, (1, 1, 1), 'x').exchange(first, 0), first)
    with pytest.raises(ValueError, match=r'holds images of \(1, 1, 1\), but got \(1, 2, 2\)'):
        pool.exchange(torch.zeros(1, 1, 2, 2), 0)


def test_a_killed_translation_resumes_exactly(tmp_path):
    model = translation(pool=dict(size=3, image_shape=(3, SIZE, SIZE)))
    cfg = config(model, [dict(name='all', iters=6)], OPTIMIZERS)
    whole = build_runner(cfg, tmp_path / 'whole')
    whole.train()
    with pytest.raises(KilledError):
        build_runner(cfg, tmp_path / 'killed', (KillHook(4),), save_at=3).train()
    resumed = build_runner(cfg, tmp_path / 'killed', resume=True)
    resumed.train()
    assert differences(state_of(whole), state_of(resumed)) == []
    assert int(whole.model.pools['target'].filled) == 3


def test_what_does_not_fit_is_told(tmp_path):
    def build(**options):
        return MODELS.build(ConfigDict(translation(**options)))

    with pytest.raises(ValueError, match='both need the same mean and std'):
        build(data_preprocessor=dict(PREPROCESSOR, streams=dict(target=dict(mean=[1.0] * 3))))
    with pytest.raises(ValueError, match=r"names the terms \['cycles'\]; the model has"):
        build().check_stage(build().stage.from_cfg(dict(name='a', terms=['cycles'])))
    with pytest.raises(ValueError, match=r"reads \['target'\]: the loader gives"):
        build().check_streams(build().stage, ['source'])
    # A loss of weight 0 is not computed.
    assert 'identity.generator' not in build(identity_weight=0).available_losses(build().stage)
