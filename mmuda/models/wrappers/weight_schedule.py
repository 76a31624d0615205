"""Loss weights that change during the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from mmuda.utils.errors import UserError
from mmuda.utils.ranges import WEIGHT, require


@dataclass(frozen=True)
class WeightSchedule:
    """A factor that changes linearly between two iterations and is constant outside, like mmengine's ``LinearLR``.

    It depends on the iteration alone, so resuming needs no stored state. CLAN damps its adversarial and
    weight-discrepancy losses by ``1 - i / 100000``: ``dict(end=100_000)``.

    Attributes:
        start_factor: The factor until ``begin``.
        end_factor: The factor from ``end`` on.
        begin: First iteration of the change, counted from the run's first, 0.
        end: Iteration of the run at which it ends.
    """

    start_factor: float = 1.0
    end_factor: float = 0.0
    begin: int = 0
    end: int | None = None

    def at(self, iteration: int) -> float:
        """The factor at an iteration of the run."""
        share = (iteration - self.begin) / (self.end - self.begin)
        return self.start_factor + (self.end_factor - self.start_factor) * min(max(share, 0.0), 1.0)


def weight_from_cfg(cfg: float | Mapping | WeightSchedule, what: str) -> float | WeightSchedule:
    """A number as it is, a mapping as a :class:`WeightSchedule`.

    Args:
        cfg: What the config gives.
        what: Whose weight it is, for the error.

    Raises:
        UserError: If it is neither, or negative, or the schedule has unknown keys or no length.
    """
    if isinstance(cfg, int | float):
        require(WEIGHT, what, cfg)
    if isinstance(cfg, WeightSchedule) or (isinstance(cfg, int | float) and not isinstance(cfg, bool)):
        return cfg
    if not isinstance(cfg, Mapping):
        raise UserError(f'{what}: {cfg!r} is neither a number nor a schedule; give e.g. 0.5 or dict(end=100_000).')
    names = [field.name for field in fields(WeightSchedule)]
    unknown = sorted(set(cfg) - set(names))
    if unknown:
        raise UserError(f'{what}, has unknown keys {unknown}; it may have {names}.')
    schedule = WeightSchedule(**cfg)
    require(WEIGHT, f'{what}: start_factor', schedule.start_factor)
    require(WEIGHT, f'{what}: end_factor', schedule.end_factor)
    if schedule.end is None or schedule.end <= schedule.begin:
        raise UserError(
            f'{what}: begin={schedule.begin}, end={schedule.end}; give end, an iteration of the run after begin.'
        )
    return schedule
