"""Checkpoints of the authors' code, written here by plain networks with that code's names."""

import re
import runpy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmuda.checkpoints.official.srda import NAMES, convert
from mmuda.models import backbones, decode_heads, discriminators, segmentors, sr_heads  # noqa: F401  (registers)
from mmuda.registry import MODELS
from tests.helpers import ROOT

BASE = 2
CLASSES = 3
TOOL = ROOT / 'tools' / 'model_converters' / 'srda_official.py'
KINDS = ('generator', 'pixel_discriminator', 'fc_discriminator')


class OfficialASPP(nn.Module):
    def __init__(self, c):
        super().__init__()
        for place in (1, 2, 3):
            for number, dilation in ((1, 1), (2, 4), (3, 8)):
                conv = nn.Conv2d(c, c, 3, padding=dilation, dilation=dilation, bias=False)
                self.add_module(f'conv{number}_{place}', nn.Sequential(conv, nn.LeakyReLU(0.1)))
            self.add_module(f'b_{place}', nn.Conv2d(3 * c, c, 1, bias=False))

    def forward(self, x):
        maps = [x]
        for place in (1, 2, 3):
            branches = [getattr(self, f'conv{number}_{place}')(maps[-1]) for number in (1, 2, 3)]
            maps.append(getattr(self, f'b_{place}')(torch.cat(branches, 1)))
        return maps[0] + maps[1] + maps[2] + maps[3]


class OfficialResidual(nn.Module):
    def __init__(self, c):
        super().__init__()
        first, second = (nn.Conv2d(c, c, 3, padding=1, bias=False) for _ in range(2))
        self.body = nn.Sequential(first, nn.LeakyReLU(0.1), second)

    def forward(self, x):
        return self.body(x) + x


class OfficialGenerator(nn.Module):
    def __init__(self, b, classes):
        super().__init__()
        convolutions = []
        for narrow, wide in ((3, b), (b, 2 * b), (2 * b, 4 * b)):
            convolutions += [nn.Conv2d(narrow, wide, 3, padding=1, bias=False), nn.LeakyReLU(0.1)]
        blocks = [kind(4 * b) for kind in 2 * (OfficialResidual, OfficialASPP) + (OfficialResidual,)]
        self.feature_extractor = nn.Sequential(*convolutions, nn.MaxPool2d(3, 2, 1), *blocks)
        up2 = nn.ConvTranspose2d(4 * b, 4 * b, 3, stride=2, padding=1, output_padding=1)
        up4 = nn.ConvTranspose2d(4 * b, 2 * b, 3, stride=2, padding=1, output_padding=1)
        self.SRAAN_up2 = nn.Sequential(up2, nn.ReLU())
        self.SRAAN_up4 = nn.Sequential(up4, nn.ReLU())
        self.SRAAN_classifier = nn.Sequential(nn.Conv2d(2 * b, 3, 9, padding=4))
        self.SSAN_mix_conv1 = nn.Conv2d(8 * b, 2 * b, 3, padding=1)
        self.SSAN_mix_conv2 = nn.Conv2d(4 * b, b, 3, padding=1)
        self.SSAN_classifier = nn.Conv2d(b, classes, 9, padding=4)

    def forward(self, x):
        feature = self.feature_extractor(x)
        up2 = self.SRAAN_up2(feature)
        up4 = self.SRAAN_up4(up2)
        mixed = feature
        for up, conv in ((up2, self.SSAN_mix_conv1), (up4, self.SSAN_mix_conv2)):
            mixed = F.interpolate(mixed, size=up.shape[2:], mode='bilinear', align_corners=True)
            mixed = conv(torch.cat([mixed, up], 1))
        return feature, self.SSAN_classifier(mixed), self.SRAAN_classifier(up4)


class OfficialPixelDiscriminator(nn.Module):
    def __init__(self, b):
        super().__init__()
        layers = [nn.Conv2d(3, b, 4, 2, 1), nn.LeakyReLU(0.2)]
        for narrow, wide, stride in ((b, 2 * b, 2), (2 * b, 4 * b, 2), (4 * b, 8 * b, 1)):
            layers += [nn.Conv2d(narrow, wide, 4, stride, 1), nn.InstanceNorm2d(wide), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers, nn.Conv2d(8 * b, 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x)


class OfficialOutputDiscriminator(nn.Module):
    def __init__(self, classes, b):
        super().__init__()
        self.conv1 = nn.Conv2d(classes, b, 4, 2, 1)
        self.conv2 = nn.Conv2d(b, 2 * b, 4, 2, 1)
        self.conv3 = nn.Conv2d(2 * b, 4 * b, 4, 2, 1)
        self.conv4 = nn.Conv2d(4 * b, 8 * b, 4, 2, 1)
        self.classifier = nn.Conv2d(8 * b, 1, 4, 2, 1)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = F.leaky_relu(conv(x), 0.2)
        return self.classifier(x)


class Whole(nn.Module):
    """The names that the adaptation's model has."""

    def __init__(self):
        super().__init__()
        build = MODELS.build
        self.segmentor = build(
            dict(
                type='SuperResolutionSegmentor',
                backbone=dict(type='ResidualASPP', base_channels=BASE),
                sr_head=dict(type='SuperResolutionHead', base_channels=BASE),
                decode_head=dict(type='PyramidFusionHead', base_channels=BASE, num_classes=CLASSES),
            )
        )
        pixel = build(dict(type='PatchDiscriminator', base_channels=BASE))
        output = build(dict(type='FCDiscriminator', in_channels=CLASSES, base_channels=BASE))
        self.terms = nn.ModuleDict(
            dict(
                pixel=nn.ModuleDict(dict(discriminator=pixel)),
                output=nn.ModuleDict(dict(discriminator=output)),
            )
        )


@pytest.fixture
def official():
    torch.manual_seed(0)
    networks = (
        OfficialGenerator(BASE, CLASSES),
        OfficialPixelDiscriminator(BASE),
        OfficialOutputDiscriminator(CLASSES, BASE),
    )
    return dict(zip(KINDS, networks, strict=True))


def save(official, folder, epoch='200', prefix=''):
    folder.mkdir(exist_ok=True)
    for kind, network in official.items():
        state = {prefix + key: value for key, value in network.state_dict().items()}
        torch.save(state, folder / f'{epoch}_net_{kind}.pth')
    return folder


def load_strictly(path):
    model = Whole()
    model.load_state_dict(torch.load(path, weights_only=True)['state_dict'], strict=True)
    return model


def test_all_names_of_the_paper_network_are_known():
    for kind, network in zip(
        KINDS,
        (OfficialGenerator(2, 2), OfficialPixelDiscriminator(2), OfficialOutputDiscriminator(2, 2)),
        strict=True,
    ):
        keys = {re.sub(r'^(SRAAN_\w+)\.0\.', r'\1.', key) for key in network.state_dict()}
        assert keys == NAMES[kind].keys()


@pytest.mark.parametrize('dtype, tolerance', [(torch.float32, 1e-6), (torch.float64, 1e-10)])
@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_same_outputs(official, tmp_path, dtype, tolerance, prefix):
    for network in official.values():
        network.to(dtype)
    read = convert(save(official, tmp_path / 'in', prefix=prefix), tmp_path / 'out.pth')
    assert len(read) == 3
    model = load_strictly(tmp_path / 'out.pth').to(dtype)
    if dtype == torch.float64:  # the weights themselves are float64 in the file
        model.load_state_dict(torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict'])
    image = torch.rand(2, 3, 57, 64, dtype=dtype) * 2 - 1
    feature, logits, sr_image = official['generator'](image)
    fine = F.interpolate(sr_image, size=(190, 213), mode='bilinear', align_corners=True).tanh()
    features = model.segmentor.extract_feat(image)
    upsampled = model.segmentor.sr_features(features)
    our_fine = model.segmentor.super_resolve(upsampled, (190, 213))
    our_logits = model.segmentor.decode(features, upsampled)
    prob = logits.softmax(1)
    pairs = [
        (feature, features[0]),
        (logits, our_logits),
        (fine, our_fine),
        (official['pixel_discriminator'](fine), model.terms['pixel']['discriminator'](fine)),
        (official['fc_discriminator'](prob), model.terms['output']['discriminator'](prob)),
    ]
    for theirs, ours in pairs:
        assert theirs.shape == ours.shape
        assert (theirs - ours).abs().max() <= tolerance * max(1, theirs.abs().max())


def test_a_prefix_a_single_file_and_a_generator_alone(official, tmp_path):
    folder = save(official, tmp_path / 'in', epoch='100')
    save(official, folder, epoch='200')
    assert [p.name for p in convert(folder / '100', tmp_path / 'a.pth')] == [f'100_net_{kind}.pth' for kind in KINDS]
    load_strictly(tmp_path / 'a.pth')
    convert(folder / '200_net_fc_discriminator.pth', tmp_path / 'b.pth')
    state = torch.load(tmp_path / 'b.pth', weights_only=True)['state_dict']
    assert len(state) == 10 and all(key.startswith('terms.output.discriminator.layers.') for key in state)
    alone = save({'generator': official['generator']}, tmp_path / 'alone', epoch='latest')
    convert(alone, tmp_path / 'c.pth')
    state = torch.load(tmp_path / 'c.pth', weights_only=True)['state_dict']
    assert all(key.startswith('segmentor.') for key in state)
    with pytest.raises(ValueError, match='epochs 100, 200.*choose one'):
        convert(folder, tmp_path / 'd.pth')
    assert not (tmp_path / 'd.pth').exists()


def test_names_without_the_index_of_a_single_layer_and_the_old_file_format(official, tmp_path):
    state = official['generator'].state_dict()
    state = {re.sub(r'^(SRAAN_\w+)\.0\.', r'\1.', key): value for key, value in state.items()}
    torch.save(state, tmp_path / '1_net_generator.pth', _use_new_zipfile_serialization=False)
    convert(tmp_path / '1_net_generator.pth', tmp_path / 'out.pth')
    converted = torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict']
    assert torch.equal(converted['segmentor.sr_head.up1.0.weight'], state['SRAAN_up2.weight'])


def test_all_wrong_names_are_one_error(official, tmp_path):
    folder = save(official, tmp_path / 'in')
    state = official['generator'].state_dict()
    state['strange.weight'] = state.pop('SSAN_mix_conv1.bias')
    torch.save(state, folder / '200_net_generator.pth')
    state = official['fc_discriminator'].state_dict()
    del state['conv3.bias']
    torch.save(state, folder / '200_net_fc_discriminator.pth')
    with pytest.raises(ValueError) as error:
        convert(folder, tmp_path / 'out.pth')
    for part in ('200_net_generator.pth', 'missing SSAN_mix_conv1.bias', 'unknown strange.weight', 'conv3.bias'):
        assert part in str(error.value)
    assert not (tmp_path / 'out.pth').exists()


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        convert(tmp_path / 'nowhere', tmp_path / 'out.pth')
    with pytest.raises(FileNotFoundError, match='_net_generator.pth'):
        convert(tmp_path, tmp_path / 'out.pth')


def test_the_tool(official, tmp_path, monkeypatch, capsys):
    folder = save(official, tmp_path / 'in')
    monkeypatch.setattr('sys.argv', [str(TOOL), str(folder), str(tmp_path / 'out.pth')])
    runpy.run_path(str(TOOL), run_name='__main__')
    assert 'out.pth' in capsys.readouterr().out
    load_strictly(tmp_path / 'out.pth')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['in', 'out.pth']
