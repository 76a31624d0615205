"""Depthwise convolutions train as torch's do, without its slow or wrong gradients on a CPU."""

import copy
import pickle

import pytest
import torch
from torch import nn

from mmuda.models.backbones.efficientnet_lite import AnchoredConv2d
from mmuda.models.depthwise import is_depthwise, use_fast_depthwise, use_native_depthwise
from tests.helpers.operations import Operations

# kernel, stride, padding, dilation, height, width
SHAPES = [
    (3, 1, 1, 1, 9, 11),
    (5, 1, 2, 1, 9, 12),
    (5, 2, 0, 1, 12, 11),
    (5, 2, 2, 1, 12, 11),
    (3, 1, 2, 2, 8, 8),
    (5, 1, 4, 2, 8, 9),
    (5, 1, 10, 2, 8, 9),
    (3, 1, 6, 6, 8, 8),
    (3, 2, 2, 2, 9, 12),
    ((3, 5), (1, 2), (2, 1), (2, 1), 10, 13),
    (1, 1, 0, 1, 5, 5),
]


def pair(kernel, stride, padding, dilation, dtype=torch.float64, kind=nn.Conv2d):
    torch.manual_seed(0)
    native = kind(6, 6, kernel, stride, padding, dilation, groups=6).to(dtype)
    ours = copy.deepcopy(native)
    assert use_fast_depthwise(ours) == 1
    return native, ours


def gradients(conv, image, upstream=None):
    image = image.clone().requires_grad_()
    out = conv(image)
    upstream = torch.ones_like(out) if upstream is None else upstream.to(out.dtype)
    out.backward(upstream)
    return [out.detach(), image.grad, conv.weight.grad, conv.bias.grad]


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last], ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_gradients_are_torchs(shape, layout):
    *conv, height, width = shape
    native, ours = pair(*conv)
    image = torch.randn(3, 6, height, width, dtype=torch.float64).contiguous(memory_format=layout)
    upstream = torch.randn_like(native(image))
    for theirs, mine in zip(gradients(native, image, upstream), gradients(ours, image, upstream), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def test_the_anchored_convolution_of_efficientnet_too():
    native, ours = pair(5, 2, 0, 1, kind=AnchoredConv2d)
    image = torch.randn(2, 6, 17, 16, dtype=torch.float64)
    for theirs, mine in zip(gradients(native, image), gradients(ours, image), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)
    with Operations() as operations:
        gradients(ours, image)
    # Of the gradients only that of the input has a fast kernel in torch.
    assert operations.counts['convolution_backward'] == 1 and operations.counts['convolution'] == 2


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last], ids=['NCHW', 'NHWC'])
@pytest.mark.parametrize('shape', [(3, 1, 2, 2), (5, 1, 4, 2), (3, 1, 4, 4), (3, 1, 12, 12), (5, 2, 2, 1)], ids=str)
def test_bfloat16_is_right_in_nhwc(shape, layout):
    """torch 2.13 is off by more than the largest gradient here where it is dilated; ``layout`` is the weights'."""
    native, ours = pair(*shape, dtype=torch.float32)
    ours.to(memory_format=layout)
    torch.manual_seed(1)
    image = torch.randn(1, 6, 32, 32).contiguous(memory_format=torch.channels_last)
    upstream = torch.randn_like(native(image)).contiguous(memory_format=torch.channels_last)
    exact = gradients(native, image, upstream)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = gradients(ours, image, upstream)
    assert low[0].dtype == torch.bfloat16 and low[2].dtype == torch.float32
    for theirs, mine in zip(exact, low, strict=True):
        assert (mine.float() - theirs).abs().max() < 0.02 * theirs.abs().max()


def test_a_gradient_of_the_gradient():
    _, ours = pair(3, 1, 2, 2)
    image = torch.randn(1, 6, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: ours(x), image)


def test_which_gradients_run_as_forward_passes():
    counts = {}
    for name, conv in dict(dilated=(5, 1, 4, 2), wide=(5, 1, 2, 1), plain=(3, 1, 1, 1)).items():
        _, ours = pair(*conv, dtype=torch.float32)
        with Operations() as operations:
            gradients(ours, torch.randn(2, 6, 16, 16))
        counts[name] = operations.counts['convolution'], operations.counts['convolution_backward']
    assert counts == dict(dilated=(3, 0), wide=(2, 1), plain=(1, 2))


def test_only_what_requires_gradients_is_computed():
    _, ours = pair(5, 1, 4, 2, dtype=torch.float32)
    image = torch.randn(2, 6, 16, 16)
    with Operations() as frozen_input:
        ours(image).sum().backward()
    ours.requires_grad_(False)
    with Operations() as frozen_weights:
        ours(image.clone().requires_grad_()).sum().backward()
    with Operations() as frozen:
        assert not ours(image).requires_grad
    assert [o.counts['convolution'] for o in (frozen_input, frozen_weights, frozen)] == [2, 2, 1]


def test_an_empty_batch_and_large_maps(monkeypatch):
    native, ours = pair(5, 1, 4, 2)
    for theirs, mine in zip(
        *(gradients(conv, torch.zeros(0, 6, 8, 8).double()) for conv in (native, ours)), strict=True
    ):
        torch.testing.assert_close(mine, theirs)
    monkeypatch.setattr('mmuda.models.depthwise.LARGEST_KERNEL', 60)
    with Operations() as operations:
        gradients(ours, torch.randn(2, 6, 8, 8, dtype=torch.float64))
    assert operations.counts['convolution_backward'] == 1  # the gradient of the weights is torch's again


def test_names_copies_and_the_way_back():
    model = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(4, 4, 3), nn.ReLU())
    names = list(model.state_dict())
    assert [is_depthwise(module) for module in model] == [True, False, False, False]
    assert use_fast_depthwise(model) == 1 and use_fast_depthwise(model) == 1
    assert list(model.state_dict()) == names and repr(model[0]).startswith('Conv2d(4, 4')
    again = copy.deepcopy(model)
    assert type(again[0]) is type(model[0]) is not nn.Conv2d
    loaded = pickle.loads(pickle.dumps(model))
    assert type(loaded[0]) is type(model[0]) and torch.equal(loaded[0].weight, model[0].weight)
    use_native_depthwise(again)
    assert type(again[0]) is nn.Conv2d
    spectral = nn.utils.parametrizations.spectral_norm(copy.deepcopy(model[0]))
    use_native_depthwise(spectral)  # leaves a class that torch has put in front
    assert spectral(torch.ones(1, 4, 5, 5)).shape == (1, 4, 3, 3)
