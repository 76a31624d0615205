"""Label-free criteria against their equations, and what they say of good and bad predictions."""

import math

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.evaluation import normalised_adaptability, soft_neighbourhood_density
from mmuda.registry import METRICS


def sample_of(logits, name):
    sample = SegDataSample(metainfo=dict(img_path=name))
    sample.seg_logits = PixelData(data=logits)
    return sample.to_dict()


def evaluate(*logits, **cfg):
    metric = METRICS.build(dict(type='LabelFreeMetric', **cfg))
    for i, one in enumerate(logits):
        metric.process({}, [sample_of(one, f'{i}.tif')])
    return metric.compute_metrics(metric.results)


def random(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_entropy_and_information_maximisation_by_hand():
    images = [random(3, 4, 5, seed=1), random(3, 2, 2, seed=2)]
    prob = torch.cat([image.flatten(1) for image in images], dim=1).double().softmax(0)
    pixels = [-sum(p * math.log(p) for p in prob[:, i].tolist()) for i in range(24)]
    entropy = sum(pixels) / 24 / math.log(3)
    mean = prob.mean(1).tolist()
    metrics = evaluate(*images)
    assert metrics['entropy'] == pytest.approx(entropy, abs=1e-5)
    expected = -sum(p * math.log(p) for p in mean) / math.log(3) - entropy
    assert metrics['information_maximisation'] == pytest.approx(expected, abs=1e-5)


def test_soft_neighbourhood_density_by_hand():
    prob = random(7, 4).double().softmax(1)
    total = 0.0
    for i in range(7):
        others = [j for j in range(7) if j != i]
        weights = [math.exp((prob[i] @ prob[j] / (prob[i].norm() * prob[j].norm())).item() / 0.05) for j in others]
        shares = [weight / sum(weights) for weight in weights]
        total -= sum(share * math.log(share) for share in shares)
    assert soft_neighbourhood_density(prob) == pytest.approx(total / 7, abs=1e-9)
    large = random(2500, 3).softmax(1)  # several blocks
    assert 0 < soft_neighbourhood_density(large) <= math.log(2499)
    assert math.isnan(soft_neighbourhood_density(prob[:1]))


def test_good_predictions_score_better():
    truth = torch.randint(0, 4, (32, 32), generator=torch.Generator().manual_seed(0))
    certain = 8.0 * torch.nn.functional.one_hot(truth, 4).permute(2, 0, 1).float()
    good, bad = evaluate(certain + random(4, 32, 32)), evaluate(0.2 * certain + random(4, 32, 32))
    assert good['entropy'] < bad['entropy']
    assert good['information_maximisation'] > bad['information_maximisation']
    collapsed = torch.zeros(4, 32, 32)
    collapsed[2] = 20.0
    assert evaluate(collapsed)['information_maximisation'] == pytest.approx(0, abs=1e-4)
    # Two dense clusters against predictions that are spread.
    assert good['soft_neighbourhood_density'] > bad['soft_neighbourhood_density']


def test_the_same_pixels_are_drawn_every_time_and_criteria_are_chosen():
    image = random(3, 16, 16)
    assert evaluate(image) == evaluate(image)
    assert set(evaluate(image, criteria=['entropy'])) == {'entropy'}
    limited = evaluate(image, pixels=50, max_pixels=20, criteria=['soft_neighbourhood_density'])
    assert 0 < limited['soft_neighbourhood_density'] < math.log(20)
    with pytest.raises(ValueError, match=r"does not know the criteria \['snd'\]"):
        evaluate(image, criteria=['snd'])
    with pytest.raises(ValueError, match='needs the logits of at least two classes'):
        evaluate(random(1, 4, 4))


def test_nam_is_the_share_of_the_gap_that_is_closed():
    assert normalised_adaptability(50.7, 36.6, 65.1) == pytest.approx(49.4737, abs=1e-3)
    assert normalised_adaptability(30.0, 30.0, 40.0) == 0
    assert normalised_adaptability(30.0, 40.0, 40.0) is None


def test_pixels_without_data_count_for_nothing():
    logits, missing = random(3, 6, 5, seed=4), random(6, 5, seed=5) > 0
    missing[3:] = False
    logits[:, missing] = 0.0  # as uncertain as can be
    sample = SegDataSample(metainfo=dict(img_path='a.tif'))
    sample.seg_logits = PixelData(data=logits)
    sample.set_data(dict(no_data=PixelData(data=missing[None])))
    metric = METRICS.build(dict(type='LabelFreeMetric', criteria=['entropy', 'information_maximisation']))
    metric.process({}, [sample.to_dict()])
    assert metric.compute_metrics(metric.results) == pytest.approx(
        evaluate(logits[:, ~missing][:, None], criteria=['entropy', 'information_maximisation']), abs=1e-6
    )


def test_a_target_without_any_data_has_no_criteria():
    sample = SegDataSample(metainfo=dict(img_path='a.tif'))
    sample.seg_logits = PixelData(data=random(3, 2, 2))
    sample.set_data(dict(no_data=PixelData(data=torch.ones(1, 2, 2, dtype=torch.bool))))
    metric = METRICS.build(dict(type='LabelFreeMetric', criteria=['entropy']))
    metric.process({}, [sample.to_dict()])
    assert math.isnan(metric.compute_metrics(metric.results)['entropy'])
