"""Block masks of images, compared with the procedure of MIC's released code."""

import pytest
import torch

from mmuda.utils.errors import UserError
from tests.helpers.views import batch_of, build, maps


def images(*shape, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).to(dtype) + 1


def blocks_of(hidden, rows, columns):
    """Whether each block of an image (H, W) is hidden; a pixel belongs to block (y * rows // H, x * columns // W)."""
    found = {}
    for y, row in enumerate(hidden.tolist()):
        for x, value in enumerate(row):
            found.setdefault((y * rows // hidden.shape[0], x * columns // hidden.shape[1]), set()).add(value)
    assert len(found) == rows * columns
    assert all(len(values) == 1 for values in found.values())
    return [values.pop() for values in found.values()]


# MIC divides an image into round(H / b) x round(W / b) blocks and stretches them to the image.
@pytest.mark.parametrize(
    ('size', 'options', 'grid'),
    [
        ((64, 96), dict(block=8), (8, 12)),
        ((50, 41), dict(block=16), (3, 3)),
        ((64, 96), {}, (16, 24)),  # a sixteenth of the shorter side
        ((64, 96), dict(block_metres=3.1), (13, 19)),  # 5 pixels of 0.6 m
        ((8, 8), dict(block=100), (1, 1)),
        ((8, 8), dict(block_metres=0.1), (8, 8)),
        ((5, 7), {}, (5, 7)),
    ],
)
def test_whole_blocks_are_hidden(size, options, grid):
    batch = batch_of('target', images(3, 2, *size), gsd=0.6)
    masked = build(dict(type='Masked', ratio=0.5, **options), pseudo=batch)['inputs']
    hidden = (masked == 0).all(dim=1)
    assert torch.equal(masked, torch.where(hidden[:, None], 0, batch['inputs']))
    for one in hidden:
        blocks_of(one, *grid)


def test_each_block_of_each_image_is_hidden_by_itself():
    batch = batch_of('target', images(8, 1, 160, 160))
    hidden = build(dict(type='Masked', block=4), pseudo=batch)['inputs'] == 0
    shares = [sum(blocks_of(one[0], 40, 40)) / 1600 for one in hidden]
    assert sum(shares) / 8 == pytest.approx(0.7, abs=0.02)  # 12800 blocks: a standard deviation is 0.004
    assert all(share == pytest.approx(0.7, abs=0.06) for share in shares)
    # Neighbours, and the same block of two images, agree as often as independent draws do: 0.7^2 + 0.3^2.
    blocks = hidden[:, 0, ::4, ::4]
    for first, second in ((blocks[:-1], blocks[1:]), (blocks[:, 1:], blocks[:, :-1])):
        assert (first == second).double().mean() == pytest.approx(0.58, abs=0.03)


@pytest.mark.parametrize(('ratio', 'share'), [(0.0, 0), (1.0, 1)])
def test_the_ends_of_the_ratio(ratio, share):
    masked = build(dict(type='Masked', ratio=ratio), pseudo=batch_of('target', images(1, 1, 32, 32)))
    assert (masked['inputs'] == 0).double().mean() == share


def test_labels_weights_and_extras_stay():
    label, weight = torch.randint(0, 3, (1, 16, 16)), torch.rand(1, 16, 16)
    fine = torch.rand(1, 3, 32, 32)
    batch = batch_of('target', images(1, 3, 16, 16), label, weight, extras=dict(fine_image=fine))
    masked = build(dict(type='Masked'), pseudo=batch)
    assert torch.equal(maps(masked, 'gt_sem_seg'), label) and torch.equal(maps(masked, 'pixel_weight'), weight)
    assert masked['fine_image'] is fine
    assert (batch['inputs'] > 0).all()


def test_each_sample_has_its_own_metres():
    batch = batch_of('target', images(2, 1, 24, 24))
    for sample, gsd in zip(batch['data_samples'], (0.5, 1.0), strict=True):
        sample.set_metainfo(dict(gsd=gsd))
    hidden = build(dict(type='Masked', block_metres=3), seed=3, pseudo=batch)['inputs'] == 0
    blocks_of(hidden[0, 0], 4, 4)
    assert 0 < sum(blocks_of(hidden[1, 0], 8, 8)) < 64
    with pytest.raises(AssertionError):
        blocks_of(hidden[1, 0], 4, 4)


def test_the_seed_decides():
    batch = batch_of('target', images(2, 3, 32, 32, dtype=torch.bfloat16))
    first, again, other = (build(dict(type='Masked'), seed, pseudo=batch)['inputs'] for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(block=4, block_metres=2), 'give one of them'),
        (dict(block=0), 'block=0; give a whole number of at least 1'),
        (dict(block_metres=0.0), 'block_metres=0.0; give a number above 0'),
        (dict(ratio=1.5), 'give a number between 0 and 1'),
        (dict(block_metres=2), "a sample of 'pseudo' states no gsd"),
    ],
)
def test_what_cannot_be_is_refused(options, said):
    with pytest.raises(UserError, match=said):
        build(dict(type='Masked', **options), pseudo=batch_of('target', images(1, 1, 8, 8)))
