"""Verdicts on discriminators from logs whose state is known."""

import math
from types import SimpleNamespace

import pytest

from mmuda.reports.health import HEALTHY, UNHEALTHY, UNKNOWN, chance_of, judged
from mmuda.utils.setup_env import register_all_modules

CHANCE = math.log(2)  # half the sum of two domains


def terms(**settings):
    return dict(output=dict(type='AdversarialAlignment', **settings))


def run(losses, source=0.7, target=0.7, gan_type='vanilla'):
    """A run with these losses; its first half is far from them."""
    steps = range(1, 2 * len(losses) + 1)
    late = [9.0] * len(losses) + list(losses)
    accuracies = {key: dict.fromkeys(steps, value) for key, value in (('source', source), ('target', target))}
    scalars = {'output.loss_discriminator': dict(zip(steps, late, strict=True))}
    scalars |= {f'output.acc_{key}': values for key, values in accuracies.items()}
    cfg = dict(model=dict(terms=terms(loss=dict(type='GANLoss', gan_type=gan_type))))
    return SimpleNamespace(scalars=scalars, cfg=cfg, seed=0)


@pytest.mark.parametrize(
    ('losses', 'options', 'state', 'said'),
    [
        ([0.5, 0.4, 0.45], {}, HEALTHY, 'tells the domains apart without having won (loss 0.450, 0.693 by chance)'),
        ([0.690, 0.694, 0.696], {}, UNHEALTHY, 'It learns nothing (loss 0.693'),
        ([0.001, 0.002], dict(source=1.0, target=1.0), UNHEALTHY, 'It has won (loss 0.002'),
        ([0.001, 0.002], dict(source=1.0, target=0.9), HEALTHY, 'source 1.00, target 0.90'),
        ([0.9, 1.1], dict(source=0.3, target=0.4), UNHEALTHY, 'The segmentor fools it (loss 1.000'),
        ([0.25, 0.25], dict(gan_type='lsgan'), UNHEALTHY, 'learns nothing (loss 0.250, 0.250 by chance)'),
        ([0.25, 0.25], dict(gan_type='hinge'), UNKNOWN, 'no rule'),
    ],
)
def test_verdicts(losses, options, state, said):
    register_all_modules()
    found = judged('method', run(losses, **options), 'output')
    assert found.state == state and said in found.verdict


def test_chance_follows_from_the_weight_of_the_term():
    register_all_modules()
    vanilla = dict(type='GANLoss', gan_type='vanilla')
    assert chance_of(terms(loss=vanilla), 'output') == pytest.approx(CHANCE)
    assert chance_of(terms(loss=vanilla, discriminator_weight=1.0), 'output') == pytest.approx(2 * CHANCE)
    assert chance_of(terms(loss=vanilla), 'another') is None
