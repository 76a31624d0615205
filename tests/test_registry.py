"""A config names the types of mmseg, mmengine and mmuda bare."""

import pytest
from mmengine import registry as root
from mmengine.registry import DefaultScope

from mmuda import registry
from mmuda.utils.setup_env import register_all_modules

BARE = [
    ('MODELS', 'EncoderDecoder', 'mmseg'),
    ('MODELS', 'CrossEntropyLoss', 'mmseg'),
    ('MODELS', 'DomainAdaptation', 'mmuda'),
    ('METRICS', 'IoUMetric', 'mmseg'),
    ('METRICS', 'ClassIoUMetric', 'mmuda'),
    ('DATASETS', 'LoveDADataset', 'mmseg'),
    ('DATASETS', 'UDADataset', 'mmuda'),
    ('TRANSFORMS', 'LoadAnnotations', 'mmseg'),
    ('TRANSFORMS', 'LoadImageFromFile', 'mmuda'),  # mmcv's, and it says the order of its channels
    ('TRANSFORMS', 'Resize', 'mmseg'),
    ('TRANSFORMS', 'RandomGroundCrop', 'mmuda'),
    ('VISUALIZERS', 'SegLocalVisualizer', 'mmseg'),
    ('HOOKS', 'CheckpointHook', 'mmengine'),
    ('HOOKS', 'SummaryHook', 'mmuda'),
    ('LOOPS', 'IterBasedTrainLoop', 'mmengine'),
    ('LOOPS', 'StagedTrainLoop', 'mmuda'),
    ('PARAM_SCHEDULERS', 'PolyLR', 'mmengine'),
    ('OPTIM_WRAPPERS', 'SyncOptimWrapper', 'mmuda'),
    ('DATA_SAMPLERS', 'DrawSampler', 'mmuda'),
]


@pytest.mark.parametrize(('kind', 'name', 'package'), BARE)
def test_bare_names_are_found_from_ours_and_as_the_runner_looks(kind, name, package):
    register_all_modules(set_default_scope=False)
    assert getattr(registry, kind).get(name).__module__.split('.')[0] == package
    with DefaultScope.overwrite_default_scope('mmuda'), getattr(root, kind).switch_scope_and_registry(None) as found:
        assert found.get(name).__module__.split('.')[0] == package
