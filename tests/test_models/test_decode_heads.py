import warnings

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.decode_heads import ConvHead, PyramidFusionHead
from mmuda.registry import MODELS


def num_parameters(module):
    return sum(p.numel() for p in module.parameters())


def samples_with(label):
    return [SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in label]


def test_parameters_of_the_paper():
    head = PyramidFusionHead(num_classes=2)
    assert [num_parameters(m) for m in (head.fuse1, head.fuse2)] == [589_952, 147_520]
    for num_classes in (2, 6):
        head = PyramidFusionHead(num_classes=num_classes)
        assert num_parameters(head) == 589_952 + 147_520 + 5_185 * num_classes
    assert num_parameters(ConvHead(256, 2)) == 256 * 81 * 2 + 2


def test_fusion_equals_a_plain_implementation():
    torch.manual_seed(0)
    head = PyramidFusionHead(num_classes=3, base_channels=2).double()
    feature, up1, up2 = (torch.randn(2, c, s, s + 1, dtype=torch.float64) for c, s in ((8, 5), (8, 10), (4, 20)))
    w = head.state_dict()
    resized = F.interpolate(feature, size=up1.shape[2:], mode='bilinear', align_corners=True)
    mixed = F.conv2d(torch.cat([resized, up1], 1), w['fuse1.weight'], w['fuse1.bias'], padding=1)
    resized = F.interpolate(mixed, size=up2.shape[2:], mode='bilinear', align_corners=True)
    mixed = F.conv2d(torch.cat([resized, up2], 1), w['fuse2.weight'], w['fuse2.bias'], padding=1)
    expected = F.conv2d(mixed, w['conv_seg.weight'], w['conv_seg.bias'], padding=4)
    assert (head((feature, up1, up2)) - expected).abs().max() <= 1e-9


def test_conv_head_is_one_convolution():
    torch.manual_seed(0)
    head = MODELS.build(dict(type='ConvHead', in_channels=4, num_classes=2, kernel_size=5)).double()
    assert set(head.state_dict()) == {'conv_seg.weight', 'conv_seg.bias'}
    feature = torch.randn(1, 4, 7, 9, dtype=torch.float64)
    expected = F.conv2d(feature, head.conv_seg.weight, head.conv_seg.bias, padding=2)
    assert (head((feature,)) - expected).abs().max() <= 1e-9
    with pytest.raises(ValueError, match='kernel_size=4'):
        ConvHead(4, 2, kernel_size=4)


def test_cross_entropy_is_that_of_the_paper():
    """Logits are resized (bilinear, corners aligned) to the finer label; ignored pixels give nothing."""
    torch.manual_seed(0)
    head = PyramidFusionHead(
        num_classes=3, base_channels=2, loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)
    ).double()
    logits = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    label = torch.randint(0, 3, (2, 19, 13))
    label[0, :4] = 255
    loss = head.loss_by_feat(logits, samples_with(label))['loss_ce']
    log_prob = F.interpolate(logits, size=(19, 13), mode='bilinear', align_corners=True).log_softmax(1)
    valid = label != 255
    picked = log_prob.gather(1, label.clamp(max=2)[:, None])[:, 0][valid]
    assert abs(loss + picked.mean()) <= 1e-9


def test_no_advice_on_two_classes_and_single_channel():
    with warnings.catch_warnings():
        warnings.filterwarnings('error', message='For binary')
        assert PyramidFusionHead(num_classes=2, base_channels=2).out_channels == 2
        assert ConvHead(4, 2).out_channels == 2
    assert ConvHead(4, 2, out_channels=1, threshold=0.4).conv_seg.out_channels == 1
