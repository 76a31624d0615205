"""What the seeds of one entry reached, and how entries compare."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmuda.evaluation.nam import normalised_adaptability
from mmuda.experiments.intervals import Interval
from mmuda.experiments.table import CLASS_PREFIX


@dataclass
class Line:
    """An entry on a pair.

    Attributes:
        entry: Its name.
        metrics: Metrics by seed, percent.
        seconds: Duration of each run.
        memory: Largest memory of each run, MiB.
        late_gain: What mIoU gained in the last quarter of the training, mean over seeds; None if unknown.
    """

    entry: str
    metrics: dict[int, dict] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    late_gain: float | None = None

    @property
    def scores(self) -> dict[int, float]:
        """mIoU by seed."""
        found = {seed: metrics.get('mIoU') for seed, metrics in self.metrics.items()}
        return {seed: score for seed, score in found.items() if score is not None}

    @property
    def mean(self) -> Interval:
        return Interval.of(list(self.scores.values()))

    def minus(self, other: Line | None) -> dict[int, float]:
        """Differences to another entry, by common seed."""
        scores = {} if other is None else other.scores
        return {seed: score - scores[seed] for seed, score in self.scores.items() if seed in scores}

    def classes(self) -> dict[str, float]:
        """Mean IoU by class."""
        runs = self.metrics.values()
        names = dict.fromkeys(key for metrics in runs for key in metrics if key.startswith(CLASS_PREFIX))
        values = {name: [metrics.get(name) for metrics in runs] for name in names}
        return {
            name.removeprefix(CLASS_PREFIX): sum(known) / len(known)
            for name, found in values.items()
            if (known := [value for value in found if value is not None])
        }


def closed_gap(line: Line | None, lower: Line | None, upper: Line | None) -> float | None:
    """NAM in percent: the share of the gap between two entries that a third closes, over the seeds that all have.

    Args:
        line: The entry; None, here and below, for one that has not ended.
        lower: Trained on the source alone.
        upper: Trained on the target's labels.

    Returns:
        Percent; None if one is missing, or they have no seed in common.
    """
    lines = (line, lower, upper)
    if None in lines:
        return None
    seeds = [seed for seed in line.scores if all(seed in one.scores for one in lines)]
    if not seeds:
        return None
    return normalised_adaptability(*(sum(one.scores[seed] for seed in seeds) / len(seeds) for one in lines))
