import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.structures import DomainOutputs, split_tap, upcast
from mmuda.utils.errors import UserError


def samples(n=2, label=True):
    items = [SegDataSample() for _ in range(n)]
    for i, item in enumerate(items):
        if label:
            item.gt_sem_seg = PixelData(data=torch.full((1, 4, 4), i))
    return items


@pytest.fixture
def outputs():
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    return DomainOutputs(
        view='target',
        samples=samples(),
        image=torch.rand(2, 3, 4, 4),
        features=(torch.rand(2, 5, 2, 2), torch.rand(2, 6, 2, 2)),
        logits=logits * 1,
        aux_logits=(torch.randn(2, 3, 2, 2).bfloat16(),),
        extras=dict(sr_image=torch.rand(2, 3, 8, 8)),
    )


def test_taps(outputs):
    assert outputs.tap('image') is outputs.image
    assert outputs.tap('features.1') is outputs.features[1] and outputs.tap('features.-1') is outputs.features[1]
    torch.testing.assert_close(outputs.tap('prob'), outputs.logits.exp() / outputs.logits.exp().sum(1, keepdim=True))
    assert outputs.tap('prob') is outputs.tap('prob')
    assert outputs.tap('sr_image') is outputs.extras['sr_image']
    assert outputs.tap('label').tolist() == [[[i] * 4] * 4 for i in range(2)]


def test_half_precision_is_raised_before_the_softmax(outputs):
    logits = outputs.aux_logits[0].float()
    assert outputs.tap('aux.0.logits').dtype == torch.float32
    assert torch.equal(outputs.tap('aux.0.prob'), logits.softmax(1))
    assert upcast(torch.ones(1, dtype=torch.float64)).dtype == torch.float64
    assert upcast(torch.ones(1, dtype=torch.int64)).dtype == torch.int64


def test_every_name_it_gives_is_a_tap(outputs):
    assert [outputs.tap(name).shape[0] for name in outputs.names()] == [2] * len(outputs.names())


@pytest.mark.parametrize('name', ['probs', 'features.2', 'features.x', 'aux.1.prob', 'aux.0', 'fine_image', 'features'])
def test_an_absent_tap_is_told_with_those_there_are(outputs, name):
    with pytest.raises(UserError, match=r"'target' carries no tap '.*'; it carries image, features\.0, .*sr_image"):
        outputs.tap(name)


def test_a_stream_without_labels_has_none():
    with pytest.raises(UserError, match="no tap 'label'"):
        DomainOutputs(view='target', samples=samples(label=False)).tap('label')


def test_detached_taps_have_no_graph_and_the_same_values(outputs):
    cut = outputs.detach()
    assert outputs.tap('prob').requires_grad and not cut.tap('prob').requires_grad
    assert all(torch.equal(cut.tap(name), outputs.tap(name)) for name in outputs.names())


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"Tap 'target:logits' has shape \(3, 4, 4\); it must be \(N, C, H, W\)"):
        DomainOutputs(view='target', samples=samples(), logits=torch.rand(3, 4, 4))
    with pytest.raises(ValueError, match=r"Extra tap 'target:x' has shape \(3,\); its first dimension must be N = 2"):
        DomainOutputs(view='target', samples=samples(), extras=dict(x=torch.rand(3)))


def test_addresses():
    assert split_tap('target@teacher:aux.0.prob') == ('target@teacher', 'aux.0.prob')
    for address in ('prob', ':prob', 'target:'):
        with pytest.raises(ValueError, match="addressed as 'view:tap'"):
            split_tap(address)
