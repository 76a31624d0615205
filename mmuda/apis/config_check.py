"""Finds mistakes in a config before anything is built: in types, arguments of classes, keys and numbers."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence

from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, set_random_seed
from torch.utils.data import DataLoader

from mmuda import registry as registries
from mmuda.apis.config_rules import check_settings, check_values
from mmuda.apis.config_shapes import check_shapes
from mmuda.apis.config_walk import Part, loaders_of, parts_of
from mmuda.models.wrappers import Teacher
from mmuda.registry import names_in, unknown_type
from mmuda.utils.errors import UserError
from mmuda.utils.metainfo import check_metainfo
from mmuda.utils.old_names import renamed_argument, renamed_optimizers
from mmuda.utils.signatures import Arguments, arguments_of

# Similarity (0 to 1) above which one name is taken for a misspelling of another.
ALIKE = 0.8
# A top-level name may also be the author's own variable, so only a very close match counts as a misspelling.
NEARLY_SAME = 0.885
TOP_KEYS = (
    *inspect.signature(Runner.__init__).parameters, 'custom_imports', 'model_wrapper_cfg', 'runner_type', 'tta_model',
    'load_skip', 'adaptation_steps', 'class_shares', 'tensorboard',
)  # fmt: skip
# Keys removed from a part before its class is called, by registry.
TAKEN_OUT = {
    registries.HOOKS.name: ('priority',),
    registries.OPTIM_WRAPPERS.name: ('constructor', 'paramwise_cfg'),
    # `during` places a schedule by the stages' lengths.
    registries.PARAM_SCHEDULERS.name: ('convert_to_iter_based', 'epoch_length', 'during'),
}
TAKEN_OUT_OF_LAYERS = {'norm_cfg': ('requires_grad',), 'init_cfg': ('override',)}
CLIP_GRAD = ('type', 'max_norm', 'norm_type', 'error_if_nonfinite', 'foreach', 'clip_value')
# These read some keys and ignore the others, so only near misses are refused.
LOOSE_KEYS = {
    'paramwise_cfg': (
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult',
        'dcn_offset_lr_mult', 'bypass_duplicate', 'num_layers', 'decay_rate', 'decay_type',
    ),
    'data_prefix': ('img_path', 'seg_map_path'),
    'metainfo': ('classes', 'palette', 'label_map'),
    'test_cfg': ('mode', 'stride', 'crop_size', 'interpolate_mode'),
}  # fmt: skip
OF_LOADERS = (
    *inspect.signature(DataLoader.__init__).parameters, 'num_batch_per_epoch', 'disable_subprocess_warning',
)  # fmt: skip


def check_config(cfg: Config) -> None:
    """Refuse a config that no training, test or prediction could run.

    It finds types that no registry has, arguments that a class does not take, numbers out of range, and misspelt keys.
    Nothing is built, so nothing that needs data or a model is checked.

    Args:
        cfg: A config; modules must have been registered.

    Raises:
        UserError: Naming the place, the value and what it may be.
    """
    _check_top(cfg)
    check_shapes(cfg)
    for path, loader in loaders_of(cfg):
        _refuse_unknown(loader, path, 'a data loader', Arguments(OF_LOADERS, closed=True))
    _check_groups(cfg)
    of_constructor = _keys_of_constructor(cfg)
    for part in parts_of(cfg):
        check_part(part, of_constructor if part.registry is registries.OPTIM_WRAPPERS else ())
    check_settings(cfg)
    _check_optimizer_names(cfg)


def _keys_of_constructor(cfg: Config) -> Sequence[str] | None:
    """Keys that the optimiser constructor reads from each wrapper; None for a user's own, which may read anything."""
    wrapper = cfg.get('optim_wrapper')
    name = wrapper.get('constructor') if isinstance(wrapper, Mapping) else None
    if name is None:
        return ()
    constructor = Part('optim_wrapper', dict(type=name), registries.OPTIM_WRAPPER_CONSTRUCTORS, 'constructor').find()
    if constructor is None:
        known = names_in(registries.OPTIM_WRAPPER_CONSTRUCTORS)
        raise unknown_type(name, registries.OPTIM_WRAPPER_CONSTRUCTORS.name, known, 'optim_wrapper.constructor')
    of_library = constructor.__module__.startswith(('mmengine.', 'mmseg.'))
    return getattr(constructor, 'OWN_KEYS', () if of_library else None)


def check_part(part: Part, taken_out: Sequence[str] | None = ()) -> None:
    """Refuse a part with an unknown type, or with arguments that its class does not take.

    Args:
        part: The part.
        taken_out: Keys that are read and removed before the part is built; None if they are unknown.

    Raises:
        UserError: Naming the place, the type or argument, and similar names.
    """
    for key, known in LOOSE_KEYS.items():
        if isinstance(part.cfg.get(key), Mapping):
            _refuse_unknown(part.cfg[key], f'{part.path}.{key}', key, Arguments(known, closed=False))
    if isinstance(part.cfg.get('clip_grad'), Mapping):
        _refuse_unknown(part.cfg['clip_grad'], f'{part.path}.clip_grad', 'clip_grad', Arguments(CLIP_GRAD, closed=True))
    check_values(part)
    if isinstance(part.cfg.get('metainfo'), Mapping):
        check_metainfo(part.cfg['metainfo'], f'{part.path}.metainfo')
    if part.type is None:
        if part.needs_type:
            raise UserError(
                f'{part.path}={dict(part.cfg)} has no type; give type=..., or correct the name if it was to change an '
                'entry that is there'
            )
        return
    if not isinstance(part.type, str) and not callable(part.type):
        raise UserError(f'{part.path}.type={part.type!r}; give the name of a class')
    target = part.find()
    if target is None:
        if part.surely and isinstance(part.type, str) and '.' not in part.type:
            raise unknown_type(part.type, part.registry.name, names_in(part.registry), part.path)
        return
    if target is Evaluator:
        return
    arguments = arguments_of(target)
    if taken_out is None:
        arguments = Arguments(arguments.names, closed=False)
    of_kind = (*TAKEN_OUT.get(part.registry.name, ()), *TAKEN_OUT_OF_LAYERS.get(part.key, ()))
    others = ('type', *of_kind, *(taken_out or ()))
    given = {key: value for key, value in part.cfg.items() if key not in others and not key.startswith('_')}
    _refuse_renamed(given, part.path, target, arguments)
    _refuse_unknown(given, part.path, target.__name__, arguments)


def _refuse_unknown(given: Mapping, path: str, owner: str, arguments: Arguments) -> None:
    """Refuse keys that are not arguments: all of them if the class takes no others, else only likely misspellings."""
    for key in given:
        if key in arguments.names:
            continue
        close = difflib.get_close_matches(str(key), arguments.names, 1, ALIKE)
        if not arguments.closed and not _is_misspelt(key, close, given):
            continue
        hint = f'; did you mean {close[0]}?' if close else '.'
        takes = ', '.join(name for name in arguments.names if name != 'self') or 'none'
        raise UserError(f'{path}.{key} is not an argument of {owner}{hint} It takes {takes}')


def _refuse_renamed(given: Mapping, path: str, target, arguments: Arguments) -> None:
    """Refuse arguments of earlier versions and name the replacement."""
    names = [cls.__name__ for cls in getattr(target, '__mro__', ())]
    for key, value in given.items():
        line = None if key in arguments.names else renamed_argument(names, key, value)
        if line is not None:
            raise UserError(f'{path}.{line}')


def _check_optimizer_names(cfg: Config) -> None:
    """Refuse optimiser names of earlier versions that no step of a plan uses."""
    wrappers, model, loop = (cfg.get(key) or {} for key in ('optim_wrapper', 'model', 'train_cfg'))
    plans = [model.get('plan'), *(stage.get('plan') for stage in loop.get('stages') or [] if isinstance(stage, dict))]
    named = {name for plan in plans for step in plan or [] for name in step.get('optimizers') or []}
    if model.get('type') in (None, 'ImageTranslation'):  # its generators keep their name
        named.add('generator')
    line = renamed_optimizers(name for name in wrappers if name not in named)
    if 'constructor' in wrappers and line is not None:
        raise UserError(f'optim_wrapper: {line}rename it, or name it in a step of the plan')


def _is_misspelt(key: str, close: list[str], given: Mapping) -> bool:
    """Whether a key is a likely misspelling of a name: the name is not given itself, or the two are nearly the same."""
    if not close or close[0].rstrip('0123456789') == key.rstrip('0123456789'):
        return False
    return close[0] not in given or bool(difflib.get_close_matches(key, close, 1, NEARLY_SAME))


def _check_top(cfg: Config) -> None:
    for key in cfg:
        close = [] if key in TOP_KEYS else difflib.get_close_matches(key, TOP_KEYS, 1, NEARLY_SAME)
        if close:
            raise UserError(
                f'{key} at the top of config {cfg.filename} is read by nothing; correct it to {close[0]}, or give a '
                'variable of your own another name'
            )


def _check_groups(cfg: Config) -> None:
    """Keys of the untyped dicts that become arguments."""
    randomness = tuple(inspect.signature(set_random_seed).parameters)
    model = cfg.get('model') if isinstance(cfg.get('model'), Mapping) else {}
    ema = (*inspect.signature(Teacher).parameters, 'evaluate')
    for path, group, names in (
        ('randomness', cfg.get('randomness'), randomness),
        ('env_cfg', cfg.get('env_cfg'), ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')),
        ('model.ema', model.get('ema'), ema),
    ):
        if isinstance(group, Mapping):
            _refuse_unknown(group, path, path, Arguments(names, closed=True))
