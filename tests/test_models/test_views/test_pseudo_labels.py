"""Pseudo labels and their weights against a plain reading of DACS (arXiv 2007.08702) and its successors."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.views import PseudoLabels
from mmuda.utils.errors import UserError

LOGITS = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3


class Context:
    """Gives one batch and the teacher's logits on it."""

    def __init__(self, no_data: torch.Tensor | None = None) -> None:
        self.samples = [SegDataSample(metainfo=dict(index=i)) for i in range(2)]
        if no_data is not None:
            self.samples[0].set_field(PixelData(data=no_data[None]), 'no_data', dtype=PixelData)

    def batch(self, view):
        assert view == 'target'
        return dict(inputs=torch.zeros(2, 3, 5, 4), data_samples=self.samples, extra=torch.ones(2))

    def tap(self, address):
        assert address == 'target@teacher:prediction'
        return LOGITS


def built(no_data=None, **kwargs):
    context = Context(no_data)
    batch = PseudoLabels(**kwargs).build(context)
    labels = torch.stack([sample.gt_sem_seg.data[0] for sample in batch['data_samples']])
    weights = torch.stack([sample.pixel_weight.data[0] for sample in batch['data_samples']])
    assert all('gt_sem_seg' not in sample for sample in context.samples)
    assert [sample.index for sample in batch['data_samples']] == [0, 1]
    return labels, weights


def by_hand():
    """Probability and class of each pixel, by loops."""
    confidence, labels = torch.zeros(2, 5, 4, dtype=torch.float64), torch.zeros(2, 5, 4, dtype=torch.long)
    for n in range(2):
        for y in range(5):
            for x in range(4):
                scores = LOGITS[n, :, y, x].exp()
                shares = [float(score / scores.sum()) for score in scores]
                confidence[n, y, x] = max(shares)
                labels[n, y, x] = shares.index(max(shares))
    return confidence, labels


def test_the_weight_of_the_batch_is_its_share_of_confident_pixels():
    confidence, labels = by_hand()
    ours, weights = built(threshold=0.8)
    assert torch.equal(ours, labels)
    q = sum(float(value) >= 0.8 for value in confidence.flatten()) / 40
    assert 0.1 < q < 0.9
    torch.testing.assert_close(weights, torch.full((2, 5, 4), q, dtype=torch.float64))


def test_the_weight_of_an_image_is_its_own_share():
    confidence, _ = by_hand()
    _, weights = built(threshold=0.8, weight='image')
    for n in range(2):
        q = sum(float(value) >= 0.8 for value in confidence[n].flatten()) / 20
        torch.testing.assert_close(weights[n], torch.full((5, 4), q, dtype=torch.float64))


def test_the_weight_of_a_class_is_the_share_among_its_pixels():
    confidence, labels = by_hand()
    _, weights = built(threshold=0.8, weight='class')
    for index in range(3):
        values = [float(c) for c, k in zip(confidence.flatten(), labels.flatten(), strict=True) if k == index]
        q = sum(value >= 0.8 for value in values) / len(values)
        assert weights[labels == index].tolist() == pytest.approx([q] * len(values))


@pytest.mark.parametrize(('weight', 'soft'), [('pixel', False), ('confidence', True)])
def test_single_pixels_have_weights(weight, soft):
    confidence, _ = by_hand()
    _, weights = built(threshold=0.8, weight=weight)
    expected = [(float(c) if soft else 1.0) if float(c) >= 0.8 else 0.0 for c in confidence.flatten()]
    assert weights.flatten().tolist() == pytest.approx(expected)


def test_a_class_has_the_median_of_its_own_probabilities_as_threshold():
    confidence, labels = by_hand()
    _, weights = built(threshold=dict(kind='median', cap=0.7), weight='pixel')
    for index in range(3):
        values = sorted(float(c) for c, k in zip(confidence.flatten(), labels.flatten(), strict=True) if k == index)
        limit = min(0.7, values[(len(values) - 1) // 2])
        expected = (confidence[labels == index] >= limit - 1e-12).double()
        assert torch.equal(weights[labels == index], expected)
        assert expected.mean() >= 0.5


@pytest.mark.parametrize('weight', ['batch', 'image', 'class', 'pixel'])
def test_pixels_without_data_have_no_label_and_count_in_no_share(weight):
    confidence, labels = by_hand()
    no_data = torch.zeros(5, 4, dtype=torch.bool)
    no_data[:3] = True
    ours, weights = built(no_data, threshold=0.8, weight=weight)
    assert (ours[0, :3] == 255).all() and torch.equal(ours[0, 3:], labels[0, 3:]) and torch.equal(ours[1], labels[1])
    seen = torch.ones(2, 5, 4, dtype=torch.bool)
    seen[0, :3] = False
    sure = (confidence >= 0.8) & seen
    expected = dict(
        batch=lambda n, k: sure.sum() / seen.sum(),
        image=lambda n, k: sure[n].sum() / seen[n].sum(),
    )
    expected['class'] = lambda n, k: sure[labels == k].sum() / seen[labels == k].sum()
    for n, y, x in seen.nonzero().tolist():
        wanted = sure[n, y, x] if weight == 'pixel' else expected[weight](n, labels[n, y, x])
        assert float(weights[n, y, x]) == pytest.approx(float(wanted))


@pytest.mark.parametrize(
    'kwargs',
    [dict(weight='pixels'), dict(threshold=1.5), dict(threshold=dict(kind='mean', cap=0.9)), dict(threshold=True)],
)
def test_other_choices_are_refused(kwargs):
    with pytest.raises(UserError, match='PseudoLabels'):
        PseudoLabels(**kwargs)


def test_probabilities_are_averaged_over_flips():
    view = PseudoLabels(flips=['horizontal', 'vertical'], weight='confidence', threshold=0.0)
    assert view.reads() == {f'{name}@teacher:prediction' for name in ('target', 'target_horizontal', 'target_vertical')}
    assert {name: built.direction for name, built in view.views().items()} == dict(
        target_horizontal='horizontal', target_vertical='vertical'
    )
    others = torch.randn(2, *LOGITS.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    class Flips(Context):
        def tap(self, address):
            taps = dict(target=LOGITS, target_horizontal=others[0], target_vertical=others[1])
            return taps[address.partition('@')[0]]

    batch = view.build(Flips())
    mean = torch.zeros_like(LOGITS)
    for n, k, y, x in torch.cartesian_prod(*map(torch.arange, LOGITS.shape)).tolist():
        first = LOGITS[n, :, y, x].softmax(0)[k]
        second = others[0][n, :, y, 3 - x].softmax(0)[k]
        third = others[1][n, :, 4 - y, x].softmax(0)[k]
        mean[n, k, y, x] = (first + second + third) / 3
    for n, sample in enumerate(batch['data_samples']):
        assert torch.equal(sample.gt_sem_seg.data[0], mean[n].argmax(0))
        torch.testing.assert_close(sample.pixel_weight.data[0], mean[n].max(0).values)
