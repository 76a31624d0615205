import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models import backbones, decode_heads, segmentors, sr_heads  # noqa: F401  (registers)
from mmuda.registry import MODELS

BASE = 2


def build(test_cfg=None, head=None, num_classes=3):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='SuperResolutionSegmentor',
            backbone=dict(type='ResidualASPP', base_channels=BASE),
            sr_head=dict(type='SuperResolutionHead', base_channels=BASE),
            decode_head=head or dict(type='PyramidFusionHead', base_channels=BASE, num_classes=num_classes),
            test_cfg=test_cfg,
        )
    ).eval()


def sample(**meta):
    return SegDataSample(metainfo=meta)


def resized(logits, size):
    return F.interpolate(logits, size=size, mode='bilinear', align_corners=True)


PLAIN_HEAD = dict(type='ConvHead', in_channels=4 * BASE, num_classes=3)


@pytest.mark.parametrize('size', [(114, 188), (57, 57)])
def test_shapes_of_the_parts(size):
    model = build()
    features = model.extract_feat(torch.rand(2, 3, *size))
    assert isinstance(features, tuple) and len(features) == 1
    halves = [(side + 1) // 2 for side in size]
    up1, up2 = model.sr_features(features)
    assert up1.shape == (2, 4 * BASE, *(2 * side for side in halves))
    assert up2.shape == (2, 2 * BASE, *(4 * side for side in halves))
    assert model.super_resolve((up1, up2), (380, 191)).shape == (2, 3, 380, 191)
    logits = model.decode(features, (up1, up2))
    assert logits.shape == (2, 3, *up2.shape[2:])
    assert torch.equal(model.decode(features), logits)
    assert model.with_fusion


def test_the_head_without_fusion_reads_the_feature_alone():
    model = build(head=PLAIN_HEAD)
    features = model.extract_feat(torch.rand(1, 3, 20, 20))
    assert not model.with_fusion
    assert torch.equal(model.decode(features, model.sr_features(features)), model.decode_head(features))


def test_loss_is_the_cross_entropy_on_the_finer_label():
    model = build().double()
    image = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    label = torch.randint(0, 3, (2, 40, 40))
    samples = [SegDataSample(gt_sem_seg=PixelData(data=one[None])) for one in label]
    losses = model(image, samples, mode='loss')
    log_prob = resized(model(image), (40, 40)).log_softmax(1)
    expected = -log_prob.gather(1, label[:, None]).mean()
    assert abs(losses['decode.loss_ce'] - expected) <= 1e-9
    assert 'decode.acc_seg' in losses
    losses['decode.loss_ce'].backward()
    assert model.backbone.stem[0].weight.grad.abs().sum() > 0
    assert model.sr_head.up1[0].weight.grad.abs().sum() > 0
    assert model.sr_head.to_image.weight.grad is None


@pytest.mark.parametrize('ori_shape', [(625, 625), (41, 97), (10, 12)])
def test_prediction_goes_straight_to_the_grid_of_the_raster(ori_shape):
    model = build().double()
    image = torch.rand(1, 3, 19, 30, dtype=torch.float64)
    (result,) = model.predict(image, [sample(ori_shape=ori_shape, img_shape=(19, 30))])
    expected = resized(model(image), ori_shape)[0]
    assert (result.seg_logits.data - expected).abs().max() <= 1e-9
    assert torch.equal(result.pred_sem_seg.data, expected.argmax(0, keepdim=True))


def test_a_detail_finer_than_the_input_survives():
    """Through the size of the input, a checkerboard on the logits' grid would be averaged away."""
    model = build()
    board = torch.zeros(1, 3, 16, 16)
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(16), indexing='ij')
    board[0, 1] = ((rows + columns) % 2).float()
    model.encode_decode = lambda inputs, metas=None: board
    (result,) = model.predict(torch.rand(1, 3, 8, 8), [sample(ori_shape=(16, 16))])
    assert torch.equal(result.seg_logits.data[1], board[0, 1])


def test_without_samples_the_grid_is_that_of_the_input():
    model = build()
    results = model.predict(torch.rand(2, 3, 17, 20))
    assert len(results) == 2
    assert all(r.pred_sem_seg.data.shape == (1, 17, 20) for r in results)


def test_samples_of_different_grids():
    model = build()
    image = torch.rand(3, 3, 16, 16)
    shapes = [(50, 50), (23, 31), (16, 16)]
    results = model.predict(image, [sample(ori_shape=shape) for shape in shapes])
    for i, (result, shape) in enumerate(zip(results, shapes, strict=True)):
        (alone,) = model.predict(image[i : i + 1], [sample(ori_shape=shape)])
        torch.testing.assert_close(result.seg_logits.data, alone.seg_logits.data, rtol=0, atol=1e-5)


@pytest.mark.parametrize('mode', ['whole', 'slide'])
@pytest.mark.parametrize('direction, dims', [('horizontal', (2,)), ('vertical', (1,)), ('diagonal', (1, 2))])
def test_flips_are_undone(mode, direction, dims):
    model = build(dict(mode=mode, crop_size=(8, 8), stride=(6, 6))).double()
    image = torch.rand(1, 3, 16, 14, dtype=torch.float64)
    (plain,) = model.predict(image, [sample(ori_shape=(40, 35), flip=False, flip_direction=None)])
    (flipped,) = model.predict(image, [sample(ori_shape=(40, 35), flip=True, flip_direction=direction)])
    assert torch.equal(flipped.seg_logits.data, plain.seg_logits.data.flip(dims))


def test_an_unknown_flip_is_refused():
    with pytest.raises(ValueError, match="flip_direction='sideways'"):
        build().predict(torch.rand(1, 3, 8, 8), [sample(ori_shape=(8, 8), flip=True, flip_direction='sideways')])


@pytest.mark.parametrize('mode', ['whole', 'slide'])
def test_padding_leaves_no_trace(mode):
    model = build(dict(mode=mode, crop_size=(10, 10), stride=(10, 10)))
    image = torch.rand(1, 3, 15, 13)
    padded = F.pad(image, (1, 2, 3, 4), value=9.0)
    other = torch.rand(1, 3, 22, 16)
    expected = [
        model.predict(image, [sample(ori_shape=(45, 39))])[0],
        model.predict(other, [sample(ori_shape=(30, 30))])[0],
    ]
    results = model.predict(
        torch.cat([padded, other]),
        [sample(ori_shape=(45, 39), padding_size=[1, 2, 3, 4]), sample(ori_shape=(30, 30), padding_size=[0] * 4)],
    )
    for result, alone in zip(results, expected, strict=True):
        torch.testing.assert_close(result.seg_logits.data, alone.seg_logits.data, rtol=0, atol=1e-5)


@pytest.mark.parametrize('crop', [(19, 30), (64, 64)])
def test_a_window_that_covers_the_image_is_whole_inference(crop):
    image = torch.rand(2, 3, 19, 30, dtype=torch.float64)
    samples = lambda: [sample(ori_shape=(63, 100)), sample(ori_shape=(19, 30))]  # noqa: E731
    whole = build().double().predict(image, samples())
    slide = build(dict(mode='slide', crop_size=crop, stride=crop)).double().predict(image, samples())
    for a, b in zip(whole, slide, strict=True):
        assert (a.seg_logits.data - b.seg_logits.data).abs().max() <= 1e-9


@pytest.mark.parametrize('ori_shape', [(53, 70), (16, 21), (5, 7)])
def test_windows_accumulate_on_the_grid_of_the_raster(ori_shape):
    """Every window's logits, resized to the pixels it covers there; means where windows overlap."""
    model = build(dict(mode='slide', crop_size=(8, 10), stride=(5, 6))).double()
    image = torch.rand(1, 3, 16, 21, dtype=torch.float64)
    (result,) = model.predict(image, [sample(ori_shape=ori_shape)])
    total, count = torch.zeros(3, *ori_shape, dtype=torch.float64), torch.zeros(ori_shape)
    for top in (0, 5, 8):
        for left in (0, 6, 11):
            y1, y2 = (round(v * ori_shape[0] / 16) for v in (top, top + 8))
            x1, x2 = (round(v * ori_shape[1] / 21) for v in (left, left + 10))
            logits = model(image[..., top : top + 8, left : left + 10])
            total[:, y1:y2, x1:x2] += resized(logits, (y2 - y1, x2 - x1))[0]
            count[y1:y2, x1:x2] += 1
    assert count.min() >= 1
    assert (result.seg_logits.data - total / count).abs().max() <= 1e-9


@pytest.mark.parametrize(
    'test_cfg, message',
    [
        (dict(mode='sliding'), "mode='sliding'"),
        (dict(mode='slide', crop_size=(8, 8)), 'needs stride'),
        (dict(mode='slide', crop_size=(8, 8), stride=(9, 8)), r'stride=\(9, 8\)'),
    ],
)
def test_bad_test_cfg_is_refused(test_cfg, message):
    with pytest.raises(ValueError, match=message):
        build(test_cfg)


def test_a_single_channel_is_thresholded():
    model = build(head=dict(type='PyramidFusionHead', base_channels=BASE, num_classes=2, out_channels=1, threshold=0.5))
    image = torch.rand(1, 3, 8, 8)
    (result,) = model.predict(image, [sample(ori_shape=(24, 24))])
    prob = resized(model(image), (24, 24))[0].sigmoid()
    assert torch.equal(result.seg_logits.data, prob)
    assert torch.equal(result.pred_sem_seg.data, (prob > 0.5).float())


def test_noadapt_is_a_plain_encoder_decoder():
    cfg = dict(
        type='EncoderDecoder',
        backbone=dict(type='NoAdaptBackbone', base_channels=BASE),
        decode_head=PLAIN_HEAD,
        test_cfg=dict(mode='whole'),
    )
    with DefaultScope.overwrite_default_scope('mmuda'):  # as a config's default_scope does
        model = MODELS.build(ConfigDict(cfg)).eval()
    image = torch.rand(1, 3, 57, 41)
    (result,) = model.predict(image, [sample(ori_shape=(57, 41), img_shape=(57, 41))])
    expected = resized(model(image), (57, 41))[0]
    torch.testing.assert_close(result.seg_logits.data, expected, rtol=0, atol=1e-5)
