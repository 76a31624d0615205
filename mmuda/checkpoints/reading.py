"""Reads checkpoints safely and fits their names to a model."""

import io
import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from mmengine.runner.checkpoint import get_torch_safe_globals
from torch import Tensor, nn

from mmuda.checkpoints.contents import check_content, check_start
from mmuda.checkpoints.mmseg0 import SEGMENTOR, TEACHER, drop_config, own_names, refuse_config
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import note_input

COUNTER = '.num_batches_tracked'
# Listing thousands of keys would help nobody.
MAX_LISTED = 8


def force_safe_loading() -> None:
    """Make every ``torch.load`` of this process and its children refuse files that would run code.

    If a file cannot be read safely, mmengine tries again unsafely; this prevents it for ``load_from``, resume and
    ``init_cfg`` alike.
    """
    os.environ.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)  # torch refuses to run with both set
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
    torch.serialization.add_safe_globals(_plain_numpy())


def _plain_numpy() -> list:
    """What pickled NumPy numbers and arrays refer to, under the names of NumPy 1 and 2."""
    scalar, array = np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]
    names = [
        (function, f'numpy.{core}.multiarray.{function.__name__}')
        for function in (scalar, array)
        for core in ('core', '_core')
    ]
    return [*names, np.ndarray, np.dtype, *{type(np.dtype(code)) for code in '?bhilqBHILQefd'}]


def read_checkpoint(path: str | os.PathLike, resume: bool = False, tell: bool = True) -> dict:
    """Read a checkpoint on the CPU with ``weights_only=True`` or not at all.

    Args:
        path: The file.
        resume: Whether a run is to be resumed from it. A config, which ``Runner.resume`` would execute, is then
            refused; otherwise it is dropped unread.
        tell: Log what is dropped.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If the file is truncated or no checkpoint, holds objects that would run code, or, to be resumed from,
            carries a config.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} was not found; check the path')
    note_input(path)
    check_start(path)
    try:
        with torch.serialization.safe_globals([*get_torch_safe_globals(), *_plain_numpy()]):
            checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except UnpicklingError as error:
        found = re.search(r'GLOBAL (\S+)', str(error))
        raise UserError(
            f'checkpoint {path} is not read because it holds more than tensors and plain values'
            f'{f" ({found.group(1)})" if found else ""} and could run code; save it again with weights only'
        ) from error
    except (RuntimeError, EOFError, ValueError, LookupError, OSError) as error:
        reason = ' '.join(str(error).split())[:200] or type(error).__name__
        raise UserError(f'checkpoint {path} is truncated or no checkpoint ({reason}); use another file') from error
    check_content(checkpoint, path)
    if resume:
        refuse_config(checkpoint, path)
    else:
        drop_config(checkpoint, path, tell)
    return checkpoint


def state_dict_of(checkpoint: Mapping) -> dict[str, Tensor]:
    """Weights of a run's checkpoint or a bare state dict, named by :func:`own_names`."""
    state = checkpoint.get('state_dict', checkpoint)
    return own_names({str(key): value for key, value in state.items() if isinstance(value, Tensor)})


def refuse_not_finite(state_dict: Mapping[str, Tensor], path: str | os.PathLike) -> None:
    """Refuse a segmentor whose weights are NaN or infinite anywhere: it cannot predict.

    Args:
        state_dict: Weights of a checkpoint. Terms, e.g. discriminators, do not predict and are not looked at.
        path: The checkpoint, for the error.

    Raises:
        UserError: If some are; lists their names.
    """
    own = {key: value for key, value in state_dict.items() if not key.startswith(('terms.', 'views.'))}
    # An attention mask holds -inf where it hides something.
    wrong = [k for k, v in own.items() if not k.endswith('attn_mask') and not bool(torch.isfinite(v).all())]
    if wrong:
        raise UserError(
            f'checkpoint {path} holds values that are not finite (NaN or infinite) in {len(wrong)} of {len(own)} '
            f'weights ({_listed(wrong)}): its training has diverged; use an earlier checkpoint'
        )


def adapt_state_dict(
    state_dict: Mapping[str, Tensor], model_state: Mapping[str, Tensor], resume: bool, skip: Iterable[str] = ()
) -> dict[str, Tensor]:
    """Fit the names of a checkpoint to a model, or refuse it and list what does not fit.

    With ``resume`` every name and shape must be the model's. Otherwise the *segmentor* must fit: the names of a plain
    mmseg checkpoint (``backbone.*``, ``decode_head.*``, ``auxiliary_head.*``) become ``segmentor.*`` and back, as the
    model has them. The rest (``terms.*``, a teacher) is loaded where name and shape agree and otherwise left unchanged,
    so that a run with other terms can start from this checkpoint.

    Args:
        state_dict: Weights of the checkpoint.
        model_state: ``state_dict()`` of the unwrapped model.
        resume: Whether a run is resumed rather than started from these weights.
        skip: Parts of the segmentor that keep the model's own values: module paths (``decode_head.conv_seg``) or
            patterns (``*.conv_seg.*``), without ``segmentor.``. Not with ``resume``.

    Returns:
        Exactly the model's names: the checkpoint's values, and the model's own where skipped or not found in the rest.

    Raises:
        UserError: Lists what is missing, unexpected or of another shape, and the remedy.
    """
    state_dict = {key.removeprefix('module.'): value for key, value in state_dict.items()}
    if resume:
        _refuse_misfit(state_dict, model_state, 'the checkpoint is of another model and cannot be resumed', _RESUME)
        return dict(state_dict)
    skip = tuple(skip)
    state_dict = _rename(state_dict, model_state)
    own, others = _split(model_state)
    given, given_others = _split(state_dict)
    expected = {key: value for key, value in own.items() if not _is_skipped(key, skip)}
    given = {key: value for key, value in given.items() if not _is_skipped(key, skip)}
    for key in expected.keys() - given.keys():
        if key.endswith(COUNTER):  # not in checkpoints of old torch; it only counts
            given[key] = expected[key]
    _refuse_misfit(given, expected, 'the checkpoint does not fit the segmentor', _remedy_for(given, expected))
    # If the checkpoint has no teacher, the teacher starts from its student.
    teacher = {TEACHER + key.removeprefix(SEGMENTOR): value for key, value in given.items()}
    fitting = {k: v for k, v in {**teacher, **given_others}.items() if k in others and others[k].shape == v.shape}
    return {**model_state, **given, **fitting}


_RESUME = 'resume with the config it was trained with, or give it as load_from to start a new run from its weights'


def _rename(state_dict: dict[str, Tensor], model_state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add or take away ``segmentor.`` so that both sides agree."""
    wanted = any(key.startswith(SEGMENTOR) for key in model_state)
    present = any(key.startswith(SEGMENTOR) for key in state_dict)
    if wanted and not present:
        return {SEGMENTOR + key: value for key, value in state_dict.items()}
    if present and not wanted:  # a plain segmentor takes only the segmentor from an adaptation's checkpoint
        return {k.removeprefix(SEGMENTOR): v for k, v in state_dict.items() if k.startswith(SEGMENTOR)}
    return state_dict


def _split(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The segmentor's entries, and the rest; statistics of the preprocessor come from the config, never from a file."""
    prefixed = any(key.startswith(SEGMENTOR) for key in state)
    own, others = {}, {}
    for key, value in state.items():
        if key.removeprefix(SEGMENTOR).startswith('data_preprocessor.'):
            continue
        (own if not prefixed or key.startswith(SEGMENTOR) else others)[key] = value
    return own, others


def _is_skipped(key: str, skip: Iterable[str]) -> bool:
    key = key.removeprefix(SEGMENTOR)
    for pattern in skip:
        pattern = pattern.removeprefix(SEGMENTOR).rstrip('.')
        if key == pattern or key.startswith(f'{pattern}.') or fnmatchcase(key, pattern):
            return True
    return False


def _refuse_misfit(given: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str, remedy: str) -> None:
    missing = [key for key in expected if key not in given]
    unexpected = [key for key in given if key not in expected]
    shapes = [
        f'{key} (checkpoint {tuple(given[key].shape)}, model {tuple(expected[key].shape)})'
        for key in expected
        if key in given and given[key].shape != expected[key].shape
    ]
    parts = [
        f'{len(keys)} {title}: {_listed(keys)}'
        for title, keys in (('missing', missing), ('unexpected', unexpected), ('of another shape', shapes))
        if keys
    ]
    if parts:
        raise UserError(f'{what}: {"; ".join(parts)}. Remedy: {remedy}')


def _listed(keys: list[str]) -> str:
    more = len(keys) - MAX_LISTED
    return ', '.join(keys[:MAX_LISTED]) + (f' and {more} more' if more > 0 else '')


def _remedy_for(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """The ``load_skip`` that would let this checkpoint in, or what it probably is if almost nothing fits."""
    fits = {key for key in expected if key in given and given[key].shape == expected[key].shape}
    if all(key.endswith(COUNTER) for key in fits):
        return (
            'give a checkpoint of a whole segmentor (backbone.*, decode_head.*); weights of a backbone alone go to '
            "model.segmentor.backbone.init_cfg=dict(type='Pretrained', checkpoint=...)"
        )
    misfits = (given.keys() | expected.keys()) - fits
    parts = sorted({_smallest_part(key, fits) for key in misfits})
    return f'change the config, or leave these parts out with load_skip={parts} at the top of the config'


def _smallest_part(key: str, fits: set[str]) -> str:
    """Shortest module path above ``key`` in which nothing fits."""
    names = key.removeprefix(SEGMENTOR).split('.')
    kept = {k.removeprefix(SEGMENTOR) for k in fits}
    for depth in range(1, len(names)):
        part = '.'.join(names[:depth])
        if not any(k == part or k.startswith(f'{part}.') for k in kept):
            return part
    return '.'.join(names)


def load_weights(model: nn.Module, path: str | os.PathLike) -> None:
    """Load a checkpoint of its config into any model, with strict names and shapes.

    Args:
        model: The model.
        path: The checkpoint.

    Raises:
        UserError: If names or shapes differ, with a list of them, or values are not finite.
    """
    state = state_dict_of(read_checkpoint(os.fspath(path)))
    load_state(model, state, path, 'give a checkpoint that this config has written')


def load_state(model: nn.Module, state: Mapping[str, Tensor], path: str | os.PathLike, remedy: str) -> None:
    """Load weights that were read from a file into a model, with strict names and shapes.

    Args:
        model: The model.
        state: Weights by the model's names.
        path: Where they come from, for the error.
        remedy: What to do if they do not fit.

    Raises:
        UserError: If names or shapes differ, with a list of them, or values are not finite.
    """
    refuse_not_finite(state, path)
    _refuse_misfit(state, model.state_dict(), f'{path} is of another model', remedy)
    model.load_state_dict(state)


def write_checkpoint(state_dict: Mapping[str, Tensor], path: str | os.PathLike, **meta) -> None:
    """Write weights and their ``meta``, without optimisers; the file is written whole or not at all.

    Args:
        state_dict: Weights by name.
        path: File to write.
        **meta: Entries of the checkpoint's ``meta``.
    """
    buffer = io.BytesIO()
    torch.save(dict(state_dict=dict(state_dict), meta=meta), buffer)
    write_atomically(buffer.getvalue(), path)
