"""Loads a config and applies the options of the command line."""

import os
import traceback
from pathlib import Path

from mmengine.config import Config

from mmuda.apis.config_check import check_config
from mmuda.apis.config_defaults import fill_defaults, fill_loaders, set_lengths
from mmuda.apis.options import merge_options
from mmuda.utils.errors import UserError
from mmuda.utils.inputs import note_input
from mmuda.utils.old_names import MODULES
from mmuda.utils.setup_env import allow_package_configs, register_all_modules

CONFIG_SUFFIXES = ('.py', '.json', '.yaml', '.yml')


def load_config(path: str | os.PathLike, cfg_options: dict | None = None) -> Config:
    """Read a config, register all modules of mmseg and mmuda, and make ``mmuda`` the default scope.

    Wherever it is stored, a config may also inherit configs that ship with mmuda and mmseg: ``_base_ =
    ['mmuda::_base_/default_runtime.py', 'mmseg::_base_/models/fcn_unet_s5-d16.py']``.

    Omitted values are filled in, see :func:`fill_defaults`.

    Args:
        path: A config file (``.py``, ``.json``, ``.yaml``).
        cfg_options: Values by dotted key that override the file's, as in ``--cfg-options``.

    Raises:
        FileNotFoundError: If the file is missing.
        UserError: If the file cannot be read, an option does not fit, or something in it is misspelt or out of its
            range, see :func:`check_config`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'config {path} was not found; check the path')
    note_input(path)
    cfg = _read(path)
    fill_defaults(cfg)
    merge_options(cfg, cfg_options or {})
    set_lengths(cfg)  # an option may name them too
    fill_loaders(cfg)
    # A config that inherits mmseg's runtime sets the scope `mmseg`, in which mmuda's types do not exist. In mmuda's
    # scope both are found, since its registries are children of mmseg's.
    if cfg.get('default_scope') in (None, 'mmseg'):
        cfg.default_scope = 'mmuda'
    register_all_modules()
    check_config(cfg)
    return cfg


def _read(path: Path) -> Config:
    """Read the config from a file; any error while reading is reported as a mistake in the file."""
    allow_package_configs()
    if path.suffix not in CONFIG_SUFFIXES:
        raise UserError(f'config {path} has the suffix {path.suffix!r}; it must be one of {", ".join(CONFIG_SUFFIXES)}')
    try:
        cfg = Config.fromfile(path)
    except ImportError as error:
        cause = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__
        if getattr(cause, 'name', None) in MODULES:
            raise UserError(f'config {path}: its custom_imports have an old import: {cause}') from error
        raise UserError(
            f'config {path}: its custom_imports cannot be imported ({error}); run from the folder that holds the '
            'package with PYTHONPATH=. in front of the command, or install the package'
        ) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is this call
        lines = [f'{frame.filename}, line {frame.lineno}' for frame in frames if frame.name == '<module>']
        where = f' ({lines[0]})' if lines else ''
        raise UserError(f'config {path} cannot be parsed{where}: {type(error).__name__}: {error}') from error
    # mmengine has the text of a config formatted by yapf four times a run, which takes ten seconds. Without, it is
    # indented and valid Python; `fromfile` does not pass the option on.
    object.__setattr__(cfg, '_format_python_code', False)
    if not len(cfg):
        raise UserError(f'config {path} is empty; write one, or give another')
    return cfg
