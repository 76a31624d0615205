"""Registries of mmuda: children of mmseg's, so that a config can name mmseg's types without a prefix.

With mmseg's registries as parents, ``EncoderDecoder`` or ``IoUMetric`` resolve from scope ``mmuda`` without a prefix,
and mmengine's root registries find mmuda's types when ``default_scope = 'mmuda'``.

If something cannot be built, a :class:`~mmuda.utils.errors.UserError` names the class. The Runner and mmseg build from
the registries of mmengine and mmseg, so these get the same build functions.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from functools import wraps

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry, build_from_cfg
from mmseg import registry as mmseg_registry

from mmuda.utils.errors import UserError, describe, told_of

SCOPE = 'mmuda'


def unknown_type(name: str, kind: str, known: Iterable[str], path: str = '') -> UserError:
    """The error for a type that no registry has, with similar names.

    Args:
        name: The type.
        kind: What the registry holds, e.g. ``model``.
        known: Names that it has.
        path: Its dotted key in the config, if known.
    """
    close = difflib.get_close_matches(name.split('.')[-1], list(known), n=3, cutoff=0.6)
    hint = f'did you mean {" or ".join(close)}?' if close else 'check its spelling'
    return UserError(
        f'{path and f"{path}: "}type {name!r} in the config is not a registered {kind}; {hint} '
        "(a class of your own is registered by the config's custom_imports)"
    )


def with_parents(registry: Registry) -> Iterator[Registry]:
    """A registry, its parent, and so on."""
    while registry is not None:
        yield registry
        registry = registry.parent


def names_in(registry: Registry) -> list[str]:
    """Names in a registry and its parents."""
    return sorted({name for one in with_parents(registry) for name in one.module_dict})


def tells_refusals(build: Callable) -> Callable:
    """A build function for registries whose errors name the class that cannot be built.

    It raises UserError for a type that is unknown, and for arguments that the constructor refuses.

    Args:
        build: A build function of mmengine's, such as ``build_from_cfg``.
    """

    @wraps(build)
    def build_or_tell(cfg, *args, registry: Registry, **kwargs):
        kind = cfg.get('type', cfg.get('runner_type')) if hasattr(cfg, 'get') else None
        if kind is None:
            return build(cfg, *args, registry=registry, **kwargs)
        name = getattr(kind, '__name__', str(kind))
        with told_of(name):
            try:
                return build(cfg, *args, registry=registry, **kwargs)
            except (KeyError, RuntimeError) as error:
                if not describe(error).startswith((f'{name} is not in the ', f'Failed to get {name}')):
                    raise
                with registry.switch_scope_and_registry(cfg.get('_scope_')) as searched:
                    raise unknown_type(name, searched.name, names_in(searched)) from error

    return build_or_tell


for _registry in (*vars(mmengine_registry).values(), *vars(mmseg_registry).values()):
    if isinstance(_registry, Registry):
        _registry.build_func = tells_refusals(_registry.build_func)


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
DATASETS = _child('DATASETS', ['mmuda.datasets.registered', 'mmuda.synthetic'])
DATA_SAMPLERS = _child('DATA_SAMPLERS', ['mmuda.datasets.registered'])
TRANSFORMS = _child('TRANSFORMS', ['mmuda.datasets.registered'])
MODELS = _child('MODELS', ['mmuda.models'])
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', ['mmuda.engine'])
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS', ['mmuda.models'])
METRICS = _child('METRICS', ['mmuda.evaluation'])
VISUALIZERS = _child('VISUALIZERS', ['mmuda.visualization'])
VISBACKENDS = _child('VISBACKENDS', ['mmuda.visualization'])

# Kinds of parts that mmseg does not have.
TERMS = Registry('term', tells_refusals(build_from_cfg), scope=SCOPE, locations=['mmuda.models'])
ADAPTERS = Registry('segmentor adapter', tells_refusals(build_from_cfg), scope=SCOPE, locations=['mmuda.models'])
VIEWS = Registry('view', tells_refusals(build_from_cfg), scope=SCOPE, locations=['mmuda.models'])
