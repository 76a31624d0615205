"""Complementary channel dropout against the procedure of UniMatch V2 (arXiv 2410.10777), written out by hand."""

import pytest
import torch
from torch import nn

from mmuda.models.adapters import EncoderDecoderAdapter, SuperResolutionAdapter
from mmuda.models.views import ChannelDropout, View
from mmuda.registry import ADAPTERS, MODELS, VIEWS
from mmuda.testing import check_view
from mmuda.testing.toy import batch, plain_segmentor
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules
from tests.test_testing.parts import SUPER_RESOLUTION

register_all_modules()
TAPS = ('features.0', 'features.1', 'logits')
PAIR = dict(
    first=dict(type='ChannelDropout', view='target'),
    second=dict(type='ChannelDropout', view='target', complement_of='first'),
)


def model_of(views=PAIR, **options):
    torch.manual_seed(0)
    terms = {name: dict(type='ForwardTerm', tap=f'{name}:logits') for name in views}
    cfg = dict(dict(type='DomainAdaptation', segmentor=plain_segmentor(), views=views, terms=terms), **options)
    return MODELS.build(cfg).double()


def context_of(model, size=5, seed=3, reads=TAPS):
    context = model.build_context(
        model.data_preprocessor(batch(size), training=True), [], lambda: torch.autocast('cpu', enabled=False)
    )
    views = ('first', 'second', 'first@teacher', 'target', 'target@teacher')
    context._reads = {view: set(reads) for view in views}
    torch.manual_seed(seed)
    return context


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def by_hand(mask, whole, is_second):
    """The factor of each sample and channel, one at a time."""
    factors = torch.empty(mask.shape)
    for i in range(len(mask)):
        for channel in range(mask.shape[1]):
            drawn = float(mask[i, channel])
            factors[i, channel] = 1.0 if whole[i] else 2.0 - drawn if is_second else drawn
    return factors


def test_the_two_views_see_each_channel_once_and_half_of_the_samples_all():
    model = model_of()
    context = context_of(model)
    plain = model.segmentor.extract_feat(context.batch('target')['inputs'])
    assert all(bool((feature.flatten(2).abs().sum(-1) > 0).all()) for feature in plain[:1])
    # Read the mask off the first level of the first view, then predict everything else from it.
    seen = context.tap('first:features.0').detach().flatten(2).sum(-1) / plain[0].detach().flatten(2).sum(-1)
    whole = [bool((row == 1).all()) for row in seen]
    assert sum(whole) == 5 // 2
    assert {round(float(value), 9) for row, kept in zip(seen, whole, strict=True) if not kept for value in row} == {
        0,
        2,
    }
    for view, is_second in (('first', False), ('second', True)):
        factors = by_hand(seen.round(), whole, is_second)[:, :, None, None]
        changed = [feature * factors for feature in plain]  # both levels have 4 channels: one mask
        for level, feature in enumerate(changed):
            torch.testing.assert_close(context.tap(f'{view}:features.{level}'), feature, atol=1e-12, rtol=0)
        torch.testing.assert_close(context.tap(f'{view}:logits'), model.segmentor.decode_head(changed))


def test_masks_follow_the_seed_and_are_drawn_anew_each_time():
    model = model_of()
    first, again, other = (context_of(model, seed=seed).tap('first:logits') for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    context = context_of(model)  # the order in which views are read does not matter
    context.tap('second:logits')
    assert torch.equal(context.tap('first:logits'), first)


def test_half_of_the_channels_are_dropped_and_levels_of_other_channels_have_their_own_masks():
    model = model_of(dict(first=dict(type='ChannelDropout', view='target', whole=0.0)))
    change = context_of(model).batch('first')['perturb_features']
    narrow, same, wide = change([torch.ones(200, 30, 1, 1), torch.ones(200, 30, 2, 2), torch.ones(200, 40, 1, 1)])
    assert torch.equal(narrow.expand_as(same), same)
    for feature in (narrow, wide):
        assert set(feature.unique().tolist()) == {0.0, 2.0}
        assert abs(float(feature.mean()) - 1) < 0.05
    agree = (narrow == wide[:, :30]).double().mean()
    assert 0.4 < float(agree) < 0.6
    half = change([feature.half() for feature in (narrow, wide)])
    assert all(feature.dtype == torch.float16 for feature in half)


def test_the_teacher_and_other_views_keep_all_features():
    model = model_of(ema=dict(momentum=0.1))
    context = context_of(model)
    for tap in TAPS:
        assert torch.equal(context.tap(f'first@teacher:{tap}'), context.tap(f'target@teacher:{tap}'))
    plain = model.segmentor.extract_feat(context.batch('target')['inputs'])
    assert torch.equal(context.tap('target:features.1'), plain[1])


def test_the_super_resolution_segmentor_changes_its_features_too():
    torch.set_default_dtype(torch.float32)
    network = MODELS.build(dict(SUPER_RESOLUTION)).eval()
    images = torch.rand(2, 3, 16, 16)
    asked = dict(inputs=images, data_samples=[None] * 2, perturb_features=lambda features: [f * 3 for f in features])
    outputs = SuperResolutionAdapter().forward(network, 'target', asked, {'features.0'})
    torch.testing.assert_close(outputs.features[0], network.extract_feat(images)[0] * 3)


def test_both_scales_of_hrda_lose_the_same_channels(monkeypatch):
    model = model_of(segmentor=dict(plain_segmentor(), type='HRDA', attention_head=dict(type='ToyHead')))
    network, seen = model.segmentor, []
    head = network.decode_head.forward
    monkeypatch.setattr(network.decode_head, 'forward', lambda features: seen.append(features[0]) or head(features))
    context = context_of(model, reads=('logits', 'prediction'))
    assert context.tap('first:prediction').shape[-2:] == (16, 16)
    lost = [feature.flatten(2).abs().sum(-1) == 0 for feature in seen]
    assert len(lost) == 3 and lost[0].any() and torch.equal(lost[0], lost[1])
    assert lost[2].any()


@pytest.mark.parametrize(
    ('views', 'message'),
    [
        (dict(second=dict(PAIR['second'], complement_of='source')), "complements 'source', which is no view of the"),
        (
            dict(PAIR, second=dict(PAIR['second'], complement_of='other'), other=dict(type='Plain')),
            "complements 'other'",
        ),
    ],
)
def test_a_complement_needs_a_partner(views, message):
    model = model_of(views)
    with pytest.raises(UserError, match=message):
        context_of(model).batch('second')


@pytest.mark.parametrize('options', [dict(whole=1.5), dict(whole=0.5, complement_of='first')])
def test_a_wrong_share_is_refused(options):
    with pytest.raises(UserError, match='whole=.* is a share of the samples'):
        ChannelDropout(view='target', **options)


def test_a_segmentor_that_would_ignore_it_is_refused():
    model = model_of(adapter=dict(type='Ignoring'))
    with pytest.raises(UserError, match="view 'first' changes features, which Ignoring ignores"):
        context_of(model).tap('first:logits')


def test_weights_of_labels_are_those_of_the_view_it_is_built_on():
    view = ChannelDropout(view='pseudo')
    weighted = VIEWS.build(dict(type='PseudoLabels'))
    assert view.is_weighted(dict(pseudo=weighted))
    assert not ChannelDropout(view='target').is_weighted({})


def test_it_keeps_the_rules_of_views():
    torch.set_default_dtype(torch.float32)
    views = dict(first=dict(type='ChannelDropout', view='source'))
    check_view(dict(type='ChannelDropout', view='source', complement_of='first'), ranks=False, views=views)


@VIEWS.register_module(force=True)
class Plain(View):
    """The target as it is."""

    def reads(self):
        return {'target:image'}

    def build(self, context):
        return context.batch('target')


@ADAPTERS.register_module(force=True)
class Ignoring(EncoderDecoderAdapter):
    """An adapter that does not change features."""

    perturbs_features = False

    @classmethod
    def handles(cls, network: nn.Module) -> bool:
        return False
