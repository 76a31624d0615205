"""A run's settings as plain data, which a checkpoint carries and a resume compares."""

from __future__ import annotations

from collections.abc import Mapping

# Parts of a config that training and validation depend on; other keys only help to write these.
SECTIONS = (
    'model',
    'train_dataloader',
    'train_cfg',
    'optim_wrapper',
    'auto_scale_lr',
    'param_scheduler',
    'val_dataloader',
    'val_evaluator',
    'val_cfg',
    'custom_hooks',
)
MAX_SHOWN = 100


def record_of(cfg: Mapping) -> dict:
    """The sections of a resolved config that a run depends on, as dicts, lists, numbers and text only.

    Args:
        cfg: Config of the Runner.
    """
    return {name: plain(cfg[name]) for name in SECTIONS if cfg.get(name) is not None}


def plain(value):
    """Nested plain data; a class or function becomes its name, anything else the name of its type."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    named = value if hasattr(value, '__qualname__') else type(value)
    return f'{named.__module__}.{named.__qualname__}'


def differences(old, new, path: str = '') -> list[tuple[str, str, str]]:
    """Where two records differ.

    Args:
        old: Record of the checkpoint.
        new: Record of the config.
        path: Dotted key of the two.

    Returns:
        (dotted key, what the checkpoint has, what the config has), each once: a part that only one side has, or a list
        whose length differs, is one difference.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        pairs = [(key, old.get(key, NOTHING), new.get(key, NOTHING)) for key in keys]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(str(i), *pair) for i, pair in enumerate(zip(old, new, strict=True))]
    elif old == new:
        return []
    else:
        return [(path, shown(old), shown(new))]
    return [found for key, *pair in pairs for found in differences(*pair, f'{path}.{key}' if path else key)]


class _Nothing:
    """Stands for a key that is not there."""


NOTHING = _Nothing()


def shown(value) -> str:
    """A value on one line, shortened if it is long; a list of parts is shown by their names."""
    if value is NOTHING:
        return 'not given'
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        value = [one.get('name') or one.get('type') or '...' for one in value]
    elif isinstance(value, Mapping) and 'type' in value:
        value = f'a {value["type"]}'
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= MAX_SHOWN else f'{text[: MAX_SHOWN - 3]}...'
