"""Where samples hold no data, as losses and predictions ask for it."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.structures import no_data_of, predicted_label, validity


def sample_of(missing=None, **meta):
    sample = SegDataSample(metainfo=meta)
    if missing is not None:
        sample.set_data(dict(no_data=PixelData(data=missing[None])))
    return sample


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) > 0.5


def test_weights_of_a_batch_on_any_grid():
    missing = draw(4, 6)
    samples = [sample_of(), sample_of(missing)]
    like = torch.zeros(2, 3, 8, 12, dtype=torch.float64)
    weights = validity(samples, (8, 12), like)
    assert weights.dtype == torch.float64 and weights[0].all()
    assert torch.equal(weights[1, 0], (~missing).repeat_interleave(2, 0).repeat_interleave(2, 1).double())
    assert no_data_of(samples[0]) is None and torch.equal(no_data_of(samples[1]), missing)


def test_a_batch_with_data_everywhere_costs_nothing():
    assert validity([sample_of(), sample_of()], (4, 4), torch.zeros(1)) is None
    assert validity([], (4, 4), torch.zeros(1)) is None


@pytest.mark.parametrize(('direction', 'axes'), [('horizontal', [1]), ('vertical', [0]), ('diagonal', [0, 1])])
def test_a_prediction_of_a_flipped_image_lies_as_the_raster(direction, axes):
    """mmseg turns predictions back; the mask went through the pipeline and must follow."""
    missing, label = draw(5, 7), draw(5, 7, seed=1).long()
    sample = sample_of(missing.flip(axes), flip=True, flip_direction=direction)
    sample.pred_sem_seg = PixelData(data=label[None])
    assert torch.equal(predicted_label(sample), torch.where(missing, 255, label))
