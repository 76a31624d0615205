"""The kind that each entry of a config must have: a dict, a list or a text."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from mmengine.config import Config

from mmuda import registry as registries
from mmuda.apis.config_walk import LOADERS, loaders_of, stages_of
from mmuda.apis.counts import supervised_streams
from mmuda.utils.errors import UserError

DICT, LIST, TEXT = (Mapping,), (list, tuple), (str,)
IN_WORDS = {DICT: 'a dict', LIST: 'a list', TEXT: 'a text', DICT + LIST: 'a dict or a list'}
AT_THE_TOP = {
    **dict.fromkeys(('model', 'tta_model', 'optim_wrapper', 'default_hooks', 'randomness', 'env_cfg'), DICT),
    **dict.fromkeys(('visualizer', 'log_processor', *LOADERS, 'train_cfg', 'val_cfg', 'test_cfg'), DICT),
    **dict.fromkeys(('param_scheduler', 'val_evaluator', 'test_evaluator'), DICT + LIST),
    **dict.fromkeys(('custom_hooks', 'tta_pipeline'), LIST),
    **dict.fromkeys(('load_from', 'default_scope', 'log_level'), TEXT),
}
OF_A_MODEL = dict(segmentor=DICT, terms=DICT, views=DICT, ema=DICT, networks=DICT, plan=LIST, data_preprocessor=DICT)
NAMED, NOT_NAMES = 'NamedOptimWrapperConstructor', ('constructor', 'type', 'paramwise_cfg')
# A training, a validation or a test has all of these or none.
TOGETHER = (
    ('train_dataloader', 'train_cfg', 'optim_wrapper'),
    ('val_dataloader', 'val_cfg', 'val_evaluator'),
    ('test_dataloader', 'test_cfg', 'test_evaluator'),
)


def check_shapes(cfg: Config) -> None:
    """Refuse entries of the wrong kind; None means "not given".

    Raises:
        UserError: Naming the place, the value and the kind.
    """
    for path, value, kind in _entries(cfg):
        if value is not None and not isinstance(value, kind):
            raise UserError(f'{path}={value!r}; give {IN_WORDS[kind]}')
    if cfg.get('log_level') and not isinstance(logging.getLevelName(cfg.log_level), int):
        raise UserError(f'log_level={cfg.log_level!r}; give DEBUG, INFO, WARNING or ERROR')
    scopes = _scopes(registries.MODELS.parent.parent)
    if cfg.get('default_scope') and cfg.default_scope not in scopes:
        raise UserError(
            f'default_scope={cfg.default_scope!r} is no scope of registries that are there; leave it out, or give one '
            f'of {", ".join(sorted(scopes))}'
        )


def check_complete(cfg: Config) -> None:
    """Refuse a config that lacks the model, or a part of its training, validation or test.

    Raises:
        UserError: Naming what is missing.
    """
    model = cfg.get('model')
    if not model or not model.get('type'):
        raise UserError(f'config {cfg.filename}: model has no type; give model=dict(type=...)')
    if 'segmentor' in model and not (model.get('segmentor') or {}).get('type'):
        raise UserError(f'config {cfg.filename}: model.segmentor has no type; give segmentor=dict(type=...)')
    for path, wrapper in _optimizers(cfg.get('optim_wrapper') or {}):
        if not wrapper.get('optimizer'):
            raise UserError(f"{path} has no optimizer; give e.g. optimizer=dict(type='Adam', lr=2e-4)")
    loop = cfg.get('train_cfg') or {}
    if loop.get('type') == 'StagedTrainLoop' and not loop.get('stages'):
        raise UserError('train_cfg has no stages; give at least one, e.g. stages=[dict(iters=1000)]')
    for names in TOGETHER:
        missing = [name for name in names if cfg.get(name) is None]
        if 0 < len(missing) < len(names):
            there = [name for name in names if name not in missing]
            raise UserError(
                f'config {cfg.filename} has {" and ".join(there)}, but no {" and no ".join(missing)}; give all of them '
                'or set all to None'
            )
    for path, loader in loaders_of(cfg):
        if not loader.get('dataset'):
            raise UserError(f'{path} has no dataset; give dataset=dict(type=...)')
        dataset = loader['dataset']
        has_streams = isinstance(dataset, Mapping) and dataset.get('type') == 'UDADataset'
        if has_streams and not dataset.get('source') and 'source' in supervised_streams(model):
            raise UserError(
                f'{path}.dataset has no source; give source=dict(type=...), labelled images to learn from, or for a '
                'source-free training take out the term that reads them: model.terms.supervised=None'
            )


def _entries(cfg: Config) -> Iterator[tuple[str, object, tuple]]:
    """(place, value, kind); a nested entry comes after the one that holds it."""
    yield from ((key, cfg.get(key), kind) for key, kind in AT_THE_TOP.items())
    yield from _of_hooks(cfg)
    model = cfg.get('model') or {}
    yield from ((f'model.{key}', model.get(key), kind) for key, kind in OF_A_MODEL.items())
    for group in ('terms', 'views'):
        yield from ((f'model.{group}.{name}', value, DICT) for name, value in (model.get(group) or {}).items())
    yield from _of_optimizers(cfg.get('optim_wrapper') or {})
    yield from _of_stages(cfg)
    for path, loader in loaders_of(cfg):
        yield from ((f'{path}.{key}', loader.get(key), DICT) for key in ('dataset', 'sampler', 'batch_sampler'))
        dataset = loader.get('dataset') or {}
        if dataset.get('type') == 'UDADataset':
            yield from ((f'{path}.dataset.{key}', dataset.get(key), DICT) for key in ('source', 'target'))
        yield f'{path}.dataset.pipeline', dataset.get('pipeline'), LIST


def _of_hooks(cfg: Config) -> Iterator[tuple[str, object, tuple]]:
    yield from ((f'default_hooks.{name}', hook, DICT) for name, hook in (cfg.get('default_hooks') or {}).items())
    yield from ((f'custom_hooks.{i}', hook, DICT) for i, hook in enumerate(cfg.get('custom_hooks') or ()))


def _of_optimizers(wrapper: Mapping) -> Iterator[tuple[str, object, tuple]]:
    if wrapper.get('constructor') == NAMED:
        yield from ((f'optim_wrapper.{name}', value, DICT) for name, value in wrapper.items() if name not in NOT_NAMES)
    yield from ((f'{path}.optimizer', value.get('optimizer'), DICT) for path, value in _optimizers(wrapper))


def _optimizers(wrapper: Mapping) -> list[tuple[str, Mapping]]:
    """(place, config) of each optimiser wrapper; names set to None are omitted."""
    if wrapper.get('constructor') != NAMED:
        return [('optim_wrapper', wrapper)] if 'optimizer' in wrapper else []
    named = {name: value for name, value in wrapper.items() if name not in NOT_NAMES and value is not None}
    return [(f'optim_wrapper.{name}', value) for name, value in named.items()]


def _of_stages(cfg: Config) -> Iterator[tuple[str, object, tuple]]:
    yield 'train_cfg.stages', (cfg.get('train_cfg') or {}).get('stages'), LIST
    kinds = dict(terms=LIST, weights=DICT, trainable=LIST, plan=LIST, train_dataloader=DICT, pseudo_labels=DICT)
    for index, stage in enumerate(stages_of(cfg)):
        yield f'train_cfg.stages.{index}', stage, DICT
        yield from ((f'train_cfg.stages.{index}.{key}', stage.get(key), kind) for key, kind in kinds.items())


def _scopes(registry) -> set[str]:
    return {registry.scope}.union(*map(_scopes, registry.children.values()))
