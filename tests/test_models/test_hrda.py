"""HRDA against the published procedure in plain torch: fusion, slid detail, loss; and what its adapter reads."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.adapters import HRDAAdapter, build_adapter
from mmuda.registry import MODELS
from mmuda.testing import plain_segmentor
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
OS = 2  # output stride of the toy network
ADAPTER = HRDAAdapter()
TWO = dict(type='ConvHead', in_channels=4, num_classes=2)


def build(seed=0, stride=OS, **options):
    torch.manual_seed(seed)
    cfg = dict(plain_segmentor(stride), type='HRDA', attention_head=dict(type='ToyHead', dropout_ratio=0), **options)
    network = MODELS.build(ConfigDict(cfg)).double()
    for head in (network.decode_head, network.attention_head):
        torch.nn.init.normal_(head.conv_seg.weight)
        torch.nn.init.normal_(head.conv_seg.bias)
    return network


def image(*size, count=2, seed=1):
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def labelled(*size, count=2, weights=False):
    generator = torch.Generator().manual_seed(2)
    labels = torch.randint(0, 3, (count, *size), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = 255
    samples = [SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in labels]
    values = torch.rand(labels.shape, generator=generator).double()  # mmseg rounds weights to float32
    for sample, value in zip(samples if weights else [], values, strict=False):
        sample.set_field(PixelData(data=value[None]), 'pixel_weight', dtype=PixelData)
    return samples, labels, values if weights else torch.ones_like(values)


def forward(network, images, taps, samples=None, seed=7):
    torch.manual_seed(seed)
    batch = dict(inputs=images, data_samples=samples or [SegDataSample() for _ in images])
    return ADAPTER.forward(network, 'source', batch, set(taps))


# The published procedure, with weights of the toy network: two 3x3 convolutions, and heads of one 1x1 convolution.


def encode(network, x):
    w = network.backbone.state_dict()
    x = F.conv2d(x, w['conv1.weight'], w['conv1.bias'], padding=1).clamp_min(0)
    return F.conv2d(x, w['conv2.weight'], w['conv2.bias'], padding=1, stride=OS).clamp_min(0)


def decode(head, x):
    return F.conv2d(x, head.conv_seg.weight, head.conv_seg.bias)


def up(x, factor=2):
    return F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)


def of_context(network, images, factor=2):
    features = encode(network, F.interpolate(images, scale_factor=1 / factor, mode='bilinear', align_corners=False))
    return decode(network.decode_head, features), torch.sigmoid(decode(network.attention_head, features))


def published_training(network, images, box, factor=2):
    """Logits of both scales where the detail is one crop."""
    top, bottom, left, right = box
    low, attention = of_context(network, images, factor)
    high = decode(network.decode_head, encode(network, images[:, :, top:bottom, left:right]))
    mask = torch.zeros_like(attention)
    coarse = OS * factor
    mask[:, :, top // coarse : bottom // coarse, left // coarse : right // coarse] = 1
    attention = attention * mask
    inserted = torch.zeros_like(up(low, factor))
    inserted[:, :, top // OS : bottom // OS, left // OS : right // OS] = high
    return up((1 - attention) * low, factor) + up(attention, factor) * inserted, high


def published_prediction(network, images, crop):
    """Logits where the detail slides over the image by half its sides."""
    low, attention = of_context(network, images)
    height, width = images.shape[-2:]
    total, count = torch.zeros_like(up(low)), torch.zeros_like(up(low))
    for row in range(-(-(height - crop[0]) // (crop[0] // 2)) + 1):
        for column in range(-(-(width - crop[1]) // (crop[1] // 2)) + 1):
            top, left = min(row * crop[0] // 2, height - crop[0]), min(column * crop[1] // 2, width - crop[1])
            part = images[:, :, top : top + crop[0], left : left + crop[1]]
            place = (..., slice(top // OS, (top + crop[0]) // OS), slice(left // OS, (left + crop[1]) // OS))
            total[place] += decode(network.decode_head, encode(network, part))
            count[place] += 1
    return F.interpolate(
        up((1 - attention) * low) + up(attention) * total / count,
        size=(height, width), mode='bilinear', align_corners=False,
    )  # fmt: skip


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ('size', 'options'),
    [((32, 48), {}), ((64, 32), {}), ((48, 40), dict(detail_size=(24, 16))), ((36, 72), dict(factor=3, grid=12))],
)
def test_logits_are_fused_as_published(size, options):
    network, images = build(**options), image(*size)
    outputs = forward(network, images, ['logits', 'prob', 'detail.logits', 'attention'])
    box = outputs.extras['detail.box'][0].tolist()
    factor = options.get('factor', 2)
    assert (box[1] - box[0], box[3] - box[2]) == tuple(options.get('detail_size', (s // factor for s in size)))
    logits, high = published_training(network, images, box, factor)
    close(outputs.tap('logits'), logits)
    close(outputs.tap('prob'), logits.softmax(1))
    close(outputs.tap('detail.logits'), high)
    close(outputs.tap('attention'), of_context(network, images, factor)[1])


@pytest.mark.parametrize(
    ('size', 'crop', 'options'),
    [((32, 48), (16, 24), {}), ((48, 64), (16, 16), dict(detail_size=(16, 16))), ((16, 16), (8, 8), {})],
)
def test_the_slid_detail_is_averaged_as_published(size, crop, options):
    network, images = build(**options).eval(), image(*size)
    expected = published_prediction(network, images, crop)
    close(forward(network, images, ['prediction']).tap('prediction'), expected)
    close(network(images, mode='tensor'), expected)
    assert torch.equal(network(images, mode='tensor'), network(images, mode='tensor'))


def test_images_of_any_size_are_predicted_with_their_border_repeated():
    network, images = build().eval(), image(27, 45)
    padded = F.pad(images, (0, 3, 0, 5), mode='replicate')
    expected = published_prediction(network, padded, (16, 24))[..., :27, :45]
    close(network(images, mode='tensor'), expected)


@pytest.mark.parametrize('weights', [False, True])
def test_the_loss_is_that_of_the_paper_on_weighted_and_ignored_pixels(weights):
    network, images = build(detail_weight=0.3), image(32, 48)
    samples, labels, values = labelled(32, 48, weights=weights)
    outputs = forward(network, images, ['supervised'], samples)
    found = ADAPTER.supervised_losses(network, outputs)
    top, bottom, left, right = outputs.extras['detail.box'][0].tolist()
    logits, high = published_training(network, images, (top, bottom, left, right))

    def entropy(scores, label, weight):
        log_prob = up(scores, OS).log_softmax(dim=1)
        per_pixel = -log_prob.gather(1, label.clamp(max=2)[:, None])[:, 0] * weight * (label != 255)
        return per_pixel.mean()  # mmseg's default: over all pixels

    inside = (slice(None), slice(top, bottom), slice(left, right))
    close(found['decode.loss_ce'], 0.7 * entropy(logits, labels, values))
    close(found['detail.loss_ce'], 0.3 * entropy(high, labels[inside], values[inside]))
    assert {'decode.acc_seg', 'detail.acc_seg'} < set(found)
    if not weights:
        torch.manual_seed(7)
        alone = network(images, samples, mode='loss')
        assert all(torch.equal(alone[name], found[name]) for name in found)


def test_labels_may_be_finer_than_images():
    network, images = build(), image(16, 16)
    samples, labels, _ = labelled(48, 48)
    outputs = forward(network, images, ['supervised'], samples)
    found = ADAPTER.supervised_losses(network, outputs)
    top, bottom, left, right = (3 * edge for edge in outputs.extras['detail.box'][0].tolist())
    inside = labels[:, top:bottom, left:right]
    scores = F.interpolate(outputs.tap('detail.logits'), inside.shape[-2:], mode='bilinear').log_softmax(1)
    per_pixel = -scores.gather(1, inside.clamp(max=2)[:, None])[:, 0] * (inside != 255)
    close(found['detail.loss_ce'], 0.1 * per_pixel.mean())
    with pytest.raises(UserError, match=r'labels of \(20, 20\) do not lie on the grid of images of \(16, 16\)'):
        ADAPTER.supervised_losses(network, forward(network, images, ['supervised'], labelled(20, 20)[0]))


@pytest.mark.parametrize('size', [(32, 32), (48, 64)])
def test_losses_train_backbone_and_both_heads(size):
    network = build()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    samples, totals = labelled(*size)[0], []
    for step in range(30):
        outputs = forward(network, image(*size), ['supervised'], samples, seed=step)
        losses = ADAPTER.supervised_losses(network, outputs)
        total = sum(value for name, value in losses.items() if 'loss' in name)
        optimizer.zero_grad()
        total.backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
        optimizer.step()
        totals.append(float(total))
    assert sum(totals[-5:]) < sum(totals[:5])
    assert all(not torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_attention_outside_the_detail_is_not_trained():
    network, images = build(), image(32, 32)
    outputs = forward(network, images, ['logits', 'attention'])
    top, bottom, left, right = (edge // (2 * OS) for edge in outputs.extras['detail.box'][0].tolist())
    (gradient,) = torch.autograd.grad(outputs.tap('logits').square().sum(), outputs.extras['attention'])
    assert gradient[..., top:bottom, left:right].abs().sum() > 0
    gradient[..., top:bottom, left:right] = 0
    assert not gradient.any()


def test_places_of_the_detail_follow_the_seed_and_reach_every_corner():
    network, found = build(), Counter()
    torch.manual_seed(0)
    for _ in range(400):
        box = network.random_box((32, 48))
        assert box.size == (16, 24)
        found[box.top, box.left] += 1
    assert set(found) == {(top, left) for top in (0, 8, 16) for left in (0, 8, 16, 24)}
    assert min(found.values()) > 10
    boxes = []
    for _ in range(2):
        torch.manual_seed(3)
        boxes.append([network.random_box((64, 64)) for _ in range(5)])
    assert boxes[0] == boxes[1]


def test_only_what_is_read_is_computed():
    network, seen = build(), []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))

    def shapes(*taps):
        seen.clear()
        forward(network, image(32, 32), taps)
        return seen[:]

    context, detail, windows = (2, 3, 16, 16), (2, 3, 16, 16), (2 * 9, 3, 16, 16)
    assert shapes('context.image') == []
    assert shapes('features.1') == shapes('attention') == [context]
    assert shapes('logits', 'supervised', 'features.0') == [context, detail]
    assert shapes('prediction') == [context, windows]
    assert shapes('prediction', 'logits') == [context, detail, windows]


def test_features_and_modules_are_of_the_context():
    network, images = build(), image(32, 48)
    taps = ['features.-1', 'context.image', 'module.decode_head', 'module.backbone.conv1', 'logits', 'prediction']
    outputs = forward(network, images, taps)
    scaled = F.interpolate(images, scale_factor=0.5, mode='bilinear', align_corners=False)
    close(outputs.tap('context.image'), scaled)
    close(outputs.tap('features.-1'), encode(network, scaled))
    close(outputs.tap('module.decode_head'), of_context(network, images)[0])
    assert outputs.tap('module.backbone.conv1').shape == (2, 4, 16, 24)
    assert isinstance(build_adapter(network), HRDAAdapter)


@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_prediction_as_mmsegs(mode):
    test_cfg = dict(whole=dict(mode='whole'), slide=dict(mode='slide', crop_size=(32, 32), stride=(16, 16)))[mode]
    network, images = build(test_cfg=test_cfg).eval(), image(32, 48, count=1)
    sample = SegDataSample(metainfo=dict(ori_shape=(64, 96), img_shape=(32, 48), flip=True,
                                         flip_direction='horizontal'))  # fmt: skip
    (found,) = network(images, [sample], mode='predict')
    if mode == 'whole':
        logits = published_prediction(network, images, (16, 24))
    else:
        left, right = (published_prediction(network, images[..., i : i + 32], (16, 16)) for i in (0, 16))
        logits = F.pad(left, (0, 16)) + F.pad(right, (16, 0))
        logits[..., 16:32] /= 2
    expected = F.interpolate(logits.flip(-1), size=(64, 96), mode='bilinear', align_corners=False)[0]
    close(found.seg_logits.data, expected)
    assert torch.equal(found.pred_sem_seg.data, expected.argmax(0, keepdim=True))


@pytest.mark.parametrize('size', [(32, 40), (30, 32), (24, 48)])
def test_a_crop_that_has_no_detail_on_the_grid_is_refused(size):
    with pytest.raises(
        UserError, match=r'from training images of .* x .*, but .* grid=8; crop images to multiples of 16'
    ):
        forward(build(), image(*size), ['logits'])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(factor=1), 'factor=1 and grid=8; give a factor of at least 2'),
        (dict(factor=3), 'factor=3 and grid=8; give a factor of at least 2, and as grid a multiple'),
        (dict(detail_size=(64, 60)), r'detail_size=\(64, 60\); give multiples of grid=8'),
        (dict(detail_weight=1.0), 'detail_weight=1.0; give a share'),
        (dict(attention_head=TWO), 'decode_head gives 3 channels and attention_head 2'),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        MODELS.build(dict(plain_segmentor(), type='HRDA', **dict(dict(attention_head=dict(type='ToyHead')), **options)))


def test_a_grid_finer_than_the_logits_is_refused():
    network = build(stride=8)  # of the context, logits are every 16th pixel of the image
    with pytest.raises(UserError, match=r'\(64, 64\) has logits of \(4, 4\), but grid=8 must be a multiple'):
        forward(network, image(64, 64), ['logits'])
    with pytest.raises(UserError, match='raise grid'):
        network(image(64, 64), mode='tensor')


def test_attention_of_another_grid_is_resized():
    attention = dict(type='ToyHead', in_index=0, dropout_ratio=0)
    torch.manual_seed(0)
    network = MODELS.build(dict(plain_segmentor(OS), type='HRDA', attention_head=attention)).double()
    found = forward(network, image(32, 32), ['attention']).tap('attention')
    low = network.backbone(F.interpolate(image(32, 32), scale_factor=0.5, mode='bilinear', align_corners=False))[0]
    finer = decode(network.attention_head, low)
    close(found, F.interpolate(finer, size=(8, 8), mode='bilinear', align_corners=False).sigmoid())
