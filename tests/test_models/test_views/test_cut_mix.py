"""CutMix, compared with UniMatch's rectangles."""

import math
import random

import pytest
import torch

from mmuda.registry import VIEWS
from mmuda.utils.errors import UserError
from tests.helpers.views import batch_of, build, maps


def batches(size, count=1):
    images, labels = torch.zeros(count, 1, *size), torch.zeros(count, *size).long()
    target = batch_of('target', images, labels, torch.zeros(count, *size))
    return dict(source=batch_of('source', images + 1, labels + 1), pseudo=target)


def rectangles(size, count, **options):
    """Top, left, height and width of what is pasted into each image; None where nothing is."""
    mixed = build(dict(type='CutMix', source='source', **options), **batches(size, count))
    pasted = mixed['inputs'][:, 0] == 1
    assert torch.equal(maps(mixed, 'gt_sem_seg') == 1, pasted) and torch.equal(maps(mixed, 'pixel_weight') == 1, pasted)
    found = []
    for one in pasted:
        rows, columns = one.any(dim=1).nonzero().flatten().tolist(), one.any(dim=0).nonzero().flatten().tolist()
        if not rows:
            found.append(None)
            continue
        top, left, height, width = rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert one.sum() == height * width
        found.append((top, left, height, width))
    return found


def released(height, width, generator):
    """UniMatch's rectangle, drawn again until it fits."""
    area = generator.uniform(0.02, 0.4) * height * width
    while True:
        ratio = generator.uniform(0.3, 1 / 0.3)
        wide, tall = int(math.sqrt(area / ratio)), int(math.sqrt(area * ratio))
        left, top = generator.randrange(width), generator.randrange(height)
        if left + wide <= width and top + tall <= height:
            return top, left, tall, wide


@pytest.mark.parametrize('size', [(64, 64), (40, 90)])
def test_rectangles_are_distributed_as_the_released_ones(size):
    generator, count = random.Random(0), 2000
    ours = rectangles(size, count, probability=1.0)
    theirs = [released(*size, generator) for _ in range(count)]
    for one in range(4):  # top, left, height, width
        values = [sorted(rectangle[one] for rectangle in found) for found in (ours, theirs)]
        # Kolmogorov and Smirnov's distance; two samples of 2000 exceed 0.06 once in a thousand times.
        assert ks_distance(*values) < 0.06
    areas = [sorted(r[2] * r[3] for r in found) for found in (ours, theirs)]
    assert ks_distance(*areas) < 0.06


def ks_distance(first, second):
    points = torch.tensor(sorted(set(first) | set(second)))
    shares = [torch.searchsorted(torch.tensor(v), points, right=True) / len(v) for v in (first, second)]
    return (shares[0] - shares[1]).abs().max()


def test_half_of_the_images_get_one():
    found = rectangles((32, 32), 1000)
    assert sum(one is not None for one in found) == pytest.approx(500, abs=80)  # a standard deviation is 16
    assert all(one is None for one in rectangles((32, 32), 50, probability=0.0))


def test_a_rectangle_may_fill_the_image():
    assert set(rectangles((16, 16), 20, probability=1.0, area=(1.0, 1.0), ratio=(0.9, 1.1))) == {(0, 0, 16, 16)}


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(probability=1.5), 'give a number between 0 and 1'),
        (dict(area=(0.4, 0.02)), 'the smaller value first'),
        (dict(area=(0.0, 0.5)), 'both above 0'),
        (dict(ratio=(-1, 2)), 'both above 0'),
    ],
)
def test_values_out_of_range_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        VIEWS.build(dict(type='CutMix', **options))


def test_rectangles_that_never_fit_are_refused():
    with pytest.raises(UserError, match='does not fit into images of 4 x 200 pixels'):
        rectangles((4, 200), 1, probability=1.0)
