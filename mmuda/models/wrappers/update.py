"""The backward pass of a step and the update after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.dist import get_dist_info
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor

from mmuda.utils.errors import NonFiniteError, UserError
from mmuda.utils.old_names import renamed_optimizers

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


def update_params(wrappers: list[OptimWrapper], loss: Tensor) -> bool:
    """One backward, counted once by each wrapper for gradient accumulation, then a step of each that is due.

    Gradient reversal trains segmentor and discriminator from one backward pass, hence several wrappers. All gradients
    are checked before any wrapper steps.

    Returns:
        Whether any has stepped.
    """
    first, *others = wrappers
    first.backward(first.scale_loss(loss))
    for wrapper in others:
        wrapper._inner_count += 1
    due = [wrapper for wrapper in wrappers if wrapper.should_update()]
    for wrapper in due:
        if hasattr(wrapper, 'prepare'):
            wrapper.prepare()
    for wrapper in due:
        # Wrappers that share a loss scaler adjust it once, after the last.
        shared = hasattr(wrapper, 'loss_scaler') and wrapper is not due[-1]
        wrapper.step(**(dict(update_scale=False) if shared else {}))
        wrapper.zero_grad()
    return bool(due)


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
