import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import nn

from mmuda.models.losses import GANLoss, PerceptualLoss, PixelL1Loss, PixelMSELoss, TotalVariationLoss
from mmuda.registry import MODELS

TOLERANCE = 1e-9
NARROW = dict(type='VGGFeatures', width=4, out_layer=9)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


EQUATIONS = {
    ('vanilla', True, False): lambda x: torch.log(1 + torch.exp(-x)),
    ('vanilla', False, False): lambda x: torch.log(1 + torch.exp(x)),
    ('vanilla', True, True): lambda x: torch.log(1 + torch.exp(-x)),
    ('vanilla', False, True): lambda x: torch.log(1 + torch.exp(x)),
    ('lsgan', True, False): lambda x: (x - 1) * (x - 1),
    ('lsgan', False, False): lambda x: x * x,
    ('lsgan', True, True): lambda x: (x - 1) * (x - 1),
    ('lsgan', False, True): lambda x: x * x,
    ('hinge', True, True): lambda x: torch.clamp(1 - x, min=0),
    ('hinge', False, True): lambda x: torch.clamp(1 + x, min=0),
    ('hinge', True, False): lambda x: -x,
    ('hinge', False, False): lambda x: x,
    ('wgan', True, True): lambda x: -x,
    ('wgan', False, True): lambda x: x,
    ('wgan', True, False): lambda x: -x,
    ('wgan', False, False): lambda x: x,
}


@pytest.mark.parametrize('gan_type, real, is_disc', EQUATIONS)
def test_gan_loss_equations(gan_type, real, is_disc):
    logits, weight = random(2, 1, 5, 7), random(2, 1, 1, 7).abs()
    elements = EQUATIONS[gan_type, real, is_disc](logits)
    loss = MODELS.build(dict(type='GANLoss', gan_type=gan_type))
    assert abs(loss(logits, real, is_disc) - elements.sum() / 70) <= TOLERANCE
    assert abs(loss(logits, real, is_disc, weight=weight) - (elements * weight).sum() / 70) <= TOLERANCE


def test_gan_loss_is_finite_for_large_logits():
    assert GANLoss('vanilla')(torch.tensor([[1e4, -1e4]]), True).isfinite()


def test_gan_loss_refuses_bad_input():
    with pytest.raises(ValueError, match="gan_type='wgan-gp'"):
        GANLoss('wgan-gp')
    with pytest.raises(ValueError, match=r'\(2, 1, 9, 9\)'):
        GANLoss()(random(2, 1, 5, 7), True, weight=random(2, 1, 9, 9))
    with pytest.raises(ValueError, match='broadcast'):  # a larger weight must not enlarge the logits either
        GANLoss()(random(1, 1, 5, 7), True, weight=random(2, 1, 5, 7))


def test_pixel_losses():
    pred, reference = random(2, 3, 4, 5), random(2, 3, 4, 5)
    difference = pred - reference
    assert abs(PixelMSELoss()(pred, reference) - (difference**2).sum() / 120) <= TOLERANCE
    assert abs(PixelL1Loss()(pred, reference) - difference.abs().sum() / 120) <= TOLERANCE
    for loss in (PixelMSELoss(), PixelL1Loss()):
        with pytest.raises(ValueError, match='one grid'):
            loss(pred, reference[:1])


def test_total_variation():
    image = random(2, 3, 5, 6)
    vertical = sum(((image[:, :, i + 1] - image[:, :, i]) ** 2).sum() for i in range(4))
    horizontal = sum(((image[..., j + 1] - image[..., j]) ** 2).sum() for j in range(5))
    expected = 2 * (vertical / (3 * 4 * 6) + horizontal / (3 * 5 * 5)) / 2
    assert abs(TotalVariationLoss()(image) - expected) <= TOLERANCE
    assert TotalVariationLoss()(torch.ones(1, 3, 4, 4)) == 0
    with pytest.raises(ValueError, match='2x2'):
        TotalVariationLoss()(random(1, 3, 1, 5))


def plain_features(image, state):
    """relu1_1, relu1_2, pool, relu2_1, relu2_2 of VGG by hand."""
    x = image
    for i in (0, 2, 5, 7):
        if i == 5:
            x = F.max_pool2d(x, 2)
        x = F.conv2d(x, state[f'features.{i}.weight'], state[f'features.{i}.bias'], padding=1).relu()
    return x


@pytest.mark.parametrize('normalize', [False, True])
def test_perceptual_loss_equation(normalize):
    loss = PerceptualLoss(network=NARROW, allow_untrained=True, normalize=normalize).double()
    pred, reference = random(2, 3, 16, 18).tanh().requires_grad_(), random(2, 3, 16, 18).tanh().requires_grad_()
    value = loss(pred, reference)
    images = [pred, reference]
    if normalize:
        mean, std = loss.mean.flatten(), loss.std.flatten()
        images = [torch.stack([((x[:, c] + 1) / 2 - mean[c]) / std[c] for c in range(3)], 1) for x in images]
    a, b = (plain_features(x, loss.network.state_dict()) for x in images)
    assert abs(value - ((a - b) ** 2).mean()) <= TOLERANCE
    value.backward()
    assert pred.grad.abs().sum() > 0 and reference.grad is None
    assert all(p.grad is None for p in loss.network.parameters())


def test_perceptual_loss_of_other_bands():
    """Further bands are left out; one or two bands count as the grey image of their mean."""
    loss = PerceptualLoss(network=NARROW, allow_untrained=True).double()
    a, b = random(1, 5, 16, 18).tanh(), random(1, 5, 16, 18).tanh()
    assert torch.equal(loss(a, b), loss(a[:, :3], b[:, :3]))
    grey = [torch.cat([(x[:, :1] + x[:, 1:2]) / 2] * 3, dim=1) for x in (a, b)]
    assert abs(loss(a[:, :2], b[:, :2]) - loss(*grey)) <= TOLERANCE and loss(*grey) > 0


def test_perceptual_default_network_is_the_whole_of_vgg16():
    loss = PerceptualLoss(allow_untrained=True)
    assert len(loss.network.features) == 31
    assert loss(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)) > 0


def test_perceptual_network_is_hidden_but_follows():
    owner = nn.ModuleDict(dict(loss=PerceptualLoss(network=NARROW, allow_untrained=True), other=nn.Linear(2, 2)))
    assert set(owner.state_dict()) == {'other.weight', 'other.bias'}
    assert len(list(owner.parameters())) == 2
    owner.double()
    loss = owner['loss']
    assert all(p.dtype == torch.float64 for p in loss.network.parameters())
    owner.to('meta')
    assert all(p.device.type == 'meta' for p in loss.network.parameters())
    owner.train()
    assert not loss.network.training
    assert not any(p.requires_grad for p in loss.network.parameters())


def test_perceptual_network_is_copied():
    loss = PerceptualLoss(network=NARROW, allow_untrained=True)
    twin = copy.deepcopy(loss).double()
    assert loss.network.features[0].weight.dtype == torch.float32
    assert torch.equal(twin.network.features[0].weight.float(), loss.network.features[0].weight)


def test_untrained_network_depends_on_its_seed_alone():
    build = dict(type='PerceptualLoss', network=NARROW, allow_untrained=True)
    first = MODELS.build(build)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    second = MODELS.build(build)
    assert torch.equal(torch.rand(3), expected), 'building must not move the random state'
    other = MODELS.build(dict(build, seed=1))
    for (name, a), b, c in zip(
        first.network.named_parameters(), second.network.parameters(), other.network.parameters(), strict=True
    ):
        assert torch.equal(a, b)
        assert name.endswith('bias') or not torch.equal(a, c)


def test_missing_weights_are_one_clear_error(tmp_path):
    with pytest.raises(ValueError, match='vgg16-397923af.pth.*allow_untrained=True'):
        PerceptualLoss(network=NARROW)
    loss = PerceptualLoss(network=NARROW, weights=str(tmp_path / 'vgg16.pth'))
    with pytest.raises(FileNotFoundError, match=r'vgg16\.pth'):
        loss.init_weights()
    with pytest.raises(FileNotFoundError, match=r'vgg16\.pth'):
        loss(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8))


def test_weights_are_missed_before_the_first_iteration(tmp_path):
    """mmengine's runner calls init_weights of the model, which reaches the loss."""
    owner = BaseModule()
    owner.loss = PerceptualLoss(network=NARROW, weights=str(tmp_path / 'vgg16.pth'))
    with pytest.raises(FileNotFoundError, match=r'vgg16\.pth'):
        owner.init_weights()


@pytest.mark.parametrize('explicitly', [True, False])
def test_weights_of_torchvision_are_read(tmp_path, explicitly):
    donor = PerceptualLoss(network=dict(NARROW, out_layer=31), allow_untrained=True, seed=3)
    path = tmp_path / 'vgg16.pth'
    torch.save({**donor.network.state_dict(), 'classifier.0.weight': torch.zeros(2, 2)}, path)
    loss = PerceptualLoss(network=NARROW, weights=str(path)).double()
    pred, reference = random(1, 3, 8, 8), random(1, 3, 8, 8)
    if explicitly:
        loss.init_weights()
    value = loss(pred, reference)
    same = PerceptualLoss(network=NARROW, allow_untrained=True, seed=0).double()
    same.network.load_state_dict({k: v for k, v in donor.network.state_dict().items() if int(k.split('.')[1]) < 9})
    assert value == same(pred, reference)


def test_weights_of_another_width_are_refused(tmp_path):
    path = tmp_path / 'vgg16.pth'
    torch.save(PerceptualLoss(network=dict(NARROW, width=8), allow_untrained=True).network.state_dict(), path)
    with pytest.raises(ValueError, match=r'features\.0\.weight'):
        PerceptualLoss(network=NARROW, weights=str(path)).init_weights()


def test_weights_that_run_code_are_refused(tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / 'ran'), 'w'))

    path = tmp_path / 'vgg16.pth'
    torch.save({'features.0.weight': Payload()}, path)
    with pytest.raises(ValueError, match=r'vgg16\.pth'):
        PerceptualLoss(network=NARROW, weights=str(path)).init_weights()
    assert not (tmp_path / 'ran').exists()


def test_perceptual_loss_refuses_two_grids():
    with pytest.raises(ValueError, match='one grid'):
        PerceptualLoss(network=NARROW, allow_untrained=True)(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 9, 9))
