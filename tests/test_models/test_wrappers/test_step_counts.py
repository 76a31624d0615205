"""What a training step computes, in counts: no forward, gradient or wait for a device more than it needs.

Seconds are measured in ``benchmarks/``; these numbers do not depend on the machine.
"""

import copy

import pytest
import torch

from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.models.wrappers import update
from mmuda.registry import MODELS
from mmuda.testing.toy import batch, plain_segmentor
from tests.helpers.compositions import FEATURE, OUTPUT
from tests.helpers.operations import Operations
from tests.helpers.toy import optimizer

OPTIMIZERS = dict(
    segmentor=dict(params=['segmentor'], optimizer=optimizer('SGD')),
    discriminator=dict(params=['terms.*.discriminator'], optimizer=optimizer('SGD')),
)
# A pass through the segmentor has three convolutions, through a discriminator two. The first convolution of a network
# that reads images or detached taps has no gradient of its input, which counts as a backward pass all the same.
SEGMENTOR, DISCRIMINATOR = 3, 2


@pytest.fixture
def reads(monkeypatch):
    """The sizes of what is read from the device; what was read is in float64."""
    sizes, read = [], update.read_scalars

    def noted(scalars):
        sizes.append(len(scalars))
        return {key: value.double() for key, value in read(scalars).items()}

    monkeypatch.setattr(update, 'read_scalars', noted)
    return sizes


def counted(terms, optimizers, steps=2, **options):
    """Operations of the last of some steps."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type='DomainAdaptation', segmentor=plain_segmentor(), terms=terms, **options)).train()
    wrappers = NamedOptimWrapperConstructor(copy.deepcopy(optimizers))(model)
    for _ in range(steps):
        with Operations() as operations:
            model.train_step(batch(), wrappers)
    return operations


CASES = dict(
    # The source alone: the target is not forwarded.
    source_only=(dict(), dict(segmentor=OPTIMIZERS['segmentor']), SEGMENTOR, SEGMENTOR, 1),
    # Both domains once; the discriminator on the target in the segmentor's step, then on both domains.
    adversarial=(
        dict(output=OUTPUT),
        OPTIMIZERS,
        2 * SEGMENTOR + 3 * DISCRIMINATOR,
        2 * SEGMENTOR + 3 * DISCRIMINATOR,
        2,
    ),
    # Two alignments share the forwards.
    two=(
        dict(output=OUTPUT, feature=FEATURE),
        OPTIMIZERS,
        2 * SEGMENTOR + 6 * DISCRIMINATOR,
        2 * SEGMENTOR + 6 * DISCRIMINATOR,
        2,
    ),
)


@pytest.mark.parametrize('case', CASES)
def test_forwards_backwards_and_reads(case, reads):
    terms, optimizers, forwards, backwards, updates = CASES[case]
    operations = counted(copy.deepcopy(terms), optimizers)
    assert operations.counts['convolution'] == forwards
    assert operations.counts['convolution_backward'] == backwards
    # One read an update, with every loss, logged value and norm in it; nothing else of ours waits for the device.
    assert len(reads) == 2 * updates and min(reads) >= 3
    assert operations.waits_in('/mmuda/') == 0, operations.waits


def test_a_teacher_and_accumulation_do_not_wait_either(reads):
    waiting = dict(segmentor=dict(OPTIMIZERS['segmentor'], accumulative_counts=2, clip_grad=dict(max_norm=1.0)))
    operations = counted({}, waiting, steps=4, ema=dict(momentum=0.1, evaluate=True))
    assert operations.waits_in('/mmuda/') == 0, operations.waits
    # The loss is checked at each backward pass, the norm of the gradient where an update is due.
    assert reads[0] < reads[1] and reads[:2] == reads[2:]


def test_the_counter_sees_a_wait():
    with Operations() as operations:
        update.read_scalars({'one': torch.ones(())})['one'].item()
        bool(torch.ones(3).sum() > 2)
    assert sum(operations.waits.values()) == 2


def test_a_step_allocates_no_more_tensors_than_it_did():
    """An upper bound for all operations; a change that adds some has to say so here."""
    counts = {case: sum(counted(copy.deepcopy(CASES[case][0]), CASES[case][1]).counts.values()) for case in CASES}
    assert counts['source_only'] <= 126 and counts['adversarial'] <= 269 and counts['two'] <= 366, counts
