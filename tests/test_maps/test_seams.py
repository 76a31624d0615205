"""Across the borders of windows the class changes no more often than inside them, with every shipped segmentor.

A segmentor that has learnt for a few steps predicts a drawn scene in windows. Where a border left a trace, the class
would change more often along it than along the same columns shifted by any number of pixels. The same windows without
blending, each cut in the middle of what it shares with the next, show that such a trace would be found.
"""

from functools import cache

import pytest

from mmuda.utils.setup_env import register_all_modules
from tests.helpers.seams import PLANS, Windows, at_borders, build, plan_of, predicted, scene, segmentors, train

register_all_modules()
# Iterations and learning rate that teach a segmentor more than one class; others take minutes on a CPU, in which
# `python -m pytest -m slow` trains them.
FAST = {'unet-r18_narrow': (40, 2e-3), 'noadapt_resaspp_narrow': (40, 2e-3)}
SLOW = {'deeplabv3plus-mv2': (150, 5e-3)}
# Until they have learnt anything, half an hour each; they are trained with the fewer channels of their narrow bases.
BY_NARROW = ('noadapt_resaspp', 'srda_resaspp')
OTHERS = (15, 2e-3)
NARROW = (60, 2e-3)  # and others that learn slowly, but are quick
DEVIATIONS = 3.0


def settings(name):
    quick = any(part in name for part in ('narrow', 'effl0', 'mv2', 'unet'))
    return {**FAST, **SLOW}.get(name, NARROW if quick else OTHERS)


@cache
def learnt(name):
    """A segmentor that has learnt, with its windows of another scene."""
    model = build(name)
    train(model, *settings(name))
    return Windows(model, scene(1)[0])


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow])
        for name in segmentors()
        if name not in BY_NARROW
    ],
)
def test_borders_of_windows_leave_no_trace(name, tmp_path):
    network, found = learnt(name), {}
    for kind in ('blended', 'centre'):
        plan = plan_of(*PLANS[kind])
        found[kind] = at_borders(predicted(network, plan, tmp_path), plan)
    border, inside, deviations = found['blended']
    assert inside > 0.002, f'{name} knows one class only, which shows nothing: {found}'
    assert deviations <= DEVIATIONS, found


def test_a_cut_without_blending_is_found(tmp_path):
    plan = plan_of(*PLANS['centre'])
    border, inside, deviations = at_borders(predicted(learnt('noadapt_resaspp_narrow'), plan, tmp_path), plan)
    assert border > 2 * inside and deviations > 2 * DEVIATIONS
