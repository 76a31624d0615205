"""The shipped CycleGAN configs, narrowed, step as the paper's equations and settings."""

import copy
import itertools

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmuda.apis import load_config, prepare
from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.registry import MODELS
from mmuda.testing.toy import batch
from tests.helpers import CONFIGS

FOLDER = CONFIGS / 'cyclegan'
PUBLISHED = sorted(p.stem for p in FOLDER.glob('cyclegan_*.py') if 'hannover' not in p.stem)


def narrow(name):
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    cfg.model.generator.update(base_channels=2, blocks=1)
    cfg.model.discriminator.update(base_channels=2)
    cfg.model.pool = None  # hands on what it gets in the first 50 iterations
    return cfg


def losses_by_hand(model, x, y, identity):
    """The generators' objective (equations 1 to 3, least squares; section 5.2) and the discriminators', halved."""
    to_y, to_x = model.generators['target'], model.generators['source']
    is_y, is_x = model.discriminators['target'], model.discriminators['source']
    fake_y, fake_x = to_y(x), to_x(y)
    generator = ((is_y(fake_y) - 1) ** 2).mean() + ((is_x(fake_x) - 1) ** 2).mean()
    generator = generator + 10 * ((to_x(fake_y) - x).abs().mean() + (to_y(fake_x) - y).abs().mean())
    generator = generator + identity * ((to_y(y) - y).abs().mean() + (to_x(x) - x).abs().mean())
    halves = [((d(real) - 1) ** 2).mean() + (d(fake.detach()) ** 2).mean()
              for d, real, fake in ((is_y, y, fake_y), (is_x, x, fake_x))]  # fmt: skip
    return generator, sum(halves)


@pytest.mark.parametrize('name', PUBLISHED)
def test_an_iteration_is_that_of_the_paper(name):
    cfg = narrow(name)
    torch.manual_seed(0)
    model = MODELS.build(prepare(cfg).model).double().train()
    twin = copy.deepcopy(model)
    for key in ('generator', 'discriminator'):  # without Adam's moments the step is the gradient
        cfg.optim_wrapper[key].optimizer = dict(type='SGD', lr=0.1)
    wrappers = NamedOptimWrapperConstructor({k: v for k, v in cfg.optim_wrapper.items() if k != 'constructor'})(model)
    data = batch(1, target=0.5)
    for stream in data.values():
        stream['inputs'] = [image.double().repeat(1, 2, 2) for image in stream['inputs']]
    images = [torch.stack(data[domain]['inputs']) / 127.5 - 1 for domain in ('source', 'target')]  # tanh's range
    MessageHub.get_current_instance().update_info('iter', 0)
    log = model.train_step(data, wrappers)
    generator, discriminator = losses_by_hand(twin, *images, identity=5.0)
    assert log['generator.loss'].item() == pytest.approx(generator.item(), rel=1e-10)
    assert log['discriminator.loss'].item() == pytest.approx(0.5 * discriminator.item(), rel=1e-10)
    # The discriminators judge the images made before the generators moved.
    for networks, loss in ((twin.generators, generator), (twin.discriminators, 0.5 * discriminator)):
        parameters = list(networks.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= 0.1 * gradient
    for (path, ours), theirs in zip(model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10, msg=path)


def test_rates_and_pool_are_the_papers():
    for name, key in itertools.product(PUBLISHED, ('generator', 'discriminator')):
        cfg = prepare(load_config(FOLDER / f'{name}.py'))
        assert tuple(cfg.optim_wrapper[key].optimizer.betas) == (0.5, 0.999)
        assert cfg.model.pool.size == 50
        short = name.endswith(('synthetic', 'kampala'))
        assert short or cfg.optim_wrapper[key].optimizer.lr == 2e-4
        (linear,) = cfg.param_scheduler[key]
        iters = cfg.train_cfg.stages[0].iters
        assert (linear.power, linear.begin, linear.end) == (1.0, iters // 2, iters)


def test_the_variant_of_semantic_pairing_has_weights_of_one():
    model = Config.fromfile(FOLDER / 'cyclegan_resnet_hannover2vaihingen.py').model
    weights = (model.cycle_weight, model.adversarial_weight, model.identity_weight, model.discriminator_weight)
    assert weights == (10, 1, 1, 1)
    assert (model.identity_every, model.generator.activation) == (10, 'relu')
