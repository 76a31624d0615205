"""The head of DAFormer against the released one, written in plain torch."""

import pytest
import torch
import torch.nn.functional as F

from mmuda.registry import MODELS

WIDTHS, SIZES = (3, 5, 7, 9), ((24, 20), (12, 10), (6, 5), (3, 3))
DILATIONS = (1, 6, 12, 18)


def build(**options):
    torch.manual_seed(0)
    cfg = dict(type='DAFormerHead', in_channels=WIDTHS, channels=8, embed_channels=6, num_classes=4, **options)
    head = MODELS.build(dict(norm_cfg=dict(type='BN'), align_corners=False, **cfg)).double()
    for module in head.modules():  # so that evaluation has statistics to normalise by
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    return head


def features():
    torch.manual_seed(1)
    return [torch.randn(2, c, *size, dtype=torch.float64) for c, size in zip(WIDTHS, SIZES, strict=True)]


def norm_relu(x, w, name, training):
    if training:
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
    else:
        mean, var = (w[f'{name}.running_{key}'].view(1, -1, 1, 1) for key in ('mean', 'var'))
    scale, shift = (w[f'{name}.{key}'].view(1, -1, 1, 1) for key in ('weight', 'bias'))
    return (((x - mean) / (var + 1e-5).sqrt()) * scale + shift).clamp_min(0)


def conv(x, w, name, training, **options):
    return norm_relu(F.conv2d(x, w[f'{name}.conv.weight'], **options), w, f'{name}.bn', training)


def embedded(inputs, w):
    """A linear layer per pixel, then bilinear resizing to the finest grid."""
    maps = []
    for i, x in enumerate(inputs):
        n, c, height, width = x.shape
        weight, bias = w[f'embeddings.{i}.weight'][:, :, 0, 0], w[f'embeddings.{i}.bias']
        x = F.linear(x.flatten(2).transpose(1, 2), weight, bias).transpose(1, 2).reshape(n, -1, height, width)
        maps.append(F.interpolate(x, size=SIZES[0], mode='bilinear', align_corners=False))
    return torch.cat(maps, dim=1)


def released(inputs, w, training):
    x = embedded(inputs, w)
    branches = [conv(x, w, 'aspp_modules.0', training)]
    for i, d in enumerate(DILATIONS[1:], 1):
        deep = conv(x, w, f'aspp_modules.{i}.depthwise_conv', training, padding=d, dilation=d, groups=x.shape[1])
        branches.append(conv(deep, w, f'aspp_modules.{i}.pointwise_conv', training))
    x = conv(torch.cat(branches, dim=1), w, 'bottleneck', training, padding=1)
    return F.conv2d(x, w['conv_seg.weight'], w['conv_seg.bias'])


@pytest.mark.parametrize('training', [True, False])
def test_it_equals_the_released_head(training):
    head = build(dilations=DILATIONS, dropout_ratio=0).train(training)
    expected = released(features(), head.state_dict(), training)
    assert head(features()).shape == (2, 4, *SIZES[0])
    torch.testing.assert_close(head(features()), expected, rtol=1e-10, atol=1e-10)


def test_without_dilations_it_is_the_scale_attention_of_hrda():
    head = build(dilations=None, dropout_ratio=0).eval()
    w = head.state_dict()
    assert not [name for name in w if name.startswith('aspp')]
    x = conv(embedded(features(), w), w, 'bottleneck', training=False)
    expected = F.conv2d(x, w['conv_seg.weight'], w['conv_seg.bias'])
    torch.testing.assert_close(head(features()), expected, rtol=1e-10, atol=1e-10)


def test_feature_maps_are_chosen_by_index():
    head = MODELS.build(dict(type='DAFormerHead', in_channels=(5, 9), in_index=(1, 3), num_classes=2, out_channels=2,
                             channels=4, embed_channels=3, dilations=None)).double()  # fmt: skip
    assert head(features()).shape == (2, 2, *SIZES[1])
