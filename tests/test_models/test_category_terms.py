"""ISIA and AIM against their equations in plain loops, in float64."""

import pytest
import torch
from mmengine.logging import MessageHub

from mmuda.models.terms.instance import instance_means
from mmuda.registry import TERMS
from mmuda.testing import Taps

TOLERANCE = dict(rtol=1e-9, atol=1e-9)
K, D = 4, 5


def logits_of(label, seed, certainty=4.0):
    """Logits (N, K, h, w) whose largest channel is the label."""
    noise = torch.rand(len(label), K, *label.shape[1:], dtype=torch.float64,
                       generator=torch.Generator().manual_seed(seed))  # fmt: skip
    return (noise + certainty * torch.nn.functional.one_hot(label, K).movedim(-1, 1)).requires_grad_()


def draw(*shape, seed, high=K):
    return torch.randint(0, high, shape, generator=torch.Generator().manual_seed(seed))


def scene(source_classes=K, target_classes=K, ignored=True, batch=2, seed=0):
    """Taps of a batch; labels of the source have pixels to ignore."""
    label = draw(batch, 6, 5, seed=seed, high=source_classes)
    logits = {'source': logits_of(label, seed + 1, certainty=0.5),
              'target': logits_of(draw(batch, 6, 5, seed=seed + 2, high=target_classes), seed + 3)}  # fmt: skip
    if ignored:
        label[:, :2] = 255
    taps = {f'{d}:prob': value.softmax(1) for d, value in logits.items()}
    for i, d in enumerate(logits):
        generator = torch.Generator().manual_seed(seed + 10 + i)
        taps[f'{d}:features.3'] = torch.randn(batch, D, 6, 5, dtype=torch.float64, generator=generator).requires_grad_()
    taps['source:label'] = label
    return taps, logits


VECTORS = dict(
    probability=dict(source='source:prob', target='target:prob'),
    feature=dict(source='source:features.3', target='target:features.3'),
)


def class_vectors_by_hand(taps, kind):
    """``{class: vector}`` of both domains, from every pixel in turn."""
    vectors = {}
    for d in ('source', 'target'):
        values = taps[f'{d}:prob' if kind == 'probability' else f'{d}:features.3']
        label = taps['source:label'] if d == 'source' else taps['target:prob'].argmax(1)
        found = {}
        for n in range(len(values)):
            for y in range(values.shape[2]):
                for x in range(values.shape[3]):
                    found.setdefault(int(label[n, y, x]), []).append(values[n, :, y, x])
        vectors[d] = {i: sum(v) / len(v) for i, v in found.items() if i < K}
    return vectors['source'], vectors['target']


def isia_by_hand(taps, kind):
    """Equations (5) to (8)."""
    source, target = class_vectors_by_hand(taps, kind)
    both = sorted(set(source) & set(target))
    intra = sum((source[i] - target[i]).abs().sum() for i in both)
    inter = 0
    for i in both:
        for k in both:
            if k != i:
                a, b = source[i], target[k]
                inter = inter + 0.5 + 0.5 * (a * b).sum() / (a.norm() * b.norm())
    return intra, inter, len(both)


@pytest.mark.parametrize('kind', ['probability', 'feature'])
@pytest.mark.parametrize(
    'case',
    [dict(), dict(source_classes=2), dict(target_classes=1), dict(batch=1, ignored=False), dict(batch=3)],
    ids=['all', 'absent in source', 'one class', 'single image', 'three images'],
)
def test_isia(kind, case):
    taps, logits = scene(**case)
    term = TERMS.build(
        dict(type='CategoryAlignment', **VECTORS[kind], intra_weight=0.7, inter_weight=0.3, loss_weight=0.1)
    )
    assert term.reads('segmentor') <= set(taps)
    losses = term.losses('segmentor', Taps(taps))
    intra, inter, classes = isia_by_hand(taps, kind)
    assert losses['classes'].item() == classes
    inputs = list(logits.values()) if kind == 'probability' else [taps['source:features.3'], taps['target:features.3']]
    for ours, theirs in ((losses['loss_intra'], 0.07 * intra), (losses['loss_inter'], 0.03 * inter)):
        if not isinstance(theirs, torch.Tensor):  # a single class has no other to be pushed from
            assert ours.item() == theirs
            ours.backward(retain_graph=True)
            continue
        torch.testing.assert_close(ours, theirs, **TOLERANCE)
        gradients = (torch.autograd.grad(value, inputs, retain_graph=True) for value in (ours, theirs))
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b, **TOLERANCE)


def test_isia_without_a_common_class_is_zero_and_trains_nothing():
    taps, logits = scene()
    taps['source:label'].fill_(255)
    losses = TERMS.build(dict(type='CategoryAlignment')).losses('segmentor', Taps(taps))
    assert losses['loss_intra'].item() == losses['loss_inter'].item() == 0
    sum(losses.values()).backward()
    assert all(value.grad is None or not value.grad.any() for value in logits.values())
    with pytest.raises(ValueError, match="addressed as 'view:tap'"):
        TERMS.build(dict(type='CategoryAlignment', source='prob'))


def regions_by_hand(mask):
    """Connected regions (8 neighbours) of one image as lists of pixels, by flood fill."""
    left = {(y, x) for y in range(mask.shape[0]) for x in range(mask.shape[1]) if mask[y, x]}
    regions = []
    while left:
        border, region = [min(left)], []
        left.discard(border[0])
        while border:
            y, x = border.pop()
            region.append((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            border += near
        regions.append(region)
    return regions


def instances_by_hand(features, label, category, limit):
    """Means of regions over the batch, the largest ``limit`` (9)."""
    found = []
    for n in range(len(label)):
        for region in regions_by_hand(label[n] == category):
            found.append((len(region), sum(features[n, :, y, x] for y, x in region) / len(region)))
    found.sort(key=lambda pair: -pair[0])  # stable: of equal ones the first stays first
    return [mean for _, mean in found[:limit]]


def aim_by_hand(taps, classes, limit, kind='probability'):
    """Equations (9) to (11), with the memory holding this batch's source instances."""
    source, target = class_vectors_by_hand(taps, kind)
    distance = {i: (source[i] - target[i]).abs().sum().detach() for i in classes if i in source and i in target}
    spread = max(distance.values()) - min(distance.values()) if distance else 0
    zeta = {i: d / spread for i, d in distance.items()} if spread > 0 else {}
    largest = max((abs(a - b) for a in zeta.values() for b in zeta.values()), default=0)
    total, predicted = 0, taps['target:prob'].argmax(1)
    for i in classes:
        stored = instances_by_hand(taps['source:features.3'].detach(), taps['source:label'], i, limit)
        ours = instances_by_hand(taps['target:features.3'], predicted, i, limit)
        if stored and ours:
            nearest = [min((v - s).abs().sum() for s in stored) for v in ours]
            total = total + (zeta[i] / largest if i in zeta else 1.0) * sum(nearest) / len(nearest)
    return total


@pytest.fixture
def after_warmup():
    MessageHub.get_current_instance().update_info('iter', 10)
    yield
    MessageHub.get_current_instance().update_info('iter', 0)


def aim(classes, **options):
    options = {'max_instances': 3, 'warmup': 5, 'loss_weight': 0.1, 'max_weight': None, **options}
    return TERMS.build(dict(type='InstanceAlignment', classes=classes, channels=D, memory=50, **options)).double()


@pytest.mark.parametrize('classes', [(1, 2, 3), (2,), (0, 3)])
@pytest.mark.parametrize('case', [dict(), dict(batch=1, ignored=False), dict(batch=3, seed=40)])
def test_aim(classes, case, after_warmup):
    taps, _ = scene(**case)
    term = aim(classes)
    assert term.reads('segmentor') == set(taps)
    losses = term.losses('segmentor', Taps(taps))
    by_hand = 0.1 * aim_by_hand(taps, classes, 3)
    torch.testing.assert_close(losses['loss'], by_hand, **TOLERANCE)
    for value in (losses['loss'], by_hand):
        taps['target:features.3'].grad = None
        value.backward()
        assert taps['source:features.3'].grad is None
        if value is losses['loss']:
            ours = taps['target:features.3'].grad.clone()
    torch.testing.assert_close(ours, taps['target:features.3'].grad, **TOLERANCE)


def weights_at(distances, **options):
    """eta of classes whose vectors differ by these L1 distances between the domains."""
    source = torch.zeros(K, K, dtype=torch.float64)
    target = source.clone()
    target[: len(distances), 0] = torch.tensor(distances, dtype=torch.float64)
    term = aim(tuple(range(len(distances))), **options)
    term.class_vectors = lambda context: (source, target, torch.ones(K, dtype=torch.bool))
    return term._weights(None).tolist()


def test_weights_of_aim_are_bounded_and_keep_their_ratios():
    assert weights_at([0.2, 0.20001]) == pytest.approx([20000, 20001])  # the letter of equation 11
    bounded = weights_at([0.2, 0.20001], max_weight=10.0)
    assert max(bounded) == pytest.approx(10.0) and bounded[0] / bounded[1] == pytest.approx(0.2 / 0.20001)
    # Where classes differ clearly, the bound changes nothing.
    assert weights_at([0.2, 0.6, 1.0], max_weight=10.0) == pytest.approx([0.25, 0.75, 1.25])
    default = TERMS.build(dict(type='InstanceAlignment', classes=(1,), channels=D))
    assert default.max_weight == 10.0


@pytest.mark.parametrize('bound', [0.0, -1.0, float('nan')])
def test_a_bound_of_aim_that_is_not_positive_is_refused(bound):
    with pytest.raises(ValueError, match='max_weight'):
        aim((1,), max_weight=bound)


def test_aim_without_instances_on_either_side_is_zero(after_warmup):
    for source_classes, target_classes in ((1, K), (K, 1)):
        taps, _ = scene(source_classes, target_classes)
        losses = aim((1, 2)).losses('segmentor', Taps(taps))
        assert losses['loss'].item() == 0 and losses['instances'].item() == 0
        losses['loss'].backward()


def test_aim_waits_for_its_warmup_but_remembers():
    MessageHub.get_current_instance().update_info('iter', 4)
    taps, _ = scene()
    term = aim((1, 2))
    assert term.losses('segmentor', Taps(taps))['loss'].item() == 0
    assert (term.seen > 0).all()
    stored = term.memory[0, : term.seen[0]]
    by_hand = instances_by_hand(taps['source:features.3'].detach(), taps['source:label'], 1, 3)
    torch.testing.assert_close(stored, torch.stack(by_hand), **TOLERANCE)


def test_the_memory_is_a_ring_in_the_checkpoint():
    MessageHub.get_current_instance().update_info('iter', 0)
    term = aim((1,))
    term.memory = torch.zeros(1, 4, D, dtype=torch.float64)
    rows = [torch.full((3, D), float(i), dtype=torch.float64) for i in range(3)]
    for new in rows:
        term._remember([new])
    assert term.seen.item() == 9
    assert term.memory[0, :, 0].tolist() == [2.0, 1.0, 2.0, 2.0]  # draws 8, 5, 6, 7 by place
    assert {'memory', 'seen'} <= set(term.state_dict())


def test_diagonal_neighbours_are_one_region_and_images_are_apart():
    label = torch.zeros(2, 3, 3, dtype=torch.long)
    label[0, 0, 0] = label[0, 1, 1] = label[1, 2, 2] = 1
    features = torch.arange(18, dtype=torch.float64).view(2, 1, 3, 3)
    assert instance_means(features, label, 1)[:, 0].tolist() == [2.0, 17.0]
    assert instance_means(features, label, 2).shape == (0, 1)
