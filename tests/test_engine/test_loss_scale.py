"""Float16's loss scale, with torch's scaler on the CPU in place of the GPU's: the arithmetic is the same."""

import functools

import pytest
import torch
from mmengine.optim.optimizer import amp_optimizer_wrapper

from mmuda.engine import SyncAmpOptimWrapper
from mmuda.models.wrappers.checks import join
from mmuda.models.wrappers.plan import Step
from mmuda.models.wrappers.update import update_params

SCALE = 2.0**10


@pytest.fixture
def wrapper_of(monkeypatch):
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available', lambda: True)
    monkeypatch.setattr(amp_optimizer_wrapper, 'GradScaler', functools.partial(torch.amp.GradScaler, 'cpu'))

    def wrapper_of(*parameters, **options):
        loss_scale = dict(init_scale=SCALE, growth_interval=2)
        wrapper = SyncAmpOptimWrapper(
            optimizer=torch.optim.SGD(parameters, lr=1.0), loss_scale=loss_scale, dtype='float16', **options
        )
        wrapper.set_networks('segmentor', dict(segmentor=list(parameters)))
        return wrapper

    return wrapper_of


def parameter(*values):
    return torch.nn.Parameter(torch.tensor(values))


def test_the_scale_does_not_change_the_step_nor_the_clipping(wrapper_of):
    weight = parameter(0.0, 0.0)
    wrapper = wrapper_of(weight, clip_grad=dict(max_norm=1.0))
    update_params([wrapper], (weight * torch.tensor([3.0, 4.0])).sum())
    torch.testing.assert_close(weight.data, torch.tensor([-0.6, -0.8]))
    assert wrapper.message_hub.get_scalar('train/segmentor.segmentor.grad_norm').current() == pytest.approx(5.0)


def test_an_overflow_skips_the_step_and_halves_the_scale(wrapper_of):
    weight = parameter(0.0)
    wrapper = wrapper_of(weight)
    update_params([wrapper], (weight * float('inf')).sum())
    assert weight.item() == 0 and wrapper.loss_scaler.get_scale() == SCALE / 2
    for _ in range(2):
        update_params([wrapper], weight.sum())
    assert weight.item() == -2 and wrapper.loss_scaler.get_scale() == SCALE


def test_a_scale_that_has_collapsed_stops_the_run(wrapper_of):
    weight = parameter(0.0)
    wrapper = wrapper_of(weight)
    with pytest.raises(FloatingPointError, match='the gradient of segmentor is not finite at any loss scale'):
        for _ in range(30):
            update_params([wrapper], (weight * float('nan')).sum())


def test_a_fixed_scale_does_not_skip_for_ever(wrapper_of):
    weight = parameter(0.0)
    wrapper = wrapper_of(weight)
    wrapper._scale_update_param = SCALE
    with pytest.raises(FloatingPointError, match='is not finite at any loss scale'):
        for _ in range(101):
            update_params([wrapper], (weight * float('nan')).sum())


def test_a_scaler_is_shared_by_all_that_are_joined(wrapper_of):
    a, b, c = (wrapper_of(parameter(0.0)) for _ in range(3))
    c.share_loss_scaler(b)
    b.share_loss_scaler(a)
    assert a.loss_scaler is b.loss_scaler is c.loss_scaler
    waiting = [wrapper_of(parameter(0.0), accumulative_counts=2) for _ in range(2)]
    with pytest.raises(ValueError, match='accumulative_counts=1 .the scale may '):
        join(Step(name='all', losses=('*',), optimizers=('a', 'b')), waiting)


def test_optimisers_of_one_backward_share_a_scaler_that_is_adjusted_once(wrapper_of):
    first, second = parameter(0.0), parameter(0.0)
    wrappers = [wrapper_of(first), wrapper_of(second)]
    join(Step(name='all', losses=('*',), optimizers=('segmentor', 'discriminator')), wrappers)
    assert wrappers[0].loss_scaler is wrappers[1].loss_scaler
    for _ in range(2):  # the scale grows after two good steps, not after one
        update_params(wrappers, (first + 2 * second).sum())
    assert (first.item(), second.item()) == (-2.0, -4.0)
    assert wrappers[0].loss_scaler.get_scale() == 2 * SCALE
    update_params(wrappers, (first * float('inf') + second).sum())
    assert (first.item(), second.item()) == (-2.0, -5.0) and wrappers[0].loss_scaler.get_scale() == SCALE


def test_an_optimiser_without_gradients_is_left_alone(wrapper_of):
    used, unused = parameter(0.0), parameter(0.0)
    wrappers = [wrapper_of(used), wrapper_of(unused)]
    join(Step(name='all', losses=('*',), optimizers=('a', 'b')), wrappers)
    update_params(wrappers, used.sum())
    assert (used.item(), unused.item()) == (-1.0, 0.0)


def test_accumulated_gradients_keep_their_scale_over_a_resume(wrapper_of):
    whole, weight = parameter(0.0), parameter(0.0)
    one = wrapper_of(whole, accumulative_counts=2)
    for factor in (1.0, 3.0):
        update_params([one], factor * whole.sum())
    first = wrapper_of(weight, accumulative_counts=2)
    update_params([first], weight.sum())
    first.gather_gradients()
    state = first.state_dict()
    weight.grad = None
    resumed = wrapper_of(weight, accumulative_counts=2)
    resumed.load_state_dict(state)
    resumed.initialize_count_status(torch.nn.Identity(), 1, 2)
    update_params([resumed], 3.0 * weight.sum())
    assert weight.item() == whole.item() == -2.0
