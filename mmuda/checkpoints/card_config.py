"""The configs inside a model card: made plain when written, and refused when read if they could do more than build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmuda.checkpoints.card_checks import damaged, shown

# They only say where initial weights come from, which a trained model does not need.
INITIAL = ('init_cfg', 'pretrained')
# Arguments by which parts of libraries open files or addresses.
OPENS = ('checkpoint', 'checkpoint_path', 'weights', 'filename', 'file_client_args', 'backend_args', 'custom_imports')
PATH_PARTS = ('/', '\\', '://', '..')
LARGEST = 16_384
"""Larger whole numbers (channels, layers) than any network has."""
LONGEST = 1000


def plain_config(value, path: str = ''):
    """A config as dicts, lists, numbers and texts, without what only says where initial weights come from.

    Args:
        value: Part of a resolved config.
        path: Its dotted key, for the error.

    Raises:
        ValueError: It holds something else, e.g. a class instead of its name, or the path of a file.
    """
    if isinstance(value, Mapping):
        left_out = (*INITIAL, '_scope_')
        return {str(k): plain_config(v, f'{path}.{k}'.strip('.')) for k, v in value.items() if k not in left_out}
    if isinstance(value, list | tuple):
        return [plain_config(one, f'{path}.{index}'.strip('.')) for index, one in enumerate(value)]
    if isinstance(value, str):
        if any(part in value for part in PATH_PARTS):
            raise ValueError(f'{path}={shown(value)} looks like a path')
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f'{path}={shown(value)} is a {type(value).__name__}, which is no plain data')


def check_config(value, path: str, where: str) -> None:
    """Refuse a config of a card that holds more than types and plain arguments.

    Args:
        value: The config, plain data.
        path: Its key in the card, for the error.
        where: The file, for the error.

    Raises:
        UserError: It has a key that mmengine would act on, an argument that opens a file, a text that looks like a
            path, or a number that no network has.
    """
    fault = fault_of(value, path)
    if fault is not None:
        raise damaged(where, fault)


def fault_of(value, path: str) -> str | None:
    """What :func:`check_config` would refuse; None if nothing."""
    for key, one in _walk(value, path):
        name = key.rpartition('.')[2]
        if name.startswith('_') or (name in (*OPENS, *INITIAL) and one is not None):
            return f'{key}={shown(one)}, which a card may not give'
        if isinstance(one, str) and any(part in one for part in PATH_PARTS):
            return f'{key}={shown(one)}, which looks like a path; a card reads no other files'
        if isinstance(one, int | float) and abs(one) > LARGEST:
            return f'{key}={shown(one)}, where numbers up to {LARGEST} are expected'
        if isinstance(one, list) and len(one) > LONGEST:
            return f'{len(one)} values of {key}, where at most {LONGEST} are expected'
    return None


def types_in(value, path: str) -> Iterator[tuple[str, object]]:
    """Each ``type`` in a config, with its dotted key."""
    for key, one in _walk(value, path):
        if key.rpartition('.')[2] == 'type':
            yield key, one


def _walk(value, path: str) -> Iterator[tuple[str, object]]:
    yield path, value
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, child in pairs:
        yield from _walk(child, f'{path}.{key}')
