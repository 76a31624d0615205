import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from mmuda.apis import prepare
from mmuda.models.discriminators import FCDiscriminator, PatchDiscriminator
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()


def num_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_paper():
    assert num_parameters(PatchDiscriminator()) == 2_764_737
    assert num_parameters(FCDiscriminator(2)) == 2_763_713
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


def test_fcans_discriminator_with_srda_nets_norm_layers():
    network = MODELS.build(dict(type='ASPPDiscriminator', in_channels=6, channels=4, norm_cfg=dict(type='BN'))).double()
    assert sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules()) == 5
    generator = torch.Generator().manual_seed(0)
    for norm in (*network.norms, network.judge_norm):
        norm.weight.data = torch.rand(norm.weight.shape, dtype=torch.float64, generator=generator) + 0.5
        norm.bias.data = torch.randn(norm.bias.shape, dtype=torch.float64, generator=generator)
    x = torch.randn(2, 6, 7, 5, dtype=torch.float64, generator=generator)

    def normed(y, norm):
        mean, variance = y.mean(dim=(0, 2, 3), keepdim=True), y.var(dim=(0, 2, 3), keepdim=True, unbiased=False)
        return (y - mean) / (variance + 1e-5).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]

    def convolved(y, layer, dilation=0):
        return F.conv2d(y, layer.weight, layer.bias, padding=dilation, dilation=max(dilation, 1))

    branches = zip(network.branches, network.norms, (0, 2, 3, 4), strict=True)
    views = [normed(convolved(x, branch, dilation), norm).clamp(min=0) for branch, norm, dilation in branches]
    pooled = convolved(x.mean(dim=(2, 3), keepdim=True), network.pooled).clamp(min=0)  # no norm: one value an image
    judged = convolved(torch.cat([*views, pooled.expand(2, 4, 7, 5)], dim=1), network.judge)
    expected = 1 / (1 + torch.exp(-normed(judged, network.judge_norm)))
    torch.testing.assert_close(network.train()(x), expected, rtol=1e-9, atol=1e-9)
    # Weights of the plain form keep their names.
    plain = MODELS.build(dict(type='ASPPDiscriminator', in_channels=6, channels=4))
    assert set(plain.state_dict()) < set(network.state_dict())


def test_the_config_of_srda_nets_fcan_has_its_discriminator_direction_and_rates():
    cfg = Config.fromfile(CONFIGS / 'fcan' / 'fcan_srda_code_pspnet-r101_mass2inria.py')
    with torch.device('meta'):
        model = MODELS.build(prepare(cfg).model)
    term = model.terms['feature']
    assert term.moved == ('source',) and isinstance(term.discriminator.judge_norm, torch.nn.BatchNorm2d)
    rates = [(w.optimizer.type, w.optimizer.lr, w.optimizer.weight_decay) for w in
             (cfg.optim_wrapper.segmentor, cfg.optim_wrapper.discriminator)]  # fmt: skip
    assert rates == [('Adam', 2e-4, 5e-4), ('Adam', 1e-4, 5e-4)]
    assert not cfg.optim_wrapper.segmentor.get('paramwise_cfg')  # one rate for backbone and head
