"""Every registered term, view and segmentor of mmuda passes what the parts of plugins must pass."""

import pytest
from mmseg.models.segmentors.base import BaseSegmentor

from mmuda import registry
from mmuda.testing import check_ranks, check_segmentor, check_term, check_view, segmentor_case, term_case, view_case
from tests.test_testing.parts import SEGMENTORS, TERMS, VIEWS

KINDS = dict(
    term=(check_term, term_case, TERMS),
    view=(check_view, view_case, VIEWS),
    segmentor=(check_segmentor, segmentor_case, SEGMENTORS),
)
PARTS = [(kind, *part) for kind, (*_, parts) in KINDS.items() for part in parts]


def names_of(parts) -> set[str]:
    return {cfg['type'] for cfg, _ in parts}


def own(found: dict) -> set[str]:
    """Names of the classes that mmuda itself registers; tests register others."""
    return {name for name, part in found.items() if part.__module__.startswith('mmuda.models')}


def test_none_is_left_out():
    segmentors = {k: v for k, v in registry.MODELS.module_dict.items() if issubclass(v, BaseSegmentor)}
    assert own(registry.TERMS.module_dict) == names_of(TERMS)
    assert own(registry.VIEWS.module_dict) == names_of(VIEWS)
    assert own(segmentors) == names_of(SEGMENTORS) - {'EncoderDecoder'}


@pytest.mark.parametrize(('kind', 'cfg', 'options'), PARTS, ids=[f'{p[1]["type"]}-{i}' for i, p in enumerate(PARTS)])
def test_a_part_of_mmuda_passes(kind, cfg, options):
    check, *_ = KINDS[kind]
    check(cfg, ranks=False, **options)


def test_the_parts_of_mmuda_are_equal_on_two_ranks():
    check_ranks(*(KINDS[kind][1](cfg, **options) for kind, cfg, options in PARTS))
