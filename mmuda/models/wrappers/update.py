"""The backward pass of a step and the update after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mmengine.dist import get_dist_info
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor

from mmuda.utils.errors import NonFiniteError, UserError
from mmuda.utils.old_names import renamed_optimizers
from mmuda.utils.scalars import read_scalars

from .plan import Step


def wrappers_of(step: Step, optim_wrapper: OptimWrapper) -> list[OptimWrapper]:
    """The optimisers of a step.

    Raises:
        UserError: If the config has none of that name.
    """
    if not isinstance(optim_wrapper, OptimWrapperDict):
        return [optim_wrapper]
    missing = [name for name in step.optimizers if name not in optim_wrapper]
    if missing:
        given = list(optim_wrapper.keys())
        raise UserError(
            f"Step '{step.name}' of the plan names the optimisers {missing}, but optim_wrapper has {given}; "
            + (renamed_optimizers(given) or 'add them there or ')
            + 'name one of these.'
        )
    return [optim_wrapper[name] for name in step.optimizers]


def update_params(
    wrappers: list[OptimWrapper],
    loss: Tensor,
    scalars: Mapping[str, Tensor] | None = None,
    check: Callable[[dict[str, Tensor]], None] | None = None,
) -> tuple[bool, dict[str, Tensor]]:
    """One backward, counted once by each wrapper for gradient accumulation, then a step of each that is due.

    Gradient reversal trains segmentor and discriminator from one backward pass, hence several wrappers. All gradients
    are checked before any wrapper steps. What is checked or logged is read from the device once, before the steps.

    Args:
        wrappers: The optimisers.
        loss: What they minimise.
        scalars: Further scalars to read.
        check: Gets these as they were read, and may raise before anything is updated.

    Returns:
        Whether any has stepped; the scalars as they were read.
    """
    first, *others = wrappers
    first.backward(first.scale_loss(loss))
    for wrapper in others:
        wrapper._inner_count += 1
    due = [wrapper for wrapper in wrappers if wrapper.should_update()]
    measured = [(wrapper, wrapper.measure()) for wrapper in due if hasattr(wrapper, 'measure')]
    pending = {('', key): value for key, value in (scalars or {}).items()}
    pending |= {(i, key): value for i, (_, own) in enumerate(measured) for key, value in own.items()}
    read: dict = {}
    for (owner, key), value in read_scalars(pending).items():
        read.setdefault(owner, {})[key] = value
    if check is not None:
        check(read.get('', {}))
    for i, (wrapper, _) in enumerate(measured):
        wrapper.judge(read.get(i, {}))
    for wrapper in due:
        # Wrappers that share a loss scaler adjust it once, after the last.
        shared = hasattr(wrapper, 'loss_scaler') and wrapper is not due[-1]
        wrapper.step(**(dict(update_scale=False) if shared else {}))
        wrapper.zero_grad()
    return bool(due), read.get('', {})


@contextmanager
def located(step: Step, iteration: int, batch: dict) -> Iterator[None]:
    """Add the place and the samples to an error about a value that is not finite."""
    try:
        yield
    except NonFiniteError as error:
        rank, size = get_dist_info()
        culprit = rank if error.rank is None else error.rank
        samples = f'its samples were {describe_samples(batch)}' if culprit == rank else 'that rank names its samples'
        raise NonFiniteError(
            f"Iteration {iteration + 1}, step '{step.name}'{f', rank {culprit}' if size > 1 else ''}: {error}. The "
            f'parameters are as before this step; {samples}. Lower the learning rate or the weight of this term, '
            'clip gradients, or look at these files.',
            error.rank,
        ) from None


def describe_samples(batch: dict[str, dict]) -> str:
    """Files and windows of a batch by stream, for an error message."""
    streams = []
    for stream, content in batch.items():
        files = []
        for sample in content.get('data_samples') or []:
            window = sample.get('window')
            files.append(f'{sample.get("img_path")}{f" at {tuple(window)}" if window is not None else ""}')
        streams.append(f'{stream}: {", ".join(files)}')
    return '; '.join(streams)
