"""Flipped batches, and maps that are flipped back."""

import numpy as np
import pytest
import torch

from mmuda.models.views import flip
from mmuda.utils.errors import UserError
from tests.helpers.views import batch_of, build, maps

FLIPS = dict(horizontal=np.fliplr, vertical=np.flipud, diagonal=lambda array: np.rot90(array, 2))


def full_batch():
    torch.manual_seed(0)
    return batch_of(
        'target',
        torch.rand(2, 3, 5, 7),
        labels=torch.randint(0, 4, (2, 10, 14)),
        weights=torch.rand(2, 10, 14),
        no_data=torch.rand(2, 10, 14) > 0.5,
        extras=dict(fine_image=torch.rand(2, 3, 10, 14), cells=torch.randint(0, 9, (2, 5, 7)), number=torch.arange(2)),
    )


@pytest.mark.parametrize('direction', FLIPS)
def test_everything_that_has_a_place_is_flipped(direction):
    batch, by_hand = full_batch(), FLIPS[direction]
    flipped = build(dict(type='Flipped', direction=direction), target=batch)
    for key in ('inputs', 'fine_image'):
        for found, before in zip(flipped[key].flatten(0, 1), batch[key].flatten(0, 1), strict=True):
            np.testing.assert_array_equal(found, by_hand(before.numpy()))
    for name in ('gt_sem_seg', 'pixel_weight', 'no_data'):
        for found, before in zip(maps(flipped, name), maps(batch, name), strict=True):
            np.testing.assert_array_equal(found, by_hand(before.numpy()))
    for found, before in zip(flipped['cells'], batch['cells'], strict=True):
        np.testing.assert_array_equal(found, by_hand(before.numpy()))
    assert flipped['number'].tolist() == [0, 1]
    assert [sample.number for sample in flipped['data_samples']] == [0, 1]


@pytest.mark.parametrize('direction', FLIPS)
def test_the_batch_stays_and_a_second_flip_undoes_the_first(direction):
    batch, before = full_batch(), full_batch()
    flipped = build(dict(type='Flipped', direction=direction), target=batch)
    assert torch.equal(batch['inputs'], before['inputs']) and torch.equal(
        maps(batch, 'no_data'), maps(before, 'no_data')
    )
    assert not torch.equal(flipped['inputs'], batch['inputs'])
    assert torch.equal(flip(flipped['inputs'], direction), batch['inputs'])


def test_a_batch_without_labels():
    flipped = build(dict(type='Flipped'), target=batch_of('target', torch.rand(1, 1, 2, 2)))
    assert flipped['data_samples'][0].keys() == []


def test_an_unknown_direction_is_refused():
    with pytest.raises(UserError, match="give one of .'horizontal', 'vertical', 'diagonal'"):
        build(dict(type='Flipped', direction='left'))
