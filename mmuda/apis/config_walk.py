"""Finds every place in a config where a registry will build something."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmengine import registry as mmengine_registry
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, LOG_PROCESSORS, Registry
from mmseg import registry as mmseg_registry

from mmuda import registry as registries
from mmuda.utils.errors import UserError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Entries of a config that the Runner builds, with their registries.
ROOTS = {
    'model': registries.MODELS,
    'data_preprocessor': registries.MODELS,
    'tta_model': registries.MODELS,
    'model_wrapper_cfg': registries.MODEL_WRAPPERS,
    'tta_pipeline': registries.TRANSFORMS,
    'optim_wrapper': registries.OPTIM_WRAPPERS,
    'param_scheduler': registries.PARAM_SCHEDULERS,
    'train_cfg': registries.LOOPS,
    'val_cfg': registries.LOOPS,
    'test_cfg': registries.LOOPS,
    'val_evaluator': registries.METRICS,
    'test_evaluator': registries.METRICS,
    'default_hooks': registries.HOOKS,
    'custom_hooks': registries.HOOKS,
    'visualizer': registries.VISUALIZERS,
    'log_processor': LOG_PROCESSORS,
}
# Types that mmengine uses where these have none.
DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper',
    'val_cfg': 'ValLoop',
    'test_cfg': 'TestLoop',
    'log_processor': 'LogProcessor',
    'visualizer': 'Visualizer',
}
# Registry for the parts below a key, at any depth; parts below other keys use the registry of their parent.
BY_KEY = {
    'dataset': registries.DATASETS,
    'datasets': registries.DATASETS,
    'reference': registries.DATASETS,
    'pipeline': registries.TRANSFORMS,
    'transforms': registries.TRANSFORMS,
    'sampler': registries.DATA_SAMPLERS,
    'batch_sampler': registries.DATA_SAMPLERS,
    'collate_fn': FUNCTIONS,
    'worker_init_fn': FUNCTIONS,
    'optimizer': registries.OPTIMIZERS,
    'vis_backends': registries.VISBACKENDS,
    'metrics': registries.METRICS,
    'init_cfg': registries.WEIGHT_INITIALIZERS,
    'terms': registries.TERMS,
    'views': registries.VIEWS,
    'adapter': registries.ADAPTERS,
}
# Inside a model these take names of layers or modes, which need not be in a registry.
LAYERS = (
    'conv_cfg', 'norm_cfg', 'act_cfg', 'upsample_cfg', 'upsampler_cfg', 'interpolate_cfg', 'pad_cfg', 'padding_cfg',
    'plugins', 'clip_grad', 'backend_args', 'file_client_args', 'conv_bias_cfg', 'dw_act_cfg', 'dw_norm_cfg',
    'pw_act_cfg', 'pw_norm_cfg',
)  # fmt: skip
# The transforms of these come from another library.
WRAPPERS_OF_OTHERS = ('Albu',)
LIBRARIES = ('mmuda', 'mmseg', 'mmcv', 'mmengine', 'torch')
# Every entry of these is built, so each needs a type.
COLLECTIONS = ('terms', 'views', 'default_hooks', 'custom_hooks', 'pipeline', 'transforms', 'datasets', 'vis_backends')
EVERYTHING = [
    value
    for module in (registries, mmseg_registry, mmengine_registry)
    for value in vars(module).values()
    if isinstance(value, Registry)
]


@dataclass(frozen=True)
class Part:
    """A dict of a config that a registry builds.

    Attributes:
        path: Its dotted path, as in ``--cfg-options``: ``model.terms.output``,
            ``train_dataloader.dataset.source.pipeline.0``.
        cfg: The dict.
        registry: Registry in which its type is looked up first.
        key: Key that holds it, or the list that it is in.
        surely: Whether its type must be in a registry.
        needs_type: Whether it must have a type.
    """

    path: str
    cfg: Mapping
    registry: Registry
    key: str
    surely: bool = True
    needs_type: bool = False

    @property
    def type(self):
        """The type, explicit or default; None if it has none."""
        default = DEFAULT_TYPES.get(self.path)
        if default is None and self.registry is registries.OPTIM_WRAPPERS:
            default = 'SyncOptimWrapper'
        return self.cfg.get('type') or default

    def is_known(self) -> bool:
        """Whether its class comes from a library, whose registries then build the parts below it."""
        found = self.find()
        return found is None or found.__module__.partition('.')[0] in LIBRARIES

    def find(self):
        """The class or function of its type; None if no registry has it."""
        name = self.type
        if not isinstance(name, str):
            return name if callable(name) else None
        scope = self.cfg.get('_scope_')
        name = f'{scope}.{name}' if scope else name
        for registry in (self.registry, *EVERYTHING):
            try:
                found = registry.get(name)
            except (RuntimeError, ImportError, AttributeError, KeyError, ValueError):
                continue
            if found is not None:
                return found
        return None


def parts_of(cfg: Config) -> Iterator[Part]:
    """Every part that a Runner or a tool would build from a config, as far as the config shows."""
    for key, registry in ROOTS.items():
        if key in cfg:
            yield from _walk(cfg[key], registry, key, key)
    for path, loader in loaders_of(cfg):
        yield from _walk(loader, registries.DATASETS, path, path)


def loaders_of(cfg: Config) -> Iterator[tuple[str, Mapping]]:
    """Each data loader with its path; loaders of stages are merged as the stage will use them."""
    for key in LOADERS:
        if isinstance(cfg.get(key), Mapping):
            yield key, cfg[key]
    for index, stage in enumerate(stages_of(cfg)):
        if not isinstance(stage, Mapping):
            continue
        path = f'train_cfg.stages.{index}'
        if isinstance(stage.get('train_dataloader'), Mapping) and cfg.get('train_dataloader'):
            yield f'{path}.train_dataloader', _merged(cfg.train_dataloader, stage['train_dataloader'], path)
        labels = stage.get('pseudo_labels')
        if isinstance(labels, Mapping) and isinstance(labels.get('dataloader'), Mapping):
            yield f'{path}.pseudo_labels.dataloader', labels['dataloader']


def _merged(loader: Mapping, changes: Mapping, path: str) -> Mapping:
    merged = Config(dict(loader=copy.deepcopy(loader)))
    try:
        merged.merge_from_dict(dict(loader=copy.deepcopy(changes)))
    except (TypeError, KeyError, IndexError) as error:
        raise UserError(f'{path}.train_dataloader does not fit the train_dataloader of the run: {error}') from error
    return merged.loader


def stages_of(cfg: Config) -> list:
    """Stages of the training; empty if there are none."""
    stages = (cfg.get('train_cfg') or {}).get('stages')
    return list(stages) if isinstance(stages, list | tuple) else []


def _walk(value, registry: Registry, path: str, key: str, surely: bool = True, needs_type: bool = False):
    if isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _walk(one, registry, f'{path}.{index}', key, surely, key in COLLECTIONS)
    if not isinstance(value, Mapping):
        return
    is_collection = key in COLLECTIONS and 'type' not in value and not needs_type
    implied = 'optimizer' in value or (path in DEFAULT_TYPES and path != 'optim_wrapper')
    if not is_collection and ('type' in value or needs_type or implied):
        part = Part(path, value, registry, key, surely, needs_type)
        yield part
        surely = surely and part.is_known()
    for name, child in value.items():
        if not isinstance(name, str) or name.startswith('_') or (path == 'train_cfg' and name == 'stages'):
            continue
        further = BY_KEY.get(name, registry)
        if registry is registries.TERMS and not is_collection and name not in BY_KEY:
            further = registries.MODELS  # a term's loss or discriminator
        foreign = value.get('type') in WRAPPERS_OF_OTHERS or name in LAYERS or name.endswith('_cfg')
        # A named entry of a collection inherits the collection's registry.
        yield from _walk(child, further, f'{path}.{name}', name, surely and not foreign, needs_type=is_collection)
