"""Checkpoints of mmseg 0.x and of code built on it (DAFormer, HRDA, MIC): the same weights, wrapped differently."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

import numpy as np
from mmengine.logging import print_log
from torch import Tensor

from mmuda.utils.errors import UserError
from mmuda.utils.metainfo import MOST_CLASSES

SEGMENTOR = 'segmentor.'
TEACHER = 'teacher.module.'
# DAFormer's wrapper: its student predicts; its third network only measures distances to ImageNet's features.
STUDENT, EMA = 'model.', 'ema_model.'
PARTS = ('backbone.', 'decode_head.')


def refuse_config(checkpoint: Mapping, path: str | os.PathLike = 'that was given') -> None:
    """Refuse to resume from a checkpoint with ``meta['config']``, which ``Runner.resume`` would execute as Python.

    Raises:
        UserError: If the entry is there.
    """
    if _has_config(checkpoint):
        raise UserError(
            f"checkpoint {path} carries a config that resuming would execute as code (meta['config'], as mmcv 1.x and "
            'mmseg 0.x write it); start a new run from its weights with load_from instead of --resume'
        )


def drop_config(checkpoint: dict, path: str | os.PathLike = 'that was given', tell: bool = True) -> None:
    """Remove ``meta['config']`` from a checkpoint unread; the weights do not need it.

    Args:
        checkpoint: The checkpoint; changed in place.
        path: Where it comes from.
        tell: Log it, and which networks are taken from a checkpoint with several.
    """
    if not _has_config(checkpoint):
        return
    meta = checkpoint['meta']
    checkpoint['meta'] = {name: value for name, value in meta.items() if name != 'config'}
    if not tell:
        return
    origin = f' of mmseg {meta["mmseg_version"]}' if isinstance(meta.get('mmseg_version'), str) else ''
    state = checkpoint.get('state_dict')
    taken = ''
    if isinstance(state, Mapping) and _is_of_daformer(_without_wrapper(state)):
        taken = f'; its student ({STUDENT}) is taken as the segmentor, its {EMA[:-1]} as the teacher where there is one'
    print_log(
        f"checkpoint {path}{origin}: the config that it carries as text (meta['config']) is dropped unread{taken}",
        logger='current',
    )


def _has_config(checkpoint: Mapping) -> bool:
    meta = checkpoint.get('meta')
    return isinstance(meta, Mapping) and 'config' in meta


def own_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under this library's names, without the prefix of distributed training (``module.``).

    In checkpoints of DAFormer's family, ``model.*`` becomes ``segmentor.*`` and ``ema_model.*`` the teacher; the rest
    is left out.
    """
    state = _without_wrapper(state)
    if not _is_of_daformer(state):
        return state
    renamed = {}
    for prefix, ours in ((STUDENT, SEGMENTOR), (EMA, TEACHER)):
        part = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        renamed |= {ours + key: value for key, value in _without_wrapper(part).items()}
    return renamed


def _without_wrapper(state: Mapping) -> dict:
    return {key.removeprefix('module.'): value for key, value in state.items()}


def _is_of_daformer(state: Mapping) -> bool:
    student = tuple(STUDENT + wrapper + part for part in PARTS for wrapper in ('', 'module.'))
    return any(key.startswith(student) for key in state) and not any(
        key.startswith((SEGMENTOR, *PARTS)) for key in state
    )


def dataset_meta_of(checkpoint: Mapping, path: str | os.PathLike = 'that was given') -> dict:
    """``classes`` and ``palette`` as far as a checkpoint has them, whichever mmseg version wrote it.

    Args:
        checkpoint: The checkpoint.
        path: Where it comes from.

    Returns:
        The run's ``dataset_meta``, or mmseg 0.x's ``CLASSES`` and ``PALETTE`` by the new names. Invalid entries are
        left out with a warning.
    """
    meta = checkpoint.get('meta') or {}
    found = meta.get('dataset_meta')
    if found is None:
        found = {name: meta[name.upper()] for name in ('classes', 'palette') if meta.get(name.upper()) is not None}
    if not isinstance(found, Mapping):
        _warn(path, f'dataset_meta ({type(found).__name__})')
        return {}
    found = dict(found)
    for name, fits in (('classes', _are_names), ('palette', _are_colours)):
        if found.get(name) is not None and not fits(found[name]):
            _warn(path, f'{name} ({str(found.pop(name))[:80]})')
    if isinstance(found.get('palette'), np.ndarray):
        found['palette'] = found['palette'].tolist()
    return found


def _are_names(value) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def _are_colours(value) -> bool:
    try:
        colours = np.asarray(value)
    except ValueError:  # rows of several lengths
        return False
    in_range = colours.dtype.kind in 'iu' and colours.size and colours.min() >= 0 and colours.max() <= 255
    return bool(in_range) and colours.ndim == 2 and colours.shape[1] == 3 and len(colours) <= MOST_CLASSES


def _warn(path: str | os.PathLike, what: str) -> None:
    message = f'checkpoint {path}: its {what} makes no sense and is left out'
    print_log(message, logger='current', level=logging.WARNING)
