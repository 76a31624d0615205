"""From a model card to the config of a prediction: types are looked up in registries, and nothing else is trusted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import Registry
from mmseg.registry import TASK_UTILS
from torch import Tensor

from mmuda.apis.counts import build_on_meta
from mmuda.apis.prepare import prepare
from mmuda.checkpoints.card import card_of
from mmuda.checkpoints.card_checks import MODULE, damaged, shown
from mmuda.checkpoints.card_config import check_config, types_in
from mmuda.checkpoints.reading import adapt_state_dict, state_dict_of
from mmuda.registry import ADAPTERS, MODELS, TRANSFORMS, names_in, unknown_type, with_parents
from mmuda.utils.errors import UserError
from mmuda.utils.setup_env import register_all_modules

# Registries whose types each part of a card may name.
PARTS = dict(
    segmentor=(MODELS, TASK_UTILS), preprocessor=(MODELS,), adapter=(ADAPTERS, MODELS), pipeline=(TRANSFORMS,)
)  # fmt: skip


MODEL_SUFFIXES = ('.pth', '.pt', '.ckpt', '.safetensors')


def is_model_file(path) -> bool:
    """Whether a path is that of weights rather than of a config, judged by its suffix."""
    return isinstance(path, str | os.PathLike) and Path(path).suffix.lower() in MODEL_SUFFIXES


def config_of_model_file(
    loaded: Mapping, where: str | os.PathLike, plugin: str | Iterable[str] | None = None
) -> Config:
    """The prepared config of a model file that has a card.

    Args:
        loaded: Of :func:`mmuda.checkpoints.card_file.read_model_file`.
        where: The file, for errors.
        plugin: As :func:`config_of_card`.

    Raises:
        UserError: It has no card, or one that cannot be trusted or does not belong to its weights.
    """
    card = card_of(loaded, where)
    if card is None:
        raise UserError(f'{where} has no model card, as files of earlier versions and of mmseg; give the config, too')
    cfg = config_of_card(card, where, plugin)
    try:
        cfg = prepare(cfg)
    except UserError as error:
        raise damaged(os.fspath(where), f'a config that cannot be used ({error})') from error
    check_sizes(cfg, state_dict_of(loaded), where)
    return cfg


def config_of_card(card: Mapping, where: str | os.PathLike, plugin: str | Iterable[str] | None = None) -> Config:
    """The config that predicts with the weights that a card belongs to.

    Args:
        card: Of :func:`mmuda.checkpoints.card.card_of`.
        where: The file, for errors.
        plugin: Modules that the user allows to import; only those that the card names are imported.

    Returns:
        A config with ``model`` and, if the network was tested on rasters, a ``test_dataloader`` whose dataset reads
        windows of any raster as the test did.

    Raises:
        UserError: The card has no segmentor, names a type that is not registered, or needs a plugin that is
            not allowed.
    """
    where = os.fspath(where)
    if card['segmentor'] is None:
        raise UserError(
            f'{where}: its model card has no segmentor, because {card["incomplete"]}; give the config of its training'
        )
    for key in PARTS:
        check_config(card[key], key, where)
    register_all_modules()
    _import_plugins(card['plugins'], plugin, where)
    for key, registries in PARTS.items():
        for path, name in types_in(card[key], key):
            _check_type(name, path, registries, where)
    return Config(dict(model=_model_of(card), **_test_of(card), default_scope='mmuda'))


def _import_plugins(named: list[str], allowed: str | Iterable[str] | None, where: str) -> None:
    allowed = [allowed] if isinstance(allowed, str) else list(allowed or ())
    unknown = [one for one in allowed if one not in named]
    if unknown:
        raise UserError(
            f'{where}: its model card needs {", ".join(named) or "no plugin"}, not {", ".join(unknown)}; give --plugin '
            'as it is named there, or leave it out'
        )
    missing = [one for one in named if one not in allowed]
    if missing:
        options = ' '.join(f'--plugin {one}' for one in missing)
        raise UserError(
            f'{where}: its model card needs the module {", ".join(missing)}, which is imported only if you say so; if '
            f'you trust it, give {options} (plugin= of init_model)'
        )
    for name in named:
        assert MODULE.fullmatch(name)  # noqa: S101  the card was checked when it was read
        try:
            import_module(name)
        except ImportError as error:
            raise UserError(
                f'the plugin {name} of {where} cannot be imported ({error}); install its package, or run from its '
                'folder with PYTHONPATH=. in front of the command'
            ) from error


def _check_type(name, path: str, registries: tuple[Registry, ...], where: str) -> None:
    """Refuse what no registry holds; mmengine itself would resolve a dotted name to any object of any module."""
    if not isinstance(name, str):
        raise damaged(where, f'{path}={shown(name)}, which must be the name of a registered type')
    scope, _, bare = name.rpartition('.')
    searched = [one for registry in registries for one in with_parents(registry)]
    if any(bare in one.module_dict and scope in ('', one.scope) for one in searched):
        return
    if scope:
        raise damaged(where, f'{path}={shown(name)}, which is no registered type; dotted names are not looked up')
    known = {known for registry in registries for known in names_in(registry)}
    error = str(unknown_type(name, 'type', known, path)).partition(' (a class of your own')[0]
    raise UserError(f'{where}: its model card has {error}, or install what registers it')


def _model_of(card: Mapping) -> dict:
    if card['predicts_with'] == 'model':
        return dict(card['segmentor'], data_preprocessor=card['preprocessor'])
    model = dict(type='DomainAdaptation', segmentor=card['segmentor'], data_preprocessor=card['preprocessor'])
    if card['adapter'] is not None:
        model['adapter'] = card['adapter']
    if card['predicts_with'] == 'teacher':
        model['ema'] = dict(evaluate=True)
    return model


def _test_of(card: Mapping) -> dict:
    steps = card['pipeline']
    if not steps or steps[0].get('type') != 'LoadRasterWindow':
        return {}
    given = card['input']
    metainfo = dict(classes=card['classes'], **(dict(palette=card['palette']) if card['palette'] else {}))
    dataset = dict(
        type='RasterDataset',
        bands=given['bands'],
        value_range=given['value_range'],
        gsd=given['raster_gsd'],
        tile=given['tile'],
        metainfo=metainfo,
        labelled=False,
        pipeline=steps,
    )
    if given['domain'] is not None:
        dataset['domain'] = given['domain']
    return dict(test_dataloader=dict(batch_size=1, num_workers=0, dataset=dataset))


def check_sizes(cfg: Config, state: Mapping[str, Tensor], where: str | os.PathLike) -> None:
    """Compare the weights with the network of a card before any memory is allocated for it.

    Args:
        cfg: Prepared, of :func:`config_of_card`.
        state: Weights of the file.
        where: The file, for errors.

    Raises:
        UserError: The network has other weights than the file, e.g. because the card was changed.
    """
    try:
        expected = build_on_meta(cfg.model).state_dict()
    except Exception as error:  # noqa: BLE001  a constructor may do anything with arguments that it does not expect
        reason = ' '.join(str(error).split())[:200] or type(error).__name__
        raise damaged(os.fspath(where), f'a network that cannot be built ({reason})') from error
    try:
        adapt_state_dict(state, expected, resume=False)
    except UserError as error:
        reason = str(error).partition('. Remedy')[0]
        raise damaged(os.fspath(where), f'another network than its weights belong to ({reason})') from error
