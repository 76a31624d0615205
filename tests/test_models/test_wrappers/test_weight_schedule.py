"""Weights of losses that change along the run."""

import pytest
import torch
from mmengine.logging import MessageHub

from mmuda.models.wrappers import Stage
from mmuda.registry import MODELS
from mmuda.testing import differences
from mmuda.testing.toy import batch, plain_segmentor
from tests.helpers.compositions import OUTPUT
from tests.helpers.toy import KilledError, KillHook, build_runner, config, state_of

MODEL = dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=dict(output=OUTPUT))
SGD = dict(type='SGD', lr=0.01)
OPTIMIZERS = dict(
    segmentor=dict(params=['segmentor'], optimizer=SGD), discriminator=dict(params=['terms'], optimizer=SGD)
)


def test_a_schedule_is_linear_and_stays_at_its_ends():
    stage = Stage.from_cfg(dict(weights={'a': dict(start_factor=2.0, end_factor=0.5, begin=10, end=40), 'b': 3.0}))
    for iteration, factor in ((0, 2.0), (10, 2.0), (20, 1.5), (25, 1.25), (40, 0.5), (1000, 0.5)):
        assert stage.weight('a.segmentor', iteration) == pytest.approx(factor, rel=1e-12)
        assert stage.weight('b.segmentor', iteration) == 3.0
        assert stage.weight('c.segmentor', iteration) == 1.0
    # CLAN's damping, 1 - i / 100,000.
    damping = Stage.from_cfg(dict(weights=dict(a=dict(end=100_000))))
    for iteration in (0, 1, 777, 99_999):
        assert damping.weight('a.segmentor', iteration) == pytest.approx(1 - iteration / 100_000, rel=1e-12)
    # Built once more, as a resumed run does.
    assert Stage.from_cfg(damping) is damping


def test_a_weight_may_be_that_of_one_phase():
    stage = Stage.from_cfg(dict(weights={'output': 2.0, 'output.segmentor': 0.5, '*.discriminator': 3.0}))
    assert stage.weight('output.segmentor', 0) == 1.0
    assert stage.weight('output.discriminator', 0) == 6.0
    assert stage.weight('supervised.segmentor', 0) == 1.0


def test_losses_in_training_follow_the_schedule():
    model = MODELS.build(MODEL)
    weights = {'output.segmentor': dict(end=10), 'supervised': dict(start_factor=0.0, end_factor=1.0, end=4)}
    hub = MessageHub.get_current_instance()

    def losses(stage):
        model.set_stage(stage)
        context = model.build_context(model.data_preprocessor(batch()), names, torch.enable_grad)
        found = {}
        torch.manual_seed(0)
        for name in names:
            found.update(model.compute_losses(name, context))
        return found

    names = model.available_losses(model.stage)
    for iteration, adversarial, supervised in ((0, 1.0, 0.0), (3, 0.7, 0.75), (10, 0.0, 1.0)):
        hub.update_info('iter', iteration)
        plain, damped = losses(dict()), losses(dict(weights=weights))
        for key, value in plain.items():
            factor = {'output.loss_adversarial': adversarial}.get(key, 1.0)
            if key.startswith('supervised') and 'loss' in key:
                factor = supervised
            torch.testing.assert_close(damped[key], value * factor, rtol=1e-5, atol=1e-7, msg=key)
    hub.update_info('iter', 0)


def test_a_killed_run_resumes_with_the_weights_of_its_iteration(tmp_path):
    cfg = config(MODEL, [dict(name='all', iters=6, weights={'output.segmentor': dict(end=6)})], OPTIMIZERS)
    whole = build_runner(cfg, tmp_path / 'whole')
    whole.train()
    with pytest.raises(KilledError):
        build_runner(cfg, tmp_path / 'killed', (KillHook(4),), save_at=3).train()
    resumed = build_runner(cfg, tmp_path / 'killed', resume=True)
    resumed.train()
    assert differences(state_of(whole), state_of(resumed)) == []


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        (dict(output=dict(stop=9)), r"Stage 'a', weights of 'output', has unknown keys \['stop'\]; it may have"),
        (dict(output=dict()), r"Stage 'a', weights of 'output': begin=0, end=None; give end, an iteration of the run"),
        (dict(output=dict(begin=9, end=9)), "begin=9, end=9; give end, an iteration of the run after begin"),
        (dict(output='half'), "Stage 'a', weights of 'output': 'half' is neither a number nor a schedule"),
        ({'output.generatr': 2.0}, r"Stage 'a' names the terms \['output.generatr'\] in its weights"),
    ],
)  # fmt: skip
def test_what_is_no_weight_is_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(MODEL).set_stage(dict(name='a', weights=weights))


def test_a_misspelt_weight_is_refused_by_every_model():
    translation = MODELS.build(
        dict(type='ImageTranslation', generator=dict(type='ResNetGenerator', base_channels=2, blocks=1),
             discriminator=dict(type='ToyDiscriminator', in_channels=3))
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"names the terms \['cylce'\] in its weights"):
        translation.set_stage(dict(name='a', weights=dict(cylce=0.0)))
    translation.set_stage(dict(name='a', weights=dict(cycle=0.5, source=2.0)))
