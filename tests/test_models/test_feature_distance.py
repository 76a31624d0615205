"""DAFormer's feature distance against the released procedure, position by position."""

import pytest
import torch

from mmuda.registry import MODELS, TERMS
from mmuda.testing import Taps, ToyBackbone
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
CLASSES, WEIGHT = (1, 3), 0.005
SIZE, CELL = 16, 4  # pixels of the image, and of a position of the feature map


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    torch.save(ToyBackbone(norm=False, stride=CELL).state_dict(), tmp_path / 'encoder.pth')
    return tmp_path / 'encoder.pth'


def build(weights, **options):
    init_cfg = dict(type='Pretrained', checkpoint=str(weights))
    encoder = dict(type='ToyBackbone', norm=False, stride=CELL, init_cfg=init_cfg)
    return TERMS.build(dict(dict(type='FeatureDistance', encoder=encoder, classes=CLASSES), **options)).double()


def batch():
    torch.manual_seed(1)
    image = torch.randn(2, 3, SIZE, SIZE, dtype=torch.float64)
    features = torch.randn(2, 4, SIZE // CELL, SIZE // CELL, dtype=torch.float64, requires_grad=True)
    # Cells with 12 or 11 of 16 pixels of one class, with two classes of the list, with 255, and random ones.
    label = torch.randint(0, 5, (2, SIZE, SIZE))
    label[:, :CELL] = 1
    label[:, 0, :4] = label[:, 0, 4:8] = 2
    label[:, 1, 4] = 2
    label[:, :CELL, 8:10] = 3
    label[:, :CELL, 12:] = 255
    label[1, CELL : 2 * CELL] = 3
    return image, features, label


def released(image, features, label, weights, min_share=0.75):
    """The distance at each position whose most frequent label has the share and is one of the classes."""
    reference = ToyBackbone(norm=False, stride=CELL).double()
    reference.load_state_dict(torch.load(weights, weights_only=True))
    expected = reference(image)[-1].detach()
    distances = []
    for n in range(len(image)):
        for row in range(SIZE // CELL):
            for column in range(SIZE // CELL):
                cell = label[n, row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL].flatten().tolist()
                most = max(set(cell), key=cell.count)
                if cell.count(most) / len(cell) >= min_share and most in CLASSES:
                    difference = features[n, :, row, column] - expected[n, :, row, column]
                    distances.append(difference.square().sum().sqrt())
    return WEIGHT * sum(distances) / len(distances), len(distances)


@pytest.mark.parametrize(('min_share', 'count'), [(0.75, 6), (0.6, 8)])
def test_it_equals_the_released_procedure(weights, min_share, count):
    image, features, label = batch()
    expected, positions = released(image, features, label, weights, min_share)
    assert positions == count
    taps = Taps({'source:image': image, 'source:features.-1': features, 'source:label': label})
    loss = build(weights, min_share=min_share).losses('segmentor', taps)['loss']
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    ours, theirs = (torch.autograd.grad(one, features, retain_graph=True)[0] for one in (loss, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_it_is_0_and_trains_nothing_where_no_position_counts(weights):
    image, features, label = batch()
    taps = {'source:image': image, 'source:features.-1': features, 'source:label': label.fill_(255)}
    loss = build(weights).losses('segmentor', Taps(taps))['loss']
    loss.backward()
    assert loss == 0 and not features.grad.any()


def test_equal_features_give_a_gradient_of_0_and_not_nan(weights):
    image, _, label = batch()
    term = build(weights)
    term.init_weights()
    features = term.encoder(image)[-1].detach().requires_grad_()
    loss = term.losses('segmentor', Taps({'source:image': image, 'source:features.-1': features,
                                          'source:label': label}))['loss']  # fmt: skip
    loss.backward()
    assert loss == 0 and not features.grad.any()


def test_the_encoder_is_frozen_hidden_and_pretrained(weights):
    torch.manual_seed(5)
    term = build(weights)
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(5)))
    assert not term.state_dict() and not list(term.parameters()) and not list(term.children())
    term.train()
    assert not term.encoder.training and not any(p.requires_grad for p in term.encoder.parameters())
    term.init_weights()
    for name, value in torch.load(weights, weights_only=True).items():
        assert torch.equal(term.encoder.state_dict()[name], value.double())
    assert next(term.half().encoder.parameters()).dtype == torch.float16


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(encoder=dict(type='ToyBackbone')), 'its encoder has no weights; give init_cfg'),
        (dict(classes=()), 'give at least one class'),
        (dict(min_share=0.5), 'a share above 0.5'),
    ],
)
def test_what_it_cannot_do_is_refused(weights, changes, message):
    with pytest.raises(UserError, match=message):
        build(weights, **changes)


def test_another_feature_map_is_refused(weights):
    image, features, label = batch()
    taps = {'source:image': image, 'source:features.0': features[:, :2], 'source:label': label}
    with pytest.raises(UserError, match=r"'source:features.0' is \(2, 2, 4, 4\), but the encoder's last"):
        build(weights, features='source:features.0').losses('segmentor', Taps(taps))


def test_it_starts_from_the_weights_of_the_backbone(weights):
    """Both read the same file; the weights of a wrapper's backbone and of the term's encoder are equal."""
    init_cfg = dict(type='Pretrained', checkpoint=str(weights))
    backbone = dict(type='ToyBackbone', norm=False, stride=CELL, init_cfg=init_cfg)
    model = MODELS.build(
        dict(
            type='DomainAdaptation',
            segmentor=dict(type='EncoderDecoder', backbone=backbone, decode_head=dict(type='ToyHead')),
            terms=dict(distance=dict(type='FeatureDistance', encoder=backbone, classes=CLASSES)),
        )
    )
    model.init_weights()
    encoder = model.terms['distance'].encoder.state_dict()
    for name, value in model.segmentor.backbone.state_dict().items():
        assert torch.equal(value, encoder[name])
    assert not [name for name in model.state_dict() if name.startswith('terms')]
