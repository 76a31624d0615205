"""Reports what a resumed run takes from its checkpoint and what from its config where the two differ."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence

from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch.optim import Optimizer

from mmuda.checkpoints.run_record import differences, record_of, shown
from mmuda.utils.errors import UserError
from mmuda.utils.old_names import renamed_optimizers

RECORD = 'run_record'
REMEDY = 'start a new run with load_from instead of --resume'
# Lines; a config that differs everywhere is a different run.
MAX_TOLD = 30
# State of a schedule that changes, or follows from the learning rate or from its begin and end.
FOLLOWS = ('last_step', '_global_step', '_last_value', 'base_values', 'total_iters', 'verbose')
# They affect how an optimiser computes, not what.
IMPLEMENTATION = ('foreach', 'fused', 'capturable', 'differentiable')
# Parts of the config whose values come from the checkpoint's state, where they are compared.
IN_STATE = ('.optimizer.', '.paramwise_cfg.', '.loss_scale.')


def put_record(runner: Runner, checkpoint: dict) -> None:
    """Write the run's settings into a checkpoint as plain data, so that reading them executes no config."""
    record = dict(config=record_of(runner.cfg), world_size=runner.world_size)
    if isinstance(runner.optim_wrapper, OptimWrapper):  # else not built: weights are saved outside training
        optimizers, schedules = _wrappers(runner), _by_name(runner.param_schedulers)
        record['optimizers'] = {name: type(wrapper.optimizer).__name__ for name, wrapper in optimizers.items()}
        record['schedules'] = {name: [type(one).__name__ for one in of] for name, of in schedules.items()}
    checkpoint.setdefault('meta', {})[RECORD] = record


def report_resume(runner: Runner, checkpoint: Mapping) -> None:
    """Report each difference between a checkpoint and the config that resumes it, and which side counts.

    The checkpoint's state (optimisers, schedules) overrides the config; everything else comes from the config.
    Checkpoints of older versions, without a record, are compared by their state alone.

    Raises:
        UserError: If the run is already past its end, or the optimisers or schedules differ so that the state does not
            fit.
    """
    record = checkpoint['meta'].get(RECORD)
    record = record if isinstance(record, Mapping) else {}
    _check_end(runner, checkpoint['meta']['iter'])
    lines = []
    if isinstance(runner.optim_wrapper, OptimWrapper):
        lines += _of_optimizers(runner, checkpoint.get('optimizer') or {}, record.get('optimizers') or {})
        lines += _of_schedules(runner, checkpoint.get('param_schedulers') or {}, record.get('schedules') or {})
    lines += _of_config(runner, record)
    for line in lines[:MAX_TOLD]:
        _warn(f'resume: {line}')
    if len(lines) > MAX_TOLD:
        _warn(f'resume: {len(lines) - MAX_TOLD} further values differ between the checkpoint and the config')


def _check_end(runner: Runner, iteration: int) -> None:
    end = runner.train_loop.max_iters
    if iteration > end:
        raise UserError(
            f'the checkpoint is at iteration {iteration}, beyond the {end} of the config; give the stages more '
            'iterations to train on, or test it with tools/test.py'
        )
    if iteration == end:
        _warn(f'resume: the checkpoint is at iteration {iteration} of {end}, the last: nothing is left to train')


def _wrappers(runner: Runner) -> dict:
    wrapper = runner.optim_wrapper
    return dict(wrapper.optim_wrappers) if isinstance(wrapper, OptimWrapperDict) else {'': wrapper}


def _by_name(schedules) -> dict[str, list]:
    return dict(schedules) if isinstance(schedules, Mapping) else {'': list(schedules or [])}


def _of(what: str, name: str) -> str:
    return f'{what} {name}' if name else f'the {what}'


def _of_optimizers(runner: Runner, states: Mapping, types: Mapping) -> list[str]:
    states = {'': states} if 'param_groups' in states else states
    wrappers, lines = _wrappers(runner), []
    unknown = [name for name in states if name not in wrappers]
    if unknown:
        raise UserError(
            f'the checkpoint has the optimisers {sorted(states)}, the config {sorted(wrappers)}; '
            + (renamed_optimizers(unknown) or 'resume with those of the checkpoint, or ')
            + REMEDY
        )
    for name, wrapper in wrappers.items():
        if name not in states:
            lines.append(f'{_of("optimiser", name)} is not in the checkpoint and begins anew')
            continue
        lines += _of_groups(_of('optimiser', name), wrapper.optimizer, states[name]['param_groups'], types.get(name))
    return lines


def _of_groups(who: str, optimizer: Optimizer, saved: list[Mapping], saved_type: str | None) -> list[str]:
    own, own_type = optimizer.param_groups, type(optimizer).__name__
    lacking = _lacking(optimizer, saved)
    if saved_type not in (None, own_type) or lacking:
        was = saved_type or f'one without {", ".join(lacking)}'
        raise UserError(
            f'{who} is {was} in the checkpoint and {own_type} in the config, and the state of one does not fit the '
            f'other; resume with that of the checkpoint, or {REMEDY}'
        )
    sizes, own_sizes = ([len(group['params']) for group in groups] for groups in (saved, own))
    if sizes != own_sizes:
        raise UserError(
            f'{who} has {sum(sizes)} tensors in {len(sizes)} groups in the checkpoint and {sum(own_sizes)} in '
            f'{len(own_sizes)} in the config (params, paramwise_cfg); resume with those of the checkpoint, or {REMEDY}'
        )
    found = {}  # in the order found, each once: a parameter may have a group of its own
    for old, new in zip(saved, own, strict=True):
        for key in optimizer.defaults:
            before, now = (_at_start(group, key) for group in (old, new))
            if key not in IMPLEMENTATION and before != now:
                found[_checkpoint_counts(who, key, before, now)] = None
    return list(found)


def _lacking(optimizer: Optimizer, saved: list[Mapping]) -> list[str]:
    """Options of the optimiser that saved groups lack and that it does not add, as it does for older groups."""
    probe = copy.copy(optimizer)
    probe.__setstate__(dict(state={}, param_groups=[dict(group) for group in saved]))
    return [key for key in optimizer.defaults if any(key not in group for group in probe.param_groups)]


def _at_start(group: Mapping, key: str):
    """A value as it was before any schedule changed it."""
    value = group.get(f'initial_{key}', group.get(key))
    return tuple(value) if isinstance(value, list) else value


def _checkpoint_counts(who: str, key: str, old, new) -> str:
    return (
        f"{who}: {key} is {shown(old)} in the checkpoint and {shown(new)} in the config; the checkpoint's counts (to "
        f'change it, {REMEDY})'
    )


def _of_schedules(runner: Runner, states: Mapping | Sequence, types: Mapping) -> list[str]:
    states, owns, lines = _by_name(states), _by_name(runner.param_schedulers), []
    for name in dict.fromkeys((*owns, *states)):
        own, saved, who = owns.get(name, []), states.get(name, []), _of('schedule', name)
        was = types.get(name) or [f'schedule {i}' for i in range(len(saved))]
        own_types = [type(one).__name__ for one in own]
        fits = len(saved) == len(own) and types.get(name) in (None, own_types)
        if not fits or any(state.keys() != one.state_dict().keys() for state, one in zip(saved, own, strict=True)):
            raise UserError(
                f'{who} of the learning rate is {shown(was)} in the checkpoint and {shown(own_types)} in the config, '
                f'and the state of one does not fit the other; resume with that of the checkpoint, or {REMEDY}'
            )
        for kind, state, one in zip(own_types, saved, own, strict=True):
            for key, new in one.state_dict().items():
                if key not in FOLLOWS and state[key] != new:
                    lines.append(_checkpoint_counts(f'{who} ({kind})', key, state[key], new))
    return lines


def _of_config(runner: Runner, record: Mapping) -> list[str]:
    lines = []
    size = record.get('world_size', runner.world_size)
    if size != runner.world_size:
        lines.append(
            f'{size} processes were at work in the checkpoint and {runner.world_size} are now: an iteration sees '
            'a different number of samples, and each process draws its own'
        )
    for key, old, new in differences(record.get('config', {}), record_of(runner.cfg)) if 'config' in record else []:
        if key.startswith('param_scheduler') or (key.startswith('optim_wrapper') and _is_in_state(key)):
            continue
        # Several processes get averaging wrappers; the number of processes is reported separately.
        if old.removeprefix('Sync') != new.removeprefix('Sync'):
            lines.append(f"{key} is {old} in the checkpoint and {new} in the config; the config's counts from here on")
    return lines


def _is_in_state(key: str) -> bool:
    """Whether a value of ``optim_wrapper`` comes from the checkpoint's state, where it is compared."""
    return any(part in f'{key}.' for part in IN_STATE)


def _warn(line: str) -> None:
    print_log(line, logger='current', level=logging.WARNING)
