"""Low2High's networks and losses against its tables and equations."""

import math
from contextlib import nullcontext

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from mmuda.models.losses import aggregate_regions, labels_of_regions
from mmuda.models.terms import gaussian_blur, sargmax
from mmuda.registry import MODELS, TERMS
from mmuda.testing import Taps
from mmuda.utils.setup_env import register_all_modules

register_all_modules()
WIDTHS = (32, 64, 128, 128, 128, 128, 128, 128)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# The card's and the paper's tables S4 to S6.


def test_encoder_has_the_features_and_parameters_of_table_s4():
    encoder = MODELS.build(dict(type='StemResNet'))
    encoder.eval()  # mmseg's returns nothing
    with torch.no_grad():
        features = encoder(torch.zeros(1, 3, 512, 512))
    assert [tuple(f.shape[1:]) for f in features] == [
        (64, 256, 256), (64, 128, 128), (128, 64, 64), (256, 32, 32), (512, 16, 16)
    ]  # fmt: skip
    assert parameters(encoder.conv1) == 9408 and parameters(encoder) == 11_176_512  # ResNet-18 without its classifier
    block = encoder.layer2[0]
    assert (parameters(block.conv1), parameters(block.conv2), parameters(block.downsample)) == (73_728, 147_456, 8_448)


@pytest.mark.parametrize(('classes', 'last'), [(12, 6924), (4, 2308)])
def test_decoder_has_the_parameters_of_table_s5(classes, last):
    head = MODELS.build(dict(type='UNetHead', num_classes=classes))
    pairs = [(parameters(block[0]), parameters(block[2])) for block in head.blocks]
    assert pairs == [(1_769_728, 590_080), (442_496, 147_584), (110_656, 36_928), (73_792, 36_928)]
    assert parameters(head.conv_seg) == last
    assert parameters(head) == sum(map(sum, pairs)) + last


@pytest.mark.parametrize('upsample', ['nearest', 'bilinear'])
def test_logits_have_the_size_of_the_image(upsample):
    torch.manual_seed(0)
    encoder = MODELS.build(dict(type='StemResNet'))
    encoder.eval()
    head = MODELS.build(dict(type='UNetHead', num_classes=4, upsample=upsample))
    for size in ((64, 96), (100, 70)):  # the second is no multiple of 32
        assert head(encoder(torch.rand(1, 3, *size))).shape == (1, 4, *size)


def test_discriminator_has_the_parameters_of_table_s6():
    network = MODELS.build(dict(type='ResidualDiscriminator'))
    down = [9_248, 36_928, *[147_584] * 5]
    found = [
        (parameters(block.residual), parameters(block.pair), parameters(block.down) if block.down else 0)
        for block in network.blocks
    ]
    assert [one[2] for one in found] == [*down, 0]
    assert [one[:2] for one in found] == [(64, 9_568), (2_112, 55_424), (8_320, 221_440), *[(16_512, 295_168)] * 5]
    assert (parameters(network.last), parameters(network.judge)) == (147_584, 513)
    assert parameters(network) == 2_787_521
    assert network(torch.zeros(2, 1, 256, 256)).shape == (2, 1)
    with pytest.raises(ValueError, match='crop_size of its term'):
        network(torch.zeros(2, 1, 128, 128))


def test_a_residual_block_is_what_stylegan2s_is():
    torch.manual_seed(0)
    block = MODELS.build(dict(type='ResidualDiscriminator', channels=(4, 4), input_size=8)).double().blocks[0]
    x = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    y = x
    for conv in (block.pair[0], block.pair[2]):
        y = nn.functional.leaky_relu(nn.functional.conv2d(y, conv.weight, conv.bias, padding=1), 0.2)
    row = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    padded = nn.functional.pad(y, (1, 1, 1, 1), mode='reflect')
    blurred = sum(row[i] * row[j] * padded[..., i : i + 8, j : j + 8] for i in range(3) for j in range(3))
    strided = nn.functional.conv2d(blurred, block.down[1].weight, block.down[1].bias, stride=2, padding=1)
    residual = nn.functional.conv2d(x, block.residual.weight, block.residual.bias, stride=2)
    assert torch.allclose(block(x), (strided + residual) / math.sqrt(2), atol=1e-7)  # the kernel is float32


# Region aggregation.


def grid(height, width, ratio, offset):
    """Cells of ``ratio`` pixels whose grid begins ``offset`` pixels before the corner; counted row by row."""
    rows = (torch.arange(height) + offset[0]) // ratio
    cols = (torch.arange(width) + offset[1]) // ratio
    return (rows[:, None] * (int(cols.max()) + 1) + cols).int()


def by_loops(logits, cells, reduction):
    """Low2High, section 4.3: for each cell the sum (or mean) of the logits of its pixels."""
    images, channels, height, width = logits.shape
    found = {}
    for n in range(images):
        for i in range(height):
            for j in range(width):
                if cells[n, i, j] >= 0:
                    found.setdefault((n, int(cells[n, i, j])), []).append(logits[n, :, i, j])
    return {
        key: torch.stack(values).sum(0) / (len(values) if reduction == 'mean' else 1) for key, values in found.items()
    }


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
@pytest.mark.parametrize(('ratio', 'offset'), [(5, (0, 0)), (5, (3, 1)), (2, (1, 0)), (30, (7, 12))])
def test_aggregation_is_a_loop_over_cells(reduction, ratio, offset):
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 13, 17, dtype=torch.float64)
    cells = torch.stack([grid(13, 17, ratio, offset), grid(13, 17, ratio, (offset[1], 0))])
    cells[0, 4:6, 3:9] = -1
    cells[1, :, :5] = -1
    aggregated, pixels = aggregate_regions(logits, cells, reduction)
    wanted = by_loops(logits, cells, reduction)
    assert int((pixels > 0).sum()) == len(wanted)
    for (n, cell), value in wanted.items():
        assert torch.allclose(aggregated[n, cell], value, atol=1e-12)
        assert pixels[n, cell] == (cells[n] == cell).sum()
    assert (aggregated[pixels == 0] == 0).all()


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_gradient_of_aggregation(reduction):
    torch.manual_seed(0)
    logits = torch.randn(2, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    cells = torch.stack([grid(5, 6, 2, (1, 0)), grid(5, 6, 3, (0, 2))])
    cells[0, 0, 0] = -1
    assert torch.autograd.gradcheck(lambda x: aggregate_regions(x, cells, reduction)[0], (logits,))


def test_a_cell_has_the_label_of_its_labelled_pixels():
    cells = grid(4, 4, 2, (0, 0))[None]
    label = torch.tensor([[0, 0, 2, 255], [0, 0, 2, 2], [255, 255, 1, 1], [255, 255, 1, 1]])[None]
    cells[0, 3, 3] = -1
    assert labels_of_regions(label, cells, 5).tolist() == [[0, 2, 255, 1, 255]]


def taps_of(**taps):
    """A context of taps whose colon is written ``__``."""
    return Taps({name.replace('__', ':'): tap for name, tap in taps.items()})


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
@pytest.mark.parametrize('min_pixels', [1, 4])
def test_region_term_is_equation_1(reduction, min_pixels):
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 9, 9, dtype=torch.float64, requires_grad=True)
    cells = torch.stack([grid(9, 9, 4, (2, 3)), grid(9, 9, 4, (0, 1))])
    labels = torch.randint(0, 3, (2, 64))
    labels[0, 4] = 255
    label = torch.stack([labels[n][cells[n].long()] for n in (0, 1)])
    label[1, 0, 0] = 255  # one pixel of a labelled cell
    cells[1, 8, 8] = -1
    term = TERMS.build(dict(type='RegionAggregation', reduction=reduction, min_pixels=min_pixels, loss_weight=2.0))
    assert term.reads('segmentor') == {'source:logits', 'source:label', 'source:cells'}
    losses = term.losses('segmentor', taps_of(source__logits=logits, source__label=label, source__cells=cells))
    kept = cells.clone()
    kept[label == 255] = -1
    total, count, right = 0.0, 0, 0
    for (n, cell), value in by_loops(logits, kept, reduction).items():
        if (kept[n] == cell).sum() >= min_pixels:
            y = int(labels[n, cell])
            total = total - torch.log(torch.exp(value[y]) / torch.exp(value).sum())
            count, right = count + 1, right + int(value.argmax() == y)
    assert float(losses['loss_ce']) == pytest.approx(2.0 * float(total / count), rel=1e-9)
    assert float(losses['acc_cells']) == pytest.approx(right / count)
    (found,) = torch.autograd.grad(losses['loss_ce'], logits, retain_graph=True)
    (wanted,) = torch.autograd.grad(2.0 * total / count, logits)
    assert torch.allclose(found, wanted, atol=1e-9)


def test_without_a_labelled_cell_the_loss_is_zero_and_has_a_gradient():
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    term = TERMS.build(dict(type='RegionAggregation'))
    taps = taps_of(
        source__logits=logits, source__label=torch.full((1, 4, 4), 255), source__cells=grid(4, 4, 2, (0, 0))[None]
    )
    loss = term.losses('segmentor', taps)['loss_ce']
    loss.backward()
    assert loss == 0 and (logits.grad == 0).all()


# Label maps.


def test_sargmax_is_equation_3():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 3, 3, dtype=torch.float64) * 1e-3
    wanted = torch.zeros(2, 1, 3, 3, dtype=torch.float64)
    weights = torch.exp(1e3 * x) / torch.exp(1e3 * x).sum(1, keepdim=True)
    for c in range(4):
        wanted += (c + 1) * weights[:, c : c + 1]
    assert torch.allclose(sargmax(x, 1e3), wanted, atol=1e-12)


@pytest.mark.parametrize('scale', [0.0, 1e-3, 1.0, 1e4, 1e30, 3e38])
def test_sargmax_is_finite_for_logits_of_any_size(scale):
    torch.manual_seed(0)
    logits = (torch.rand(2, 5, 4, 4) * 2 - 1) * scale
    logits.requires_grad_(True)
    index = sargmax(logits)
    assert index.isfinite().all() and index.min() >= 1 and index.max() <= 5
    index.sum().backward()
    assert logits.grad.isfinite().all()
    if scale >= 1.0:
        assert torch.allclose(index.squeeze(1), (logits.argmax(1) + 1).float(), atol=0.5)


def test_blur_is_the_papers_kernel():
    x = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    x[0, 0, 2, 2] = 1
    weights = [[math.exp(-(i**2 + j**2) / (2 * 0.36)) for j in (-1, 0, 1)] for i in (-1, 0, 1)]
    total = sum(map(sum, weights))
    wanted = torch.tensor(weights, dtype=torch.float64) / total
    assert torch.allclose(gaussian_blur(x)[0, 0, 1:4, 1:4], wanted, atol=1e-12)


@pytest.fixture
def alignment():
    torch.manual_seed(0)
    return TERMS.build(
        dict(
            type='LabelMapAlignment',
            discriminator=dict(type='ResidualDiscriminator', channels=(4, 4), input_size=8),
            loss=dict(type='GANLoss', gan_type='hinge'),
            loss_weight=0.3,
        )
    ).double()


def test_label_map_losses_are_the_hinge_losses_of_the_paper(alignment):
    logits = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    label = torch.randint(0, 3, (2, 8, 8))
    taps = taps_of(source__logits=logits, exemplar__label=label, source__image=torch.zeros(2, 3, 8, 8))
    assert alignment.reads('segmentor') == {'source:logits', 'exemplar:label'}
    index = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64).view(1, 3, 1, 1)
    fake = alignment.discriminator(gaussian_blur(((1e3 * logits).softmax(1) * index).sum(1, keepdim=True)))
    real = alignment.discriminator(gaussian_blur((label + 1).double()[:, None]))
    generator = alignment.losses('segmentor', taps)
    assert float(generator['loss_adversarial']) == pytest.approx(-0.3 * float(fake.mean()), rel=1e-6)
    wanted = torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()
    found = alignment.losses('discriminator', taps)
    assert float(found['loss_discriminator']) == pytest.approx(float(wanted), rel=1e-9)


def test_windows_for_the_discriminator_are_cut_from_larger_maps(alignment):
    alignment.crop_size = 8
    places = torch.arange(120.0).view(1, 1, 10, 12)
    corners = set()
    for seed in range(200):
        torch.manual_seed(seed)
        window = alignment._crop(places)
        row, col = divmod(int(window[0, 0, 0, 0]), 12)
        assert torch.equal(window, places[..., row : row + 8, col : col + 8])
        corners.add((row, col))
    assert corners == {(row, col) for row in range(3) for col in range(5)}
    with pytest.raises(ValueError, match='windows of 8 px from maps of 6 x 12'):
        alignment._crop(places[..., :6, :])


def test_unknown_exemplar_pixels_tell_nothing(alignment):
    """They are 0 in the real maps, and as many pixels of the predicted ones are."""
    alignment.blur = 0
    logits = torch.randn(3, 3, 8, 8, dtype=torch.float64)
    label = torch.randint(0, 3, (2, 8, 8))
    label[0, :2] = 255
    taps = taps_of(source__logits=logits, exemplar__label=label, source__image=torch.zeros(3, 3, 8, 8))
    real, fake = alignment.read('exemplar', taps), alignment.read('prediction', taps)
    assert torch.equal(real[0, 0] == 0, label[0] == 255) and (real[1] > 0).all()
    # Three predictions, two exemplars: the third prediction goes with the first exemplar.
    for n, of in ((0, 0), (1, 1), (2, 0)):
        assert torch.equal(fake[n, 0] == 0, label[of] == 255)


def test_the_whole_trains_through_the_wrapper():
    """One iteration of the narrow system: logits of cells, exemplars without images, a discriminator."""
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='DomainAdaptation',
            segmentor=dict(
                type='EncoderDecoder',
                backbone=dict(type='StemResNet', base_channels=8, stem_channels=8),
                decode_head=dict(
                    type='UNetHead',
                    in_channels=(8, 8, 16, 32, 64),
                    widths=(16, 8, 8, 8),
                    num_classes=3,
                    loss_decode=dict(type='CrossEntropyLoss'),
                ),
                test_cfg=dict(mode='whole'),
            ),
            terms=dict(
                supervised=dict(type='RegionAggregation'),
                maps=dict(
                    type='LabelMapAlignment',
                    discriminator=dict(type='ResidualDiscriminator', channels=(8, 8, 8), input_size=32),
                    loss=dict(type='GANLoss', gan_type='hinge'),
                ),
            ),
        )
    )

    def sample(label):
        return SegDataSample(gt_sem_seg=PixelData(data=label[None].long()))

    cells = grid(32, 32, 8, (3, 5))
    batch = dict(
        source=dict(
            inputs=[torch.randint(0, 255, (3, 32, 32), dtype=torch.uint8) for _ in range(2)],
            data_samples=[sample(torch.randint(0, 3, (100,))[cells.long()]) for _ in range(2)],
            cells=[cells, cells],
        ),
        exemplar=dict(data_samples=[sample(torch.randint(0, 3, (32, 32))) for _ in range(2)]),
    )
    data = model.data_preprocessor(batch, training=True)
    names = [f'{term}.{phase}' for term, phase in (('supervised', 'segmentor'), ('maps', 'segmentor'))]
    context, losses = model.build_context(data, names, nullcontext), {}
    for name in names:
        losses.update(model.compute_losses(name, context))
    assert set(losses) == {'supervised.loss_ce', 'supervised.acc_cells', 'maps.loss_adversarial'}
    (losses['supervised.loss_ce'] + losses['maps.loss_adversarial']).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.segmentor.parameters())
