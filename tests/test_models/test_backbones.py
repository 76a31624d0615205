import pytest
import torch
import torch.nn.functional as F

from mmuda.models.backbones import NoAdaptBackbone, ResidualASPP, VGGFeatures
from mmuda.models.backbones.residual_aspp import ResidualASPPBlock, ResidualBlock
from mmuda.models.decode_heads import ConvHead
from mmuda.registry import MODELS


def num_parameters(module):
    return sum(p.numel() for p in module.parameters())


def plain_residual_block(x, first, second):
    return x + F.conv2d(F.leaky_relu(F.conv2d(x, first, padding=1), 0.1), second, padding=1)


def plain_aspp(x, pyramids, merges):
    """x + b1 + b2 + b3, b_k = conv1x1(concat of dilations 1, 4, 8 of b_{k-1})."""
    maps = [x]
    for weights, merge in zip(pyramids, merges, strict=True):
        branches = [
            F.leaky_relu(F.conv2d(maps[-1], w, padding=d, dilation=d), 0.1)
            for w, d in zip(weights, (1, 4, 8), strict=True)
        ]
        maps.append(F.conv2d(torch.cat(branches, 1), merge))
    return sum(maps)


def plain_block(x, block):
    if isinstance(block, ResidualBlock):
        return plain_residual_block(x, block.conv1.weight, block.conv2.weight)
    if isinstance(block, ResidualASPPBlock):
        pyramids = [[branch[0].weight for branch in pyramid] for pyramid in block.pyramids]
        return plain_aspp(x, pyramids, [merge.weight for merge in block.merges])
    return F.max_pool2d(x, 3, 2, 1)


def plain_forward(x, backbone):
    for i in (0, 2, 4):
        x = F.leaky_relu(F.conv2d(x, backbone.stem[i].weight, padding=1), 0.1)
    x = F.max_pool2d(x, 3, 2, 1)
    for block in backbone.blocks:
        x = plain_block(x, block)
    return x


def test_parameters_of_the_paper():
    assert num_parameters(ResidualASPP()) == 15_705_792
    assert num_parameters(NoAdaptBackbone()) + num_parameters(ConvHead(256, 2)) == 15_747_266


@pytest.mark.parametrize('backbone_type', [ResidualASPP, NoAdaptBackbone])
def test_equals_a_plain_implementation(backbone_type):
    torch.manual_seed(0)
    backbone = backbone_type(base_channels=4).double()
    image = torch.randn(2, 3, 21, 34, dtype=torch.float64)
    expected = plain_forward(image, backbone)
    (feature,) = backbone(image)
    assert feature.dtype == torch.float64
    assert (feature - expected).abs().max() <= 1e-9


def test_order_of_the_blocks():
    kinds = [type(block).__name__ for block in ResidualASPP(base_channels=2).blocks]
    assert kinds == ['ResidualBlock', 'ResidualASPPBlock', 'ResidualBlock', 'ResidualASPPBlock', 'ResidualBlock']
    kinds = [type(block).__name__ for block in NoAdaptBackbone(base_channels=2).blocks]
    assert kinds == [
        'ResidualBlock',
        'ResidualASPPBlock',
        'MaxPool2d',
        'ResidualBlock',
        'ResidualASPPBlock',
        'ResidualBlock',
    ]


@pytest.mark.parametrize('height, width', [(114, 188), (57, 113), (1, 2)])
def test_sizes_that_do_not_divide(height, width):
    image = torch.rand(1, 3, height, width)
    (feature,) = ResidualASPP(base_channels=2)(image)
    halves = (height + 1) // 2, (width + 1) // 2
    assert feature.shape == (1, 8, *halves)
    (feature,) = NoAdaptBackbone(base_channels=2)(image)
    assert feature.shape == (1, 8, (halves[0] + 1) // 2, (halves[1] + 1) // 2)


def test_the_input_is_not_written_to():
    image = torch.randn(1, 3, 9, 9)
    before = image.clone()
    ResidualASPP(base_channels=2)(image)
    assert torch.equal(image, before)


def test_other_bands_and_a_wrong_count():
    backbone = MODELS.build(dict(type='ResidualASPP', in_channels=4, base_channels=2))
    assert backbone(torch.rand(1, 4, 8, 8))[0].shape == (1, 8, 4, 4)
    with pytest.raises(ValueError, match=r'\(1, 3, 8, 8\).*in_channels'):
        backbone(torch.rand(1, 3, 8, 8))


def test_channels_last_batches_keep_their_layout():
    """The layout that is fast on the CPU is the batch's to choose; values differ by rounding only."""
    torch.manual_seed(0)
    backbone = ResidualASPP(base_channels=4)
    image = torch.randn(2, 3, 21, 34)
    (feature,) = backbone(image.contiguous(memory_format=torch.channels_last))
    assert feature.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(feature, backbone(image)[0], rtol=0, atol=1e-4)


def test_init_cfg_is_followed():
    backbone = ResidualASPP(base_channels=2, init_cfg=dict(type='Constant', layer='Conv2d', val=0.5))
    backbone.init_weights()
    assert all((p == 0.5).all() for p in backbone.parameters())


def test_vgg_has_the_layout_of_torchvision():
    network = VGGFeatures()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    convolutions = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    widths = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    expected, before = {}, 3
    for index, width in zip(convolutions, widths, strict=True):
        expected[f'features.{index}.weight'] = (width, before, 3, 3)
        expected[f'features.{index}.bias'] = (width,)
        before = width
    assert shapes == expected
    assert num_parameters(network) == 14_714_688


def test_vgg_width_and_cut():
    image = torch.rand(2, 3, 33, 40)
    assert VGGFeatures(width=4, out_layer=9)(image).shape == (2, 8, 16, 20)
    assert VGGFeatures(width=4, out_layer=31)(image).shape == (2, 32, 1, 1)
    with pytest.raises(ValueError, match='out_layer=32'):
        VGGFeatures(width=4, out_layer=32)
    with pytest.raises(ValueError, match='31x40.*32'):
        VGGFeatures(width=4)(torch.rand(1, 3, 31, 40))


def test_vgg_random_weights_keep_the_scale():
    network = VGGFeatures(width=16, out_layer=30)
    network.init_he(seed=1)
    feature = network(torch.randn(1, 3, 64, 64))
    assert 0.1 < feature.square().mean() < 10
