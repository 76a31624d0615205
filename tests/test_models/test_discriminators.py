import pytest
import torch
import torch.nn.functional as F

from mmuda.models.discriminators import FCDiscriminator, PatchDiscriminator
from mmuda.registry import MODELS


def num_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_paper():
    assert num_parameters(PatchDiscriminator()) == 2_764_737
    assert num_parameters(FCDiscriminator()) == 2_763_713
    assert num_parameters(FCDiscriminator(6)) == 2_767_809


def test_patch_equals_a_plain_implementation():
    torch.manual_seed(0)
    network = PatchDiscriminator(base_channels=2).double()
    image = torch.randn(2, 3, 48, 61, dtype=torch.float64)
    p = list(network.parameters())
    x = F.leaky_relu(F.conv2d(image, p[0], p[1], stride=2, padding=1), 0.2)
    for i, stride in ((2, 2), (4, 2), (6, 1)):
        x = F.conv2d(x, p[i], p[i + 1], stride=stride, padding=1)
        mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)
        x = F.leaky_relu((x - mean) / (var + 1e-5).sqrt(), 0.2)
    expected = F.conv2d(x, p[8], p[9], padding=1)
    assert (network(image) - expected).abs().max() <= 1e-9


def test_fc_equals_a_plain_implementation():
    torch.manual_seed(0)
    network = FCDiscriminator(6, base_channels=2).double()
    prob = torch.randn(2, 6, 57, 64, dtype=torch.float64).softmax(1)
    p = list(network.parameters())
    x = prob
    for i in range(0, 8, 2):
        x = F.leaky_relu(F.conv2d(x, p[i], p[i + 1], stride=2, padding=1), 0.2)
    expected = F.conv2d(x, p[8], p[9], stride=2, padding=1)
    assert (network(prob) - expected).abs().max() <= 1e-9


@pytest.mark.parametrize('name, channels, smallest', [('PatchDiscriminator', 3, 24), ('FCDiscriminator', 2, 32)])
def test_smallest_input(name, channels, smallest):
    network = MODELS.build(dict(type=name, in_channels=channels, base_channels=2))
    assert network(torch.rand(1, channels, smallest, smallest)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match=f'{smallest - 1}x64.*{smallest}x{smallest}'):
        network(torch.rand(1, channels, smallest - 1, 64))
    with pytest.raises(ValueError, match='in_channels'):
        network(torch.rand(1, channels + 1, 64, 64))


def test_init_cfg_is_followed():
    network = PatchDiscriminator(base_channels=8, init_cfg=dict(type='Normal', layer='Conv2d', std=0.02))
    network.init_weights()
    assert abs(network.layers[8].weight.std() - 0.02) < 0.002
    assert (network.layers[8].bias == 0).all()
