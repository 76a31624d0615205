"""Results of a suite: means, paired intervals, the share of the gap that is closed; as tables and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mmuda.experiments.benchmark_choice import Comparison, table_of_criteria
from mmuda.experiments.intervals import Interval
from mmuda.experiments.lines import Line, closed_gap
from mmuda.experiments.table import machine_name
from mmuda.utils.fileio import write_atomically
from mmuda.utils.json_file import write_json
from mmuda.utils.markdown import markdown_table
from mmuda.visualization import read_log

if TYPE_CHECKING:
    from mmuda.experiments.benchmark import Cell
    from mmuda.experiments.suite import Suite

CONVERGED = 1.0
"""Points of mIoU below which target-only must stay in the last quarter of its training."""


@dataclass
class Results:
    """Results of a suite; ``str()`` is Markdown.

    Attributes:
        suite: The suite.
        lines: Lines by pair, then by entry; only what has ended.
        skipped: Reason by name of the pairs that could not be measured.
        machine: Where the tables were written.
        comparisons: Scores without labels by pair and seed, if they were asked for.
    """

    suite: Suite
    lines: dict[str, dict[str, Line]]
    skipped: dict[str, str]
    machine: str = field(default_factory=machine_name)
    comparisons: list[Comparison] = field(default_factory=list)

    @classmethod
    def of(cls, suite: Suite, cells: Sequence[Cell], skipped: dict[str, str]) -> Results:
        lines: dict[str, dict[str, Line]] = {}
        gains: dict[tuple[str, str], list[float]] = {}
        for cell in cells:
            summary = cell.run.summary
            if summary is None or summary.get('metrics') is None:
                continue
            of_pair = lines.setdefault(cell.pair.name, {})
            line = of_pair.setdefault(cell.entry.name, Line(cell.entry.name))
            line.metrics[cell.seed] = summary['metrics']
            line.seconds.append(summary['seconds'])
            if summary.get('peak_memory_mib'):
                line.memory.append(summary['peak_memory_mib'])
            if cell.entry.name == suite.target_only and (gain := _late_gain(cell.run.work_dir)) is not None:
                gains.setdefault((cell.pair.name, cell.entry.name), []).append(gain)
        for (pair, entry), found in gains.items():
            lines[pair][entry].late_gain = sum(found) / len(found)
        order = [entry.name for entry in suite.entries]
        sort = {pair: dict(sorted(of.items(), key=lambda item: order.index(item[0]))) for pair, of in lines.items()}
        return cls(suite, sort, skipped)

    def nam(self, pair: str, entry: str) -> float | None:
        """Share of the gap that an entry closes, percent, over the seeds that it shares with both ends."""
        lines = self.lines[pair]
        return closed_gap(lines.get(entry), lines.get(self.suite.references[0]), lines.get(self.suite.target_only))

    def gap(self, pair: str) -> Interval:
        """Target-only minus the first reference, paired by seed."""
        lines = self.lines[pair]
        upper = lines.get(self.suite.target_only)
        return Interval.of([] if upper is None else list(upper.minus(lines.get(self.suite.references[0])).values()))

    def clear(self, pair: str) -> bool:
        """Whether the gap of a pair exceeds half the width of its own interval."""
        gap = self.gap(pair)
        return gap.half_width is not None and gap.mean > gap.half_width

    def best_cheap(self, pair: str) -> str | None:
        """The cheap entry with the highest mean on a pair, over the seeds that all of them have."""
        found = [line for line in self.lines[pair].values() if line.entry in self.suite.cheap and line.scores]
        seeds = set.intersection(*(set(line.scores) for line in found)) if found else set()
        if not seeds:
            return None
        return max(found, key=lambda line: sum(line.scores[seed] for seed in seeds)).entry

    def pooled(self, entry: str) -> Interval:
        """Gain over the best cheap entry of each pair: the mean over seeds by pair, and its interval over pairs.

        Seeds of one pair are alike, so that they are no further draws.
        """
        gains = []
        for pair, lines in self.lines.items():
            best = self.best_cheap(pair)
            found = lines[entry].minus(lines[best]) if entry in lines and best is not None else {}
            if found:
                gains.append(sum(found.values()) / len(found))
        return Interval.of(gains)

    def mean_nam(self, entry: str) -> float | None:
        """Mean NAM over the pairs whose gap is clear."""
        values = [self.nam(pair, entry) for pair in self.lines if self.clear(pair)]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    def write(self, out: Path) -> None:
        """Write ``results.md``, ``results.csv``, ``results.json``, and ``gain.png`` if there are gaps to draw."""
        from mmuda.experiments.benchmark_picture import draw_gains

        write_atomically(f'{self}\n'.encode(), out / 'results.md')
        write_atomically(self._csv().encode(), out / 'results.csv')
        write_json(self.as_dict(), out / 'results.json')
        if any(self.gap(pair).mean is not None for pair in self.lines):
            draw_gains(self, out / 'gain.png')

    def as_dict(self) -> dict:
        pairs = {}
        for pair, lines in self.lines.items():
            pairs[pair] = dict(
                gap=self.gap(pair).as_dict(),
                gap_is_clear=self.clear(pair),
                best_cheap=self.best_cheap(pair),
                entries={
                    name: dict(
                        metrics=line.metrics,
                        mean=line.mean.as_dict(),
                        minus={
                            other: Interval.of(list(line.minus(lines.get(other)).values())).as_dict()
                            for other in self.suite.references
                        },
                        nam=self.nam(pair, name),
                        seconds=line.seconds,
                        peak_memory_mib=line.memory,
                        late_gain=line.late_gain,
                    )
                    for name, line in lines.items()
                },
            )
        pooled = {name: dict(self.pooled(name).as_dict(), nam=self.mean_nam(name)) for name in self._entries()}
        ends = dict(references=list(self.suite.references), target_only=self.suite.target_only)
        head = dict(machine=self.machine, note=self.suite.note, skipped=self.skipped, **ends)
        return dict(head, pairs=pairs, pooled=pooled)

    def _csv(self) -> str:
        rows = [
            dict(pair=pair, entry=name, seed=seed, **metrics)
            for pair, lines in self.lines.items()
            for name, line in lines.items()
            for seed, metrics in line.metrics.items()
        ]
        keys = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, keys, lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def _entries(self) -> list[str]:
        return list(dict.fromkeys(name for lines in self.lines.values() for name in lines))

    def __str__(self) -> str:
        parts = [self._pair(pair) for pair in self.lines] or ['No run has ended.']
        if len(self.lines) > 1:
            parts.append(self._pooled())
        if self.comparisons:
            parts.append(table_of_criteria(self.comparisons, self.suite.references[0]))
        skipped = '\n'.join(f'- {name} was skipped: {reason}.' for name, reason in self.skipped.items())
        if skipped:
            parts.append(skipped)
        if self.suite.note:
            parts.append(f'**{self.suite.note}**')
        nam = ''
        if self.suite.target_only:
            nam = (
                f'NAM is the share of the gap from `{self.suite.references[0]}` to `{self.suite.target_only}` that is '
                'closed, in percent. '
            )
        parts.append(
            'mIoU and class IoUs in percent of the test set, at the last iteration. ± is half of the 95 % interval of '
            'the mean (Student, over seeds; in the table of all pairs over pairs); differences are paired by seed. '
            f'{nam}s and MiB are the mean duration and memory of a run. Machine: {self.machine}.'
        )
        return '\n\n'.join(parts)

    def _pair(self, pair: str) -> str:
        lines = self.lines[pair]
        references = [name for name in self.suite.references if name in lines]
        classes = list(dict.fromkeys(name for line in lines.values() for name in line.classes()))
        nams = ['NAM'] if self.suite.target_only else []
        header = ['entry', 'mIoU', *(f'minus `{name}`' for name in references), *nams, 'seeds', *classes, 's', 'MiB']
        rows = []
        for name, line in lines.items():
            nam, means = self.nam(pair, name), line.classes()
            rows.append(
                [
                    f'`{name}`',
                    line.mean.text(),
                    *(
                        '' if name == other else Interval.of(list(line.minus(lines[other]).values())).text(sign=True)
                        for other in references
                    ),
                    *('-' if nam is None else str(round(nam)) for _ in nams),
                    len(line.scores),
                    *('-' if means.get(key) is None else f'{means[key]:.1f}' for key in classes),
                    f'{sum(line.seconds) / len(line.seconds):.0f}',
                    f'{sum(line.memory) / len(line.memory):.0f}' if line.memory else '-',
                ]
            )
        text = f'## {pair}\n\n{markdown_table(header, rows)}'
        upper = lines.get(self.suite.target_only)
        if upper is not None and upper.late_gain is not None:
            gain = upper.late_gain
            verdict = 'it has converged' if gain < CONVERGED else 'it has **not** converged'
            moved = 'gained' if gain >= 0 else 'lost'
            text += f'\n\n`{upper.entry}` {moved} {abs(gain):.1f} points in its last quarter: {verdict}.'
        return text

    def _pooled(self) -> str:
        clear = [pair for pair in self.lines if self.clear(pair)]
        others = [pair for pair in self.lines if pair not in clear]
        rows = []
        for name in self._entries():
            if name in self.suite.cheap or name == self.suite.target_only:
                continue
            gain, nam = self.pooled(name), self.mean_nam(name)
            rows.append([f'`{name}`', gain.text(sign=True), gain.count, '-' if nam is None else str(round(nam))])
        cheap = ', '.join(f'`{best}` on {pair}' for pair in self.lines if (best := self.best_cheap(pair)))
        text = f'## All pairs\n\n{markdown_table(["entry", "minus the best cheap entry", "pairs", "NAM"], rows)}\n\n'
        text += f'The best cheap entry is {cheap}. NAM is the mean over {", ".join(clear) or "no pair"}'
        return text + (f'; the gap of {", ".join(others)} is not clear of its own interval.' if others else '.')


def _late_gain(work_dir: Path) -> float | None:
    """What mIoU gained from the validation at three quarters to the end."""
    curve = read_log(work_dir).get('mIoU') or {}
    steps = sorted(curve)
    before = [step for step in steps if steps and step <= 0.76 * steps[-1]]
    return curve[steps[-1]] - curve[before[-1]] if before else None
