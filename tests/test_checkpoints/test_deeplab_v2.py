"""DeepLab-v2 as AdaptSegNet's, ADVENT's and CLAN's code has it, written here from that code's names and shapes."""

import runpy

import pytest
import torch
from torch import nn

from mmuda.checkpoints.official.deeplab_v2 import convert
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import ROOT

TOOL = ROOT / 'tools' / 'model_converters' / 'deeplab_v2.py'
CLASSES = 3
register_all_modules()


class OfficialBottleneck(nn.Module):
    def __init__(self, inplanes, planes, stride=1, dilation=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, stride=stride, bias=False)  # the stride is here
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, bias=False, dilation=dilation)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.downsample = downsample

    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        residual = x if self.downsample is None else self.downsample(x)
        return (self.bn3(self.conv3(out)) + residual).relu()


class OfficialClassifier(nn.Module):
    def __init__(self, channels, used):
        super().__init__()
        self.conv2d_list = nn.ModuleList(
            nn.Conv2d(channels, CLASSES, 3, padding=d, dilation=d) for d in (6, 12, 18, 24)
        )
        self.used = used

    def forward(self, x):
        return sum(conv(x) for conv in list(self.conv2d_list)[: self.used])


class OfficialDeepLab(nn.Module):
    """``kind``: 'multi' (layer5 on layer3, layer6 on layer4), 'single' or 'clan' (both on layer4)."""

    def __init__(self, kind, layers=(1, 2, 1, 1), used=4):
        super().__init__()
        self.kind, self.inplanes = kind, 64
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        settings = ((64, 1, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4))
        for i, ((planes, stride, dilation), blocks) in enumerate(zip(settings, layers, strict=True)):
            setattr(self, f'layer{i + 1}', self._layer(planes, blocks, stride, dilation))
        self.layer5 = OfficialClassifier(1024 if kind == 'multi' else 2048, used)
        if kind != 'single':
            self.layer6 = OfficialClassifier(2048, used)

    def _layer(self, planes, blocks, stride, dilation):
        downsample = nn.Sequential(
            nn.Conv2d(self.inplanes, planes * 4, 1, stride=stride, bias=False), nn.BatchNorm2d(planes * 4)
        )
        first = OfficialBottleneck(self.inplanes, planes, stride, dilation, downsample)
        self.inplanes = planes * 4
        return nn.Sequential(first, *(OfficialBottleneck(planes * 4, planes, 1, dilation) for _ in range(blocks - 1)))

    def forward(self, x):
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        third = self.layer3(self.layer2(self.layer1(x)))
        last = self.layer4(third)
        if self.kind == 'multi':
            return self.layer6(last), self.layer5(third)
        return (self.layer5(last) + self.layer6(last) if self.kind == 'clan' else self.layer5(last)), None


def official(kind, used=4):
    torch.manual_seed(0)
    model = OfficialDeepLab(kind, used=used)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
    return model.eval()


def ours(kind, used=None):
    head = dict(type='DeepLabV2Head', num_classes=CLASSES, branches=used)
    auxiliary = dict(head, in_channels=1024, in_index=2) if kind == 'multi' else None
    segmentor = dict(
        type='EncoderDecoder',
        backbone=dict(type='CaffeResNet', depth=50),
        decode_head=dict(head, in_channels=2048, in_index=3, classifiers=2 if kind == 'clan' else 1),
        auxiliary_head=auxiliary,
        test_cfg=dict(mode='whole'),
    )
    model = MODELS.build(segmentor)
    # As many blocks as the official network above has, to be quick.
    for i, blocks in enumerate((1, 2, 1, 1)):
        layer = getattr(model.backbone, f'layer{i + 1}')
        setattr(model.backbone, f'layer{i + 1}', nn.Sequential(*list(layer)[:blocks]))
    return model.eval()


@pytest.mark.parametrize(('kind', 'used'), [('multi', 4), ('single', 2), ('clan', 4)])
def test_a_converted_network_gives_the_same_logits(tmp_path, kind, used):
    theirs = official(kind, used)
    torch.save(theirs.state_dict(), tmp_path / 'GTA2Cityscapes.pth')
    convert(tmp_path / 'GTA2Cityscapes.pth', tmp_path / 'out.pth')
    model = ours(kind, used)
    model.load_state_dict(torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict'], strict=True)
    image = torch.randn(1, 3, 67, 98)  # odd sizes: ceil_mode shows
    with torch.no_grad():
        expected, expected_aux = theirs(image)
        features = model.extract_feat(image)
        torch.testing.assert_close(model.decode_head(features), expected)
        if expected_aux is not None:
            torch.testing.assert_close(model.auxiliary_head(features), expected_aux)


def test_the_initial_weights_start_a_backbone(tmp_path, monkeypatch, capsys):
    """DeepLab_resnet_pretrained_init-f81d91e8.pth has the prefix ``Scale.``, some of its descendants ``module.``."""
    state = {f'Scale.{name}': value for name, value in official('single').state_dict().items()}
    torch.save(state, tmp_path / 'init.pth')
    monkeypatch.setattr(
        'sys.argv', ['deeplab_v2.py', str(tmp_path / 'init.pth'), str(tmp_path / 'out.pth'), '--backbone-only']
    )
    runpy.run_path(str(TOOL), run_name='__main__')
    assert 'without layer5.conv2d_list.0.weight' in capsys.readouterr().out
    backbone = ours('single').backbone
    backbone.load_state_dict(torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict'], strict=True)


def test_another_checkpoint_is_refused(tmp_path):
    torch.save({'features.0.weight': torch.zeros(1)}, tmp_path / 'vgg.pth')
    with pytest.raises(UserError, match=r"vgg.pth is no DeepLab-v2 checkpoint.*it has \['features.0.weight'\]"):
        convert(tmp_path / 'vgg.pth', tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


def test_affine_parameters_of_norms_are_fixed_and_their_statistics_are_not():
    backbone = ours('single').backbone
    backbone.train()
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms and all(norm.training and not norm.weight.requires_grad for norm in norms)
    assert all(p.requires_grad for name, p in backbone.named_parameters() if 'conv' in name)
