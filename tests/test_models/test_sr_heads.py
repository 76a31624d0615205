import pytest
import torch
import torch.nn.functional as F

from mmuda.models.sr_heads import SuperResolutionHead
from mmuda.registry import MODELS


def num_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_the_paper():
    head = SuperResolutionHead()
    assert [num_parameters(m) for m in (head.up1, head.up2, head.to_image)] == [590_080, 295_040, 31_107]
    assert num_parameters(head) == 590_080 + 295_040 + 31_107


def test_equals_a_plain_implementation():
    torch.manual_seed(0)
    head = SuperResolutionHead(base_channels=3).double()
    feature = torch.randn(2, 12, 5, 7, dtype=torch.float64)
    up1, up2 = head.forward_features(feature)
    image = head.forward_image(up2, (33, 47))
    weights = head.state_dict()
    expected1 = F.conv_transpose2d(feature, weights['up1.0.weight'], weights['up1.0.bias'], 2, 1, 1).relu()
    expected2 = F.conv_transpose2d(expected1, weights['up2.0.weight'], weights['up2.0.bias'], 2, 1, 1).relu()
    flat = F.conv2d(expected2, weights['to_image.weight'], weights['to_image.bias'], padding=4)
    expected = F.interpolate(flat, size=(33, 47), mode='bilinear', align_corners=True).tanh()
    assert (up1 - expected1).abs().max() <= 1e-9
    assert (up2 - expected2).abs().max() <= 1e-9
    assert (image - expected).abs().max() <= 1e-9
    assert torch.equal(head(feature, (33, 47)), image)


@pytest.mark.parametrize('size', [(380, 380), (57, 188), None])
def test_any_size_and_the_range(size):
    head = MODELS.build(dict(type='SuperResolutionHead', base_channels=2))
    with torch.no_grad():
        head.to_image.weight.mul_(100)
    image = head(10 * torch.randn(1, 8, 29, 57), size)
    assert image.shape == (1, 3, *(size or (116, 228)))
    assert image.min() >= -1 and image.max() <= 1
    assert image.min() < -0.9 and image.max() > 0.9
