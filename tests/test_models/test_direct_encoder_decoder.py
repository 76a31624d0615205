"""Logits resized once, straight to the grid of the label, as the released street-scene tests do."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config, ConfigDict
from mmseg.structures import SegDataSample

from mmuda.models.adapters import EncoderDecoderAdapter
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
SIZE, FULL = (32, 48), (64, 96)


def build(kind='DirectEncoderDecoder', mode=None):
    torch.manual_seed(0)
    network = MODELS.build(
        dict(
            type=kind,
            backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(2,), dilations=(1,), out_indices=(0,),
                          base_channels=4),
            decode_head=dict(type='DeepLabV2Head', in_channels=4, num_classes=5, dilations=(1,),
                             init_cfg=dict(type='Normal', layer='Conv2d', std=0.3)),
            test_cfg=ConfigDict(mode or dict(mode='whole')),
        )
    )  # fmt: skip
    network.init_weights()
    return network.double().eval()


def samples(count=2, **meta):
    return [SegDataSample(metainfo=dict(ori_shape=FULL, img_shape=SIZE, **meta)) for _ in range(count)]


def released(network, images, size=FULL):
    """Class maps of logits that are resized once."""
    logits = network.decode_head(network.extract_feat(images))
    return F.interpolate(logits, size=size, mode='bilinear', align_corners=True)


@torch.no_grad()
def test_logits_go_straight_to_the_grid_of_the_sample():
    network = build()
    images = torch.randn(2, 3, *SIZE, dtype=torch.float64)
    expected = released(network, images)
    twice = build('EncoderDecoder')
    twice.load_state_dict(network.state_dict())
    found, usual = (x.predict(images, samples()) for x in (network, twice))
    for i in range(2):
        torch.testing.assert_close(found[i].seg_logits.data, expected[i], rtol=1e-12, atol=1e-12)
        assert torch.equal(found[i].pred_sem_seg.data, expected[i].argmax(dim=0, keepdim=True))
    differ = [a.pred_sem_seg.data != b.pred_sem_seg.data for a, b in zip(found, usual, strict=True)]
    assert 0 < torch.stack(differ).float().mean() < 0.05


@torch.no_grad()
def test_flips_other_sizes_and_no_sample():
    network = build()
    images = torch.randn(2, 3, *SIZE, dtype=torch.float64)
    data = samples()
    data[0].set_metainfo(dict(flip=True, flip_direction='horizontal'))
    data[1].set_metainfo(dict(ori_shape=(50, 70)))
    first, second = network.predict(images, data)
    torch.testing.assert_close(first.seg_logits.data, released(network, images.flip(-1).flip(-1))[0].flip(-1))
    torch.testing.assert_close(second.seg_logits.data, released(network, images, (50, 70))[1])
    alone = network.predict(images)
    torch.testing.assert_close(alone[1].seg_logits.data, released(network, images, SIZE)[1])


@torch.no_grad()
@pytest.mark.parametrize(
    ('mode', 'meta'),
    [(dict(mode='slide', crop_size=(32, 32), stride=(16, 16)), {}), (None, dict(img_padding_size=(0, 8, 0, 4)))],
)
def test_windows_and_padding_are_mmsegs(mode, meta):
    """They are put together, or cut, on the grid of the input."""
    network, usual = build(mode=mode), build('EncoderDecoder', mode=mode)
    usual.load_state_dict(network.state_dict())
    images = torch.randn(1, 3, *SIZE, dtype=torch.float64)
    found, expected = (x.predict(images, samples(1, **copy.deepcopy(meta)))[0] for x in (network, usual))
    torch.testing.assert_close(found.seg_logits.data, expected.seg_logits.data)


def test_the_configs_of_the_deeplab_v2_family_test_so():
    paths = sorted(CONFIGS.glob('*/*deeplabv2-r101_*2cityscapes.py'))
    assert len(paths) > 10
    for path in paths:
        assert Config.fromfile(path).model.segmentor.type == 'DirectEncoderDecoder', path
    assert EncoderDecoderAdapter.handles(build())
