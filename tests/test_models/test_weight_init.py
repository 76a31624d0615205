"""How networks start: the released code's initialisations."""

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from mmuda.apis import load_config, prepare
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError


class Pair(BaseModule):
    def __init__(self, init_cfg):
        super().__init__(init_cfg)
        self.conv = nn.Conv2d(8, 16, 3)
        self.up = nn.ConvTranspose2d(8, 8, 3)


def test_kaiming_weights_leaves_biases_and_other_layers_alone():
    start = Pair(None).state_dict()
    module = Pair(dict(type='KaimingWeights', layer='Conv2d', mode='fan_out', nonlinearity='relu'))
    module.load_state_dict(start)
    torch.manual_seed(3)
    module.init_weights()
    assert torch.equal(module.conv.bias, start['conv.bias']) and module.conv.bias.abs().max() > 0
    assert torch.equal(module.up.weight, start['up.weight']) and torch.equal(module.up.bias, start['up.bias'])
    torch.manual_seed(3)
    by_hand = nn.init.kaiming_normal_(torch.empty(16, 8, 3, 3), mode='fan_out', nonlinearity='relu')
    assert torch.equal(module.conv.weight, by_hand)


def test_a_bias_given_to_kaiming_weights_is_refused():
    with pytest.raises(UserError, match='remove bias'):
        Pair(dict(type='KaimingWeights', layer='Conv2d', bias=0.0)).init_weights()


def test_the_pixel_discriminator_starts_as_the_released_code():
    torch.manual_seed(0)
    discriminator = MODELS.build(dict(type='PatchDiscriminator'))
    discriminator.init_weights()
    convs = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 5 and not any(conv.bias.any() for conv in convs)
    weights = torch.cat([conv.weight.detach().flatten() for conv in convs])
    assert abs(weights.mean()) < 1e-4 and weights.std() == pytest.approx(0.02, rel=0.01)


def narrowed(segmentor):
    """The config of a segmentor at an eighth of its width."""
    for part in ('backbone', 'sr_head', 'decode_head'):
        if 'base_channels' in segmentor.get(part, {}):
            segmentor[part].base_channels = 8
    if segmentor.decode_head.type == 'ConvHead':
        segmentor.decode_head.in_channels = 32
    return segmentor


@pytest.mark.parametrize('name', ['srda_code', 'srda', 'noadapt_code', 'noadapt'])
def test_biases_of_srda_net_keep_pytorchs_initialisation(name):
    """U(-k, k) with k = fan_in^-0.5; weights are Kaiming's by fan-out."""
    torch.manual_seed(0)
    segmentor = MODELS.build(
        narrowed(prepare(load_config(f'configs/srda/{name}_resaspp_mass2inria.py')).model.segmentor)
    )
    segmentor.init_weights()
    biases = 0
    for module in segmentor.modules():
        if type(module) is not nn.Conv2d or module.weight.numel() < 500:
            continue
        fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
        assert module.weight.detach().std() == pytest.approx((2 / fan_out) ** 0.5, rel=0.15)
        if module.bias is not None:
            bound = module.weight[0].numel() ** -0.5
            assert 0.05 * bound < module.bias.abs().max() <= bound
            biases += 1
    assert biases
