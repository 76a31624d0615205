"""Runs that differ by their seed alone, together; and the table of what they reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmuda.experiments.intervals import Interval
from mmuda.experiments.lines import Line, closed_gap
from mmuda.reports.finding import Found
from mmuda.reports.run import Run
from mmuda.utils.errors import UserError

COLOURS = ('#1f77b4', '#d95f02', '#2a9d4e', '#9467bd', '#c2185b', '#6d4c41', '#00838f', '#827717', '#455a64', '#e53935')
"""Of methods in charts and legends, in order; further ones start again."""


FEWEST = 3
"""Seeds from which on intervals of single classes are shown."""


@dataclass
class Method:
    """What was trained, with one seed or several.

    Attributes:
        name: Its name.
        runs: Its runs, by seed.
        colour: Its colour in charts.
        target_only: Whether it was trained on the target's labels.
    """

    name: str
    runs: list[Run]
    colour: str
    target_only: bool = False

    @property
    def first(self) -> Run:
        return self.runs[0]

    @property
    def line(self) -> Line:
        """Scores by seed; a run without a seed counts by its place."""
        ended = [(place, run) for place, run in enumerate(self.runs) if run.metrics]
        return Line(
            self.name,
            {place if run.seed is None else run.seed: run.metrics for place, run in ended},
            [run.summary['seconds'] for _, run in ended if run.summary.get('seconds') is not None],
            [run.summary['peak_memory_mib'] for _, run in ended if run.summary.get('peak_memory_mib')],
        )


def methods_of(found: Found, runs: Sequence[Run], unadapted: str | None, target_only: str | None) -> list[Method]:
    """Group runs of one pair; the method that does not adapt comes first.

    Args:
        found: Where the runs were found.
        runs: The runs.
        unadapted: Name of the method that does not adapt; None is the first.
        target_only: Name of the method that was trained on the target's labels; None takes that of the experiment.

    Raises:
        UserError: There is no method of that name.
    """
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(_name_of(run, grouped), []).append(run)
    names = list(grouped)
    for option, name in (('--unadapted', unadapted), ('--target-only', target_only)):
        if name is not None and name not in names:
            raise UserError(f'{option} {name} is none of the methods {", ".join(names)}')
    if unadapted is not None:
        names.sort(key=lambda name: name != unadapted)
    upper = target_only or found.target_only
    return [Method(name, grouped[name], COLOURS[i % len(COLOURS)], name == upper) for i, name in enumerate(names)]


def _name_of(run: Run, grouped: dict[str, list[Run]]) -> str:
    """A name that runs of one method share: that of the experiment, or of a run with the same settings."""
    if run.place.seed is not None or run.record is None:
        return run.place.method
    for name, others in grouped.items():
        seeds = [other.seed for other in others]
        if others[0].place.seed is None and others[0].record == run.record and run.seed not in seeds:
            return name
    name, number = run.place.method, 2
    while name in grouped:
        name, number = f'{run.place.method} ({number})', number + 1
    run.place = replace(run.place, method=name)
    return name


@dataclass(frozen=True)
class Cell:
    """A cell of a table that can be sorted.

    Attributes:
        text: What is shown.
        value: What is sorted by; None is below all others.
        share: Length of a bar behind the text, in [0, 1]; None for none.
    """

    text: str
    value: float | str | None = None
    share: float | None = None


@dataclass(frozen=True)
class Grid:
    """A table: names of its columns and rows of cells."""

    head: list[str]
    rows: list[list[Cell]]

    def is_text(self, column: int) -> bool:
        """Whether a column holds words, which are aligned to the left."""
        return all(row[column].value is None or isinstance(row[column].value, str) for row in self.rows)


def results_table(methods: Sequence[Method]) -> Grid | None:
    """Scores with intervals, differences to the first method, and NAM; None if no run has scores."""
    lines = {method.name: method.line for method in methods}
    if not any(line.scores for line in lines.values()):
        return None
    first = lines[methods[0].name]
    upper = next((lines[method.name] for method in methods if method.target_only), None)
    several = len(methods) > 1
    head = ['method', 'mIoU, %', *([f'minus {methods[0].name}'] if several else []), *(['NAM, %'] if upper else [])]
    rows = []
    for method in methods:
        line = lines[method.name]
        gain = Interval.of([] if line is first else list(line.minus(first).values()))
        nam = closed_gap(line, first, upper)
        memory = line.memory and sum(line.memory) / len(line.memory)
        seconds = line.seconds and sum(line.seconds) / len(line.seconds)
        rows.append(
            [
                Cell(method.name, method.name),
                Cell(line.mean.text(), line.mean.mean),
                *([Cell('' if line is first else gain.text(sign=True), gain.mean)] if several else []),
                *([Cell('-' if nam is None else f'{nam:.0f}', nam)] if upper else []),
                Cell(_seeds(line), len(line.scores)),
                Cell(f'{seconds:.0f}' if seconds else '-', seconds or None),
                Cell(f'{memory:.0f}' if memory else '-', memory or None),
            ]
        )
    return Grid([*head, 'seeds', 'seconds', 'MiB'], rows)


def told(interval: Interval) -> str:
    """A mean with its interval; that of two numbers is so wide that it says nothing, and is left out."""
    return interval.text() if interval.count >= FEWEST or interval.mean is None else f'{interval.mean:.1f}'


def _seeds(line: Line) -> str:
    return f'{len(line.scores)} ({", ".join(map(str, line.scores))})' if line.scores else '-'


def classes_table(methods: Sequence[Method]) -> Grid | None:
    """IoU of each class: a row a method, a bar a cell; None without scores by class."""
    lines = [method.line for method in methods]
    classes = list(dict.fromkeys(name for line in lines for name in line.classes()))
    if not classes:
        return None
    rows = []
    for line in lines:
        cells = [Cell(line.entry, line.entry)]
        for name in classes:
            found = [metrics.get(f'IoU.{name}') for metrics in line.metrics.values()]
            interval = Interval.of([value for value in found if value is not None])
            cells.append(Cell(told(interval), interval.mean, None if interval.mean is None else interval.mean / 100))
        rows.append(cells)
    return Grid(['method', *classes], rows)
