"""A part that breaks one rule is refused in one sentence that names it and the rule."""

import pytest

from mmuda.testing import check_segmentor, check_term, check_view, plain_segmentor, segmentor
from tests.test_testing import broken  # noqa: F401

BROKEN_TERMS = dict(
    ReadsUndeclaredTap="must read only what it declares: phase 'segmentor' reads 'source:label'",
    ReadsUndeclaredBatch="must read only what it declares: phase 'segmentor' reads the batch of 'source'",
    ReachesIntoContext="must read by the context's public names: phase 'segmentor' reaches for '_streams'",
    GivesMap=r"must give scalar tensors: 'loss' of phase 'segmentor' is of shape \(2, 3, 16, 16\)",
    GivesNumber="must give scalar tensors: 'loss' of phase 'segmentor' is a float",
    GivesNaN="must give finite values: 'loss' of phase 'segmentor' is nan",
    NamesNoLoss="must name what it trains with 'loss': 'entropy' of phase 'segmentor' carries a graph",
    TrainsNothing="must train the segmentor in phase 'segmentor': no gradient",
    KeepsGraphInDetachedStep="must leave no graph in a detached step: phase 'segmentor' reaches the segmentor",
    KeepsGraph="must keep no graph beyond its step: after phase 'segmentor' mean holds one",
    RemembersInList='must resume to the bit: .* of the losses differs',
    GrowsItsState='must load its own state into a new one: .*means',
    ComputesInHalf="must compute in float32 under bfloat16 autocast: in phase 'segmentor' .*mean",
)
BROKEN_VIEWS = dict(
    ViewReadsUndeclaredTap="must read only what it declares: build reads 'source:image'",
    ViewOfNobody="must be forwarded by the 'student' or the 'teacher': its network is 'somebody'",
    ViewLosesSamples="must build one entry for each sample: 'inputs' is",
    ViewCounts="must build the same batch from the same seed: 'inputs' differs",
)
BROKEN_SEGMENTORS = dict(
    SegmentorWithoutAdapter='must have a registered adapter: No registered adapter reads',
    SegmentorReadsItsWeights='must build on the meta device: ',
    SegmentorOnItsOwnGrid=r"must predict on the grid of the sample: 'seg_logits' is \(3, 16, 16\), not \(3, 33, 19\)",
    SegmentorForwardsTwice='must take its losses from the forward that gave the taps: they run backbone.conv1',
    SegmentorPromisesTap="must give each tap that its adapter offers: 'depth' is not there",
)


@pytest.mark.parametrize(('name', 'message'), BROKEN_TERMS.items(), ids=BROKEN_TERMS)
def test_a_broken_term_is_refused(name, message):
    with pytest.raises(AssertionError, match=f'^Term {name} {message}'):
        check_term(dict(type=name), segmentor=plain_segmentor(), ranks=False)


def test_a_term_that_keeps_the_rules_passes():
    check_term(dict(type='Mean'), ranks=False)


def test_a_term_that_is_local_to_its_rank_is_refused():
    with pytest.raises(AssertionError, match='^Term LocalToItsRank must be equal on two ranks: after 3 iterations '):
        check_term(dict(type='LocalToItsRank'))


@pytest.mark.parametrize(('name', 'message'), BROKEN_VIEWS.items(), ids=BROKEN_VIEWS)
def test_a_broken_view_is_refused(name, message):
    with pytest.raises(AssertionError, match=f'^View {name} {message}'):
        check_view(dict(type=name), ranks=False)


@pytest.mark.parametrize(('name', 'message'), BROKEN_SEGMENTORS.items(), ids=BROKEN_SEGMENTORS)
def test_a_broken_segmentor_is_refused(name, message):
    network = dict(type=name) if name == 'SegmentorWithoutAdapter' else dict(segmentor(), type=name)
    with pytest.raises(AssertionError, match=f'^Segmentor {name} {message}'):
        check_segmentor(network, ranks=False)


def test_a_phase_that_the_term_does_not_have_is_refused():
    with pytest.raises(AssertionError, match="has the phases .* it was to train in \\['other'\\]"):
        check_term(dict(type='Mean'), trains=('other',), ranks=False)
