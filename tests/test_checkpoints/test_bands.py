"""Weights for red, green and blue start networks for any number of bands."""

import numpy as np
import pytest
import torch

from mmuda.checkpoints.bands import kernels_for_bands, take_any_bands, values_for_bands
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules

# Each has its own way of loading: mmengine's, that of ResNet's `pretrained`, and its own code.
BACKBONES = dict(
    resnet=dict(type='ResNetV1c', depth=18, base_channels=8, norm_cfg=dict(type='BN')),
    caffe=dict(type='ResNet', depth=18, base_channels=8, norm_cfg=dict(type='BN'), style='caffe'),
    mobilenet_v2=dict(type='MobileNetV2', widen_factor=0.25, norm_cfg=dict(type='BN')),
    mobilenet_v3=dict(type='MobileNetV3', norm_cfg=dict(type='BN')),
    lite=dict(type='EfficientNetLite'),
    mit=dict(type='MixVisionTransformer', embed_dims=8, num_layers=[1] * 4, num_heads=[1] * 4),
    swin=dict(type='SwinTransformer', embed_dims=12, depths=[1] * 4, num_heads=[1] * 4),
    vit=dict(type='VisionTransformer', img_size=64, embed_dims=12, num_layers=1, num_heads=1),
)


@pytest.fixture(scope='module', autouse=True)
def _registered():
    register_all_modules()


def test_kernels_by_hand():
    kernels = np.random.default_rng(0).normal(size=(5, 3, 2, 2))
    found = kernels_for_bands(torch.from_numpy(kernels), 5).numpy()
    assert np.array_equal(found[:, :3], kernels)
    mean = (kernels[:, 0] + kernels[:, 1] + kernels[:, 2]) / 3
    assert np.allclose(found[:, 3], mean) and np.allclose(found[:, 4], mean)
    assert np.allclose(kernels_for_bands(torch.from_numpy(kernels), 1).numpy()[:, 0], 3 * mean)
    two = kernels_for_bands(torch.from_numpy(kernels), 2).numpy()
    assert np.allclose(two[:, 0], 1.5 * mean) and np.allclose(two[:, 1], 1.5 * mean)


def test_statistics_by_hand():
    assert values_for_bands((10, 20, 60), 5) == [10, 20, 60, 30, 30]
    assert values_for_bands((10, 20, 60), 1) == [30]


def first_convolution(model):
    return next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d))


def pair(cfg, bands, tmp_path, **init):
    """A trained network of three bands, and one of other bands that starts from its weights."""
    torch.manual_seed(0)
    given = MODELS.build(dict(cfg, init_cfg=None))
    given.init_weights()
    with torch.no_grad():
        for parameter in given.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    torch.save(given.state_dict(), tmp_path / 'rgb.pth')
    init = init or dict(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'rgb.pth')))
    model = MODELS.build(dict(cfg, in_channels=bands, **init))
    take_any_bands(model)
    model.init_weights()
    given.eval()  # of mmseg's networks it returns nothing
    model.eval()
    return given, model


def outputs(model, image):
    with torch.no_grad():
        found = model(image)
    return found if isinstance(found, tuple | list) else [found]


@pytest.mark.parametrize('bands', [1, 2, 4, 10])
@pytest.mark.parametrize('name', BACKBONES)
def test_features_equal_those_of_red_green_and_blue(name, bands, tmp_path):
    """Of a grey image with one or two bands; else of any image whose further bands have their mean, which is 0."""
    given, model = pair(BACKBONES[name], bands, tmp_path)
    image = torch.randn(1, 3, 64, 64)
    if bands < 3:
        image = image[:, :1].repeat(1, 3, 1, 1)
        other = image[:, :bands]
    else:
        other = torch.cat([image, torch.zeros(1, bands - 3, 64, 64)], dim=1)
    for expected, found in zip(outputs(given, image), outputs(model, other), strict=True):
        assert expected.abs().max() > 1e-3
        assert torch.allclose(expected, found, atol=1e-4 * float(expected.abs().max()))
    # Every other weight is the file's.
    state, first = given.state_dict(), first_convolution(model).weight
    assert first.shape[1] == bands
    assert sum(value.shape != state[key].shape for key, value in model.state_dict().items()) == 1


@pytest.mark.parametrize('name', ['resnet', 'swin'])
def test_a_constant_further_band_adds_the_mean_kernel(name, tmp_path):
    given, model = pair(BACKBONES[name], 4, tmp_path)
    conv, own = first_convolution(given), first_convolution(model)
    image = torch.full((1, 4, 16, 16), 0.0)
    image[:, 3] = 0.7
    grey = torch.full((1, 3, 16, 16), 0.7 / 3)
    with torch.no_grad():
        assert torch.allclose(own(image), conv(grey), atol=1e-5)


def test_the_log_says_so_in_one_line(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmuda.checkpoints.bands.print_log', lambda line, logger: said.append(line))
    pair(BACKBONES['resnet'], 4, tmp_path)
    assert said == [
        'stem.0.weight: kernels of red, green and blue are fitted to 4 bands: the first three keep theirs, and further '
        'ones get the mean'
    ]


def test_three_bands_are_loaded_as_they_are(tmp_path):
    given, model = pair(BACKBONES['mobilenet_v2'], 3, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(given.state_dict().values(), model.state_dict().values(), strict=True))


def test_other_misfits_are_still_refused(tmp_path):
    torch.save(MODELS.build(dict(type='EfficientNetLite', in_channels=5)).state_dict(), tmp_path / 'five.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'five.pth'))
    model = MODELS.build(dict(type='EfficientNetLite', in_channels=4, init_cfg=init))
    take_any_bands(model)
    with pytest.raises(UserError, match=r'conv1.conv.weight \(checkpoint \(32, 5, 3, 3\), model \(32, 4, 3, 3\)\)'):
        model.init_weights()
