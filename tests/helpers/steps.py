"""An optimisation step of a model, and its comparison with the same step written out by hand in float64."""

import torch

# mmseg's cross entropy divides by the number of pixels plus 1.2e-7, some 1e-10 of it in these tests.
TOLERANCE = 1e-9


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
    """Largest absolute error over the largest entry; no looser than over max(1, largest entry).

    The floor is for gradients that are zero but for rounding.
    """
    assert found.dtype == expected.dtype == torch.float64 and found.shape == expected.shape
    return ((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6)).item()


def assert_same(found, expected, what):
    """Refuse tensors by name that differ by more than the tolerance."""
    assert found.keys() == expected.keys(), f'{what}: only on one side {sorted(found.keys() ^ expected.keys())}'
    errors = {name: error(found[name], expected[name]) for name in expected}
    wrong = {name: value for name, value in errors.items() if not value <= TOLERANCE}
    assert not wrong, f'{what}: {wrong}'
