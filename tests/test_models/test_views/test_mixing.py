"""ClassMix, compared with a plain version of the released procedure, and what all mixtures have in common."""

import itertools
from collections import Counter

import pytest
import torch

from mmuda.registry import VIEWS
from mmuda.utils.errors import UserError
from tests.helpers.views import batch_of, build, maps

IGNORED = 255


def labels_of(*shape, classes=(0, 2, 3, 7, IGNORED), seed=0):
    drawn = torch.randint(0, len(classes), shape, generator=torch.Generator().manual_seed(seed))
    return torch.tensor(classes)[drawn]


def pair(count=3, sources=None, size=(9, 11), source_classes=(0, 2, 3, 7, IGNORED), **changes):
    """A source of positive images and a target of negative ones, so that a pixel tells where it comes from."""
    sources = sources or count
    source = batch_of('source', 1 + torch.rand(sources, 2, *size), labels_of(sources, *size, classes=source_classes))
    options = dict(labels=labels_of(count, *size, classes=(1, 4, 5), seed=1), weights=torch.rand(count, *size))
    target = batch_of('target', -1 - torch.rand(count, 2, *size), **{**options, **changes})
    return dict(source=source, pseudo=target)


def pasted_in(mixed):
    return mixed['inputs'][:, 0] > 0


def by_hand(pasted, source, target):
    """Pixel by pixel, as the released code's products of masks: the source's where it is pasted, else the target's."""
    out = target.clone()
    for row, column in itertools.product(*map(range, pasted.shape)):
        if pasted[row, column]:
            out[..., row, column] = source[..., row, column]
    return out


def check_pasted(mixed, source, target, partners):
    pasted = pasted_in(mixed)
    weights = maps(target, 'pixel_weight')
    for i, k in enumerate(partners):
        assert torch.equal(mixed['inputs'][i], by_hand(pasted[i], source['inputs'][k], target['inputs'][i]))
        label = by_hand(pasted[i], maps(source, 'gt_sem_seg')[k], maps(target, 'gt_sem_seg')[i])
        assert torch.equal(maps(mixed, 'gt_sem_seg')[i], label)
        if weights is not None:
            weight = by_hand(pasted[i], torch.ones(pasted[i].shape), weights[i])
            assert torch.equal(maps(mixed, 'pixel_weight')[i], weight)


def drawn_classes(pasted, label):
    """The classes whose pixels are pasted; none is pasted in part."""
    drawn = set(label[pasted].tolist())
    assert not drawn & set(label[~pasted].tolist())
    return drawn


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(('classes', 'half'), [((0, 2, 3, 7, IGNORED), 2), ((0, 2, 3, 7, 9, IGNORED), 3), ((4,), 1)])
def test_half_of_the_classes_of_an_image_are_pasted(seed, classes, half):
    batches = pair(source_classes=classes)
    mixed = build(dict(type='ClassMix'), seed, **batches)
    for pasted, label in zip(pasted_in(mixed), maps(batches['source'], 'gt_sem_seg'), strict=True):
        drawn = drawn_classes(pasted, label)
        assert len(drawn) == half and drawn <= set(classes) - {IGNORED}
    check_pasted(mixed, *batches.values(), partners=range(3))
    assert [sample.domain for sample in mixed['data_samples']] == ['target'] * 3


def test_classes_are_drawn_evenly_and_by_image():
    batches = pair(count=2, size=(4, 4), source_classes=(0, 2, 3, 7, 9))
    single, both = Counter(), Counter()
    for seed in range(500):
        mixed = build(dict(type='ClassMix'), seed, **batches)
        drawn = [
            drawn_classes(*one) for one in zip(pasted_in(mixed), maps(batches['source'], 'gt_sem_seg'), strict=True)
        ]
        single.update(drawn[0])
        both.update([drawn[0] == drawn[1]])
    assert len(single) == 5
    assert all(count == pytest.approx(300, abs=50) for count in single.values())  # a standard deviation is 11
    assert both[True] == pytest.approx(50, abs=30)  # one in ten choices of three


def test_as_in_the_released_code_classes_of_the_batch_and_255_may_be_drawn():
    labels = torch.full((2, 4, 6), IGNORED)
    labels[0, 0], labels[0, 1], labels[1, 0] = 0, 1, 5
    batches = pair(count=2, size=(4, 6))
    batches['source'] = batch_of('source', batches['source']['inputs'], labels)
    counts = Counter()
    for seed in range(300):
        mixed = build(dict(type='ClassMix', per='batch', ignore_index=None), seed, **batches)
        for i, (pasted, label) in enumerate(zip(pasted_in(mixed), labels, strict=True)):
            counts[i, frozenset(drawn_classes(pasted, label))] += 1
        check_pasted(mixed, *batches.values(), partners=range(2))
    # Two of {0, 1, 5, 255}, seen through the classes that the image has.
    first = [{0, 1}, {0}, {0, IGNORED}, {1}, {1, IGNORED}, {IGNORED}]
    second = [set(), {5}, {IGNORED}, {5, IGNORED}]
    assert set(counts) == {(0, frozenset(one)) for one in first} | {(1, frozenset(one)) for one in second}
    assert all(counts[0, frozenset(one)] == pytest.approx(50, abs=30) for one in first)
    assert counts[1, frozenset()] == pytest.approx(50, abs=30)


@pytest.mark.parametrize('per', ['image', 'batch'])
def test_an_image_without_classes_pastes_nothing(per):
    batches = pair(count=1, source_classes=(IGNORED,))
    mixed = build(dict(type='ClassMix', per=per), **batches)
    assert torch.equal(mixed['inputs'], batches['pseudo']['inputs'])
    assert torch.equal(maps(mixed, 'gt_sem_seg'), maps(batches['pseudo'], 'gt_sem_seg'))


@pytest.mark.parametrize('type_', ['ClassMix', 'CutMix'])
@pytest.mark.parametrize(('sources', 'partners'), [(2, [0, 1, 0, 1, 0]), (7, [0, 1, 2, 3, 4])])
def test_batches_may_differ_in_size(type_, sources, partners):
    batches = pair(count=5, sources=sources)
    mixed = build(dict(type=type_, source='source', target='pseudo'), seed=1, **batches)
    assert pasted_in(mixed).any()
    check_pasted(mixed, *batches.values(), partners=partners)
    assert [sample.number for sample in mixed['data_samples']] == list(range(5))


@pytest.mark.parametrize(('count', 'shift', 'partners'), [(3, None, [1, 2, 0]), (3, 2, [2, 0, 1])])
def test_a_view_is_mixed_with_its_next_images(count, shift, partners):
    levels = torch.arange(1.0, count + 1)
    images = levels[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    labels = (10 * levels).long()[:, None, None] + torch.tensor([0] * 4 + [1] * 4)
    batch = batch_of('target', images, labels.expand(-1, 8, -1).contiguous(), images[:, 0] / 10)
    mixed = build(dict(type='ClassMix', source='pseudo', target='pseudo', shift=shift), pseudo=batch)
    for i, k in enumerate(partners):
        halves = [i, k] if count > 1 else [0]
        assert set(mixed['inputs'][i].unique().tolist()) == {levels[one].item() for one in halves}
        owner = mixed['inputs'][i, 0].long()
        assert torch.equal(maps(mixed, 'gt_sem_seg')[i] // 10, owner)
        assert torch.equal(maps(mixed, 'pixel_weight')[i], mixed['inputs'][i, 0] / 10)


def test_weights_of_the_source_count_and_none_need_be():
    batches = pair(weights=None)
    assert maps(build(dict(type='ClassMix'), **batches), 'pixel_weight') is None
    weights = 2 + torch.rand(3, 9, 11)
    source = batch_of('source', batches['source']['inputs'], maps(batches['source'], 'gt_sem_seg'), weights)
    mixed = build(dict(type='ClassMix'), **{**batches, 'source': source})
    for pasted, mine, theirs in zip(pasted_in(mixed), maps(mixed, 'pixel_weight'), weights, strict=True):
        assert torch.equal(mine, by_hand(pasted, theirs, torch.ones(9, 11)))


@pytest.mark.parametrize('missing', [(True, True), (True, False), (False, True)])
def test_places_without_data_are_mixed_like_labels(missing):
    no_data = [torch.rand(3, 9, 11) > 0.6 if one else None for one in missing]
    batches = pair(no_data=no_data[1])
    source = batches['source']
    labels = maps(source, 'gt_sem_seg')
    batches['source'] = batch_of('source', source['inputs'], labels, no_data=no_data[0])
    mixed = build(dict(type='ClassMix', ignore_index=None), **batches)
    first, second = (torch.zeros(3, 9, 11, dtype=torch.bool) if one is None else one for one in no_data)
    expected = [by_hand(*one) for one in zip(pasted_in(mixed), first, second, strict=True)]
    assert torch.equal(maps(mixed, 'no_data'), torch.stack(expected))


def test_labels_on_a_finer_grid():
    """One label in nine lies at the centre of an image's pixel; it decides for all nine."""
    fine = dict(fine_image=1 + torch.rand(2, 3, 18, 21))
    source = batch_of('source', 1 + torch.rand(2, 1, 6, 7), labels_of(2, 18, 21), extras=fine)
    extras = dict(fine_image=-torch.rand(2, 3, 18, 21), cells=torch.zeros(2, 6, 7))
    labels = labels_of(2, 6, 7, classes=(1, 4))
    target = batch_of('target', -torch.rand(2, 1, 6, 7), labels, torch.rand(2, 6, 7), extras=extras)
    mixed = build(dict(type='ClassMix'), source=source, pseudo=target)
    assert set(mixed) == {'inputs', 'fine_image', 'data_samples'}
    for i, pasted in enumerate(pasted_in(mixed)):
        fine = maps(source, 'gt_sem_seg')[i]
        drawn = drawn_classes(pasted, fine[1::3, 1::3])
        assert len(drawn) == 2
        where = torch.zeros(18, 21, dtype=torch.bool)
        label, weight = torch.zeros(18, 21).long(), torch.zeros(18, 21)
        for row, column in itertools.product(range(18), range(21)):
            where[row, column] = pasted[row // 3, column // 3]
            label[row, column] = maps(target, 'gt_sem_seg')[i, row // 3, column // 3]
            weight[row, column] = maps(target, 'pixel_weight')[i, row // 3, column // 3]
        assert torch.equal(maps(mixed, 'gt_sem_seg')[i], by_hand(where, fine, label))
        assert torch.equal(maps(mixed, 'pixel_weight')[i], by_hand(where, torch.ones(18, 21), weight))
        assert torch.equal(mixed['fine_image'][i], by_hand(where, source['fine_image'][i], target['fine_image'][i]))


def test_extras_that_do_not_fit_are_left_out():
    batches = pair()
    batches['source']['fine_image'] = torch.rand(3, 3, 18, 22)
    batches['pseudo']['fine_image'] = torch.rand(3, 3, 27, 33)
    assert set(build(dict(type='ClassMix'), **batches)) == {'inputs', 'data_samples'}


def test_what_cannot_be_mixed_is_refused():
    batches, other = pair(), pair(size=(9, 12))
    with pytest.raises(UserError, match="of 'source' are 9 x 11 pixels of 2 bands and those of 'pseudo' 9 x 12 pixels"):
        build(dict(type='ClassMix'), source=batches['source'], pseudo=other['pseudo'])
    with pytest.raises(UserError, match="mixes labels, but 'pseudo' has none"):
        build(dict(type='ClassMix'), source=batches['source'], pseudo=batch_of('target', torch.rand(3, 2, 9, 11)))
    with pytest.raises(UserError, match="mixes images, but 'source' has none"):
        samples = batches['source']['data_samples']
        build(dict(type='CutMix', source='source'), source=dict(data_samples=samples), pseudo=batches['pseudo'])
    with pytest.raises(UserError, match="give 'image' or 'batch'"):
        VIEWS.build(dict(type='ClassMix', per='class'))


@pytest.mark.parametrize('type_', ['ClassMix', 'CutMix'])
def test_the_seed_decides_in_any_precision(type_):
    batches = pair()
    for batch in batches.values():
        batch['inputs'] = batch['inputs'].bfloat16()
    cfg = dict(type=type_, source='source', target='pseudo')
    first, again, other = (build(cfg, seed, **batches)['inputs'] for seed in (2, 2, 1))
    assert first.dtype == torch.bfloat16
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_view_is_weighted_if_what_it_builds_on_is():
    class Weighted:
        def is_weighted(self, views):
            return True

    views = dict(
        pseudo=Weighted(),
        mixed=VIEWS.build(dict(type='ClassMix')),
        strong=VIEWS.build(dict(type='Masked', view='mixed')),
        plain=VIEWS.build(dict(type='ClassMix', source='source', target='labelled')),
        flipped=VIEWS.build(dict(type='Flipped', view='plain')),
    )
    found = {name: view.is_weighted(views) for name, view in views.items()}
    assert found == dict(pseudo=True, mixed=True, strong=True, plain=False, flipped=False)


def test_labels_are_read_openly():
    assert {'source:label', 'pseudo:label'} <= VIEWS.build(dict(type='ClassMix')).reads()


@pytest.mark.parametrize('kind', ['ClassMix', 'CutMix'])
def test_one_image_has_nothing_to_be_mixed_with(kind):
    cfg = dict(type=kind, source='pseudo', target='pseudo')
    with pytest.raises(UserError, match='makes each its own partner; give a larger batch_size'):
        build(cfg, **pair(1))
    build(cfg, **pair(2))
