"""Registries of mmuda: children of mmseg's, so that a config names mmseg's types bare.

With mmseg's registries as parents, ``EncoderDecoder`` or ``IoUMetric`` resolve from scope ``mmuda`` without a prefix,
and mmengine's root registries find mmuda's types when ``default_scope = 'mmuda'``.
"""

from mmengine.registry import Registry
from mmseg import registry as mmseg_registry

SCOPE = 'mmuda'


def _child(name: str, locations: list[str]) -> Registry:
    parent = getattr(mmseg_registry, name)
    return Registry(parent.name, parent=parent, scope=SCOPE, locations=locations)


RUNNERS = _child('RUNNERS', ['mmuda.engine'])
LOOPS = _child('LOOPS', ['mmuda.engine'])
HOOKS = _child('HOOKS', ['mmuda.engine'])
OPTIMIZERS = _child('OPTIMIZERS', ['mmuda.engine'])
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', ['mmuda.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS', ['mmuda.engine'])
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS', ['mmuda.engine'])
DATASETS = _child('DATASETS', ['mmuda.datasets', 'mmuda.synthetic'])
DATA_SAMPLERS = _child('DATA_SAMPLERS', ['mmuda.datasets'])
TRANSFORMS = _child('TRANSFORMS', ['mmuda.datasets'])
MODELS = _child('MODELS', ['mmuda.models'])
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', ['mmuda.engine'])
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', ['mmuda.models'])
METRICS = _child('METRICS', ['mmuda.evaluation'])
VISUALIZERS = _child('VISUALIZERS', ['mmuda.visualization'])
VISBACKENDS = _child('VISBACKENDS', ['mmuda.visualization'])

# Ideas that mmseg does not have.
TERMS = Registry('term', scope=SCOPE, locations=['mmuda.models'])
ADAPTERS = Registry('segmentor adapter', scope=SCOPE, locations=['mmuda.models'])
VIEWS = Registry('view', scope=SCOPE, locations=['mmuda.models'])
