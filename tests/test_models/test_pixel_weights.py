"""Weights of pixels reach the losses, and a loss that ignores them is refused."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.adapters import head_losses
from mmuda.models.views import View
from mmuda.registry import MODELS, TERMS, VIEWS
from mmuda.structures import pixel_weight_of, pixel_weights, with_labels
from mmuda.testing import check_term, segmentor
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(2, 3, 4, 4, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.randint(0, 3, (2, 8, 8), generator=GENERATOR)
LABELS[0, :2] = 255
WEIGHTS = torch.rand(2, 8, 8, generator=GENERATOR, dtype=torch.float64)


@VIEWS.register_module(force=True)
class HalfWeighted(View):
    """The source, its upper half with the weight 0.25."""

    def reads(self):
        return {'source:label'}

    def is_weighted(self, views):
        return True

    def build(self, context):
        batch = context.batch('source')
        labels = torch.stack([sample.gt_sem_seg.data[0] for sample in batch['data_samples']])
        weights = torch.ones(labels.shape)
        weights[:, : labels.shape[1] // 2] = 0.25
        return {**batch, 'data_samples': with_labels(batch['data_samples'], labels, weights)}


def head_of(**kwargs):
    return MODELS.build(dict(segmentor(**kwargs)['decode_head'])).double()


def samples(weights=WEIGHTS):
    return with_labels([SegDataSample(metainfo=dict(index=i)) for i in range(2)], LABELS, weights)


def by_hand(gamma=0.0):
    """Weighted cross entropy or focal loss, pixel by pixel, over the number of labelled pixels."""
    logits = F.interpolate(LOGITS, size=(8, 8), mode='bilinear', align_corners=gamma > 0)
    total, count = 0.0, 0
    for n, y, x in (LABELS != 255).nonzero().tolist():
        p = float(logits[n, :, y, x].softmax(0)[LABELS[n, y, x]])
        total -= float(WEIGHTS[n, y, x]) * (1 - p) ** gamma * float(torch.tensor(p, dtype=torch.float64).log())
        count += 1
    return total / count


def test_cross_entropy_is_weighted_by_pixel():
    head = head_of(loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True))
    assert float(head_losses(head, LOGITS, samples())['loss_ce']) == pytest.approx(by_hand(), rel=1e-6)
    assert head.sampler is None
    plain = head_losses(head, LOGITS, samples(None))['loss_ce']
    ones = head_losses(head, LOGITS, samples(torch.ones_like(WEIGHTS)))['loss_ce']
    torch.testing.assert_close(plain, ones)


def test_they_multiply_those_of_the_heads_own_sampler():
    head = head_of(
        loss_decode=dict(type='CrossEntropyLoss'), sampler=dict(type='OHEMPixelSampler', thresh=0.4, min_kept=5)
    )
    logits = F.interpolate(LOGITS, size=(8, 8), mode='bilinear', align_corners=False)
    own = head.sampler.sample(logits, LABELS[:, None])
    loss = F.cross_entropy(logits, LABELS, ignore_index=255, reduction='none')
    expected = (loss * own * WEIGHTS).sum() / LABELS.numel()
    torch.testing.assert_close(head_losses(head, LOGITS, samples())['loss_ce'], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('loss', ['DiceLoss', 'LovaszLoss', 'OhemCrossEntropy', 'TverskyLoss'])
def test_a_loss_that_ignores_them_is_refused(loss):
    options = dict(reduction='none', loss_weight=1.0) if loss == 'LovaszLoss' else {}
    head = head_of(loss_decode=dict(type=loss, **options))
    with pytest.raises(UserError, match=f'{loss} of ToyHead ignores the weights of pixels'):
        head_losses(head, LOGITS, samples())


def model(term: dict, head: dict | None = None):
    register_all_modules()
    return MODELS.build(
        dict(
            type='DomainAdaptation',
            segmentor=segmentor(**(head or {})),
            views=dict(weighted=dict(type='HalfWeighted')),
            terms=dict(term=term),
        )
    )


def test_a_stage_refuses_them_before_it_starts():
    with pytest.raises(UserError, match='DiceLoss of ToyHead ignores'):
        model(dict(type='SupervisedTerm', view='weighted'), dict(loss_decode=dict(type='DiceLoss')))
    with pytest.raises(UserError, match=r"The term 'term' \(CategoryAlignment\) ignores the weights"):
        model(dict(type='CategoryAlignment', source='weighted:features.1', target='target:features.1'))
    model(dict(type='SupervisedTerm', view='weighted'))


@pytest.mark.parametrize('gamma', [0.0, 2.0])
def test_the_focal_loss_of_a_tap_honours_them(gamma):
    class Context:
        def tap(self, address):
            return dict(logits=LOGITS, label=LABELS)[address.partition(':')[2]]

        def batch(self, view):
            return dict(data_samples=samples())

    term = TERMS.build(dict(type='TapCrossEntropy', tap='pseudo:logits', gamma=gamma, align_corners=gamma > 0))
    assert float(term.losses('segmentor', Context())['loss']) == pytest.approx(by_hand(gamma), rel=1e-9)


def test_a_term_on_a_weighted_view_passes_the_checks():
    views = dict(weighted=dict(type='HalfWeighted'))
    check_term(dict(type='SupervisedTerm', view='weighted'), views=views, ranks=False)
    check_term(dict(type='TapCrossEntropy', tap='weighted:logits'), views=views, ranks=False)


def test_samples_without_weights_count_one_beside_others_with_them():
    given = samples()
    mixed = [given[0], samples(None)[1]]
    weights = pixel_weights(mixed)
    assert torch.equal(weights[0], WEIGHTS[0]) and (weights[1] == 1).all()
    assert pixel_weights(samples(None)) is None
    assert pixel_weight_of(mixed[1]) is None and torch.equal(pixel_weight_of(mixed[0]), WEIGHTS[0])
    no_data = torch.ones(1, 8, 8, dtype=torch.bool)
    given[0].set_field(PixelData(data=no_data), 'no_data', dtype=PixelData)
    copies = with_labels(given, LABELS)
    assert torch.equal(copies[0].no_data.data, no_data) and 'pixel_weight' not in copies[0]
    assert copies[1].index == 1
