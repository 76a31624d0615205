"""Means and spreads over seeds, and differences between configs that share them."""

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from mmuda.evaluation.nam import normalised_adaptability
from mmuda.utils.markdown import markdown_table

CLASS_PREFIX = 'IoU.'


@dataclass
class Spread:
    """Mean and sample standard deviation of some numbers.

    Attributes:
        mean: None if there are none.
        std: None if there are fewer than two.
        count: Number of values.
    """

    mean: float | None
    std: float | None
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> 'Spread':
        values = [value for value in values if value is not None]
        return cls(
            mean=statistics.fmean(values) if values else None,
            std=statistics.stdev(values) if len(values) > 1 else None,
            count=len(values),
        )

    def text(self, sign: bool = False) -> str:
        if self.mean is None:
            return '-'
        mean = f'{self.mean:+.2f}' if sign else f'{self.mean:.2f}'
        return mean if self.std is None else f'{mean} ± {self.std:.2f}'


@dataclass
class Row:
    """Results of one config.

    Attributes:
        config: Its name.
        seeds: Its seeds, in order.
        miou: mIoU over seeds, percent.
        difference: mIoU minus that of the first config with the same seed, percentage points; None in the first row.
        classes: Mean IoU over seeds by class, percent; None where it is undefined.
        seconds: Mean duration of a run.
        resumed: Whether a run was resumed; its seconds are then those of its last process.
        metrics: All metrics by seed.
        selection: How the reported weights were chosen.
        nam: Share of the gap between the first config and the target-only one that it closes, percent.
        rate: Mean training iterations per second.
        peak_memory: Mean of the runs' largest memory, MiB.
        columns: Other requested metrics over seeds.
    """

    config: str
    seeds: list[int]
    miou: Spread
    difference: Spread | None
    classes: dict[str, float | None]
    seconds: float
    resumed: bool
    metrics: dict[int, dict]
    selection: list[str]
    nam: float | None = None
    rate: float | None = None
    peak_memory: float | None = None
    columns: dict[str, Spread] = field(default_factory=dict)

    @classmethod
    def from_summaries(
        cls, config: str, by_seed: dict[int, dict], reference: dict[int, dict] | None, columns: Sequence[str] = ()
    ) -> 'Row':
        metrics = {seed: summary.get('metrics') or {} for seed, summary in by_seed.items()}
        names = dict.fromkeys(key for values in metrics.values() for key in values if key.startswith(CLASS_PREFIX))
        difference = None
        if reference is not None:
            difference = Spread.of(
                metrics[seed]['mIoU'] - reference[seed]['metrics']['mIoU']
                for seed in metrics
                if _miou(by_seed[seed]) is not None and _miou(reference.get(seed)) is not None
            )
        return cls(
            config=config,
            seeds=list(by_seed),
            miou=Spread.of(values.get('mIoU') for values in metrics.values()),
            difference=difference,
            classes={
                name.removeprefix(CLASS_PREFIX): Spread.of(values.get(name) for values in metrics.values()).mean
                for name in names
            },
            seconds=statistics.fmean(summary['seconds'] for summary in by_seed.values()),
            resumed=any(summary.get('resumed_from') for summary in by_seed.values()),
            metrics=metrics,
            rate=Spread.of(summary.get('iterations_per_second') for summary in by_seed.values()).mean,
            peak_memory=Spread.of(summary.get('peak_memory_mib') for summary in by_seed.values()).mean,
            columns={name: Spread.of(values.get(name) for values in metrics.values()) for name in columns},
            selection=list(dict.fromkeys(summary.get('selection') or '' for summary in by_seed.values())),
        )


@dataclass
class Table:
    """A table with a row per config; ``str()`` gives Markdown.

    Attributes:
        rows: In the order of the configs.
        machine: The machine on which it was computed.
        target_only: Name of the config whose row is the upper end of NAM; None for a table without it.
        columns: Other metrics that are shown.
    """

    rows: list[Row]
    machine: str = field(default_factory=lambda: machine_name())
    target_only: str | None = None
    columns: Sequence[str] = ()

    @classmethod
    def from_summaries(
        cls,
        summaries: Iterable[tuple[str, int, dict]],
        target_only: str | None = None,
        columns: Sequence[str] = (),
    ) -> 'Table':
        """Build the table from (config, seed, content of ``summary.json``); the first config is the reference."""
        by_config: dict[str, dict[int, dict]] = {}
        for config, seed, summary in summaries:
            by_config.setdefault(config, {})[seed] = summary
        reference = next(iter(by_config.values()), None)
        rows = [
            Row.from_summaries(config, by_seed, None if by_seed is reference else reference, columns)
            for config, by_seed in by_config.items()
        ]
        upper = next((row.miou.mean for row in rows if row.config == target_only), None)
        if upper is not None and rows[0].miou.mean is not None:
            for row in rows:
                if row.miou.mean is not None:
                    row.nam = normalised_adaptability(row.miou.mean, rows[0].miou.mean, upper)
        return cls(rows, target_only=target_only, columns=columns)

    def as_dict(self) -> dict:
        """Content of ``table.json``."""
        rows = []
        for row in self.rows:
            entry = dict(vars(row))
            entry['miou'] = vars(row.miou)
            entry['difference'] = None if row.difference is None else vars(row.difference)
            entry['columns'] = {name: vars(spread) for name, spread in row.columns.items()}
            rows.append(entry)
        return dict(machine=self.machine, target_only=self.target_only, rows=rows)

    def __str__(self) -> str:
        if not self.rows:
            return 'No run has ended.'
        classes = list(dict.fromkeys(name for row in self.rows for name in row.classes))
        first = self.rows[0].config
        nam = ['NAM'] if self.target_only else []
        header = [
            'config',
            'mIoU',
            'difference to the first',
            *nam,
            *self.columns,
            'seeds',
            *classes,
            'it/s',
            'MiB',
            'seconds',
        ]
        rows = []
        for row in self.rows:
            ious = [row.classes.get(name) for name in classes]
            cells = [
                row.config,
                row.miou.text(),
                '' if row.difference is None else row.difference.text(sign=True),
                *(('-' if row.nam is None else f'{row.nam:.1f}') for _ in nam),
                *(row.columns[name].text() for name in self.columns),
                ', '.join(map(str, row.seeds)),
                *('-' if iou is None else f'{iou:.2f}' for iou in ious),
                '-' if row.rate is None else f'{row.rate:.2f}',
                '-' if row.peak_memory is None else f'{row.peak_memory:.0f}',
                f'{row.seconds:.0f}' + ('*' if row.resumed else ''),
            ]
            rows.append(cells)
        lines = [
            markdown_table(header, rows),
            '',
            'IoU in percent of the validation set, mean ± sample standard deviation over seeds, by class the mean; '
            f'differences are to {first} with the same seed, mean ± sample standard deviation. it/s are training '
            'iterations per second, MiB the largest memory of the process (of a GPU what was allocated), seconds the '
            'mean of a run.',
        ]
        if nam:
            lines[-1] += f' NAM is the share of the gap from {first} to {self.target_only} that is closed, in percent.'
        if any(row.resumed for row in self.rows):
            lines[-1] += ' * A run was resumed: the seconds are those of its last process.'
        selections = dict.fromkeys(text for row in self.rows for text in row.selection if text)
        lines += ['', f'Weights: {"; ".join(selections) or "not told"}. Machine: {self.machine}.']
        return '\n'.join(lines)


def _miou(summary: dict | None) -> float | None:
    return ((summary or {}).get('metrics') or {}).get('mIoU')


def machine_name() -> str:
    """Processor or GPU, cores and torch version, for tables."""
    if torch.cuda.is_available():
        return f'{torch.cuda.get_device_name()}, torch {torch.__version__}'
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return f'{cores} cores {platform.machine()}, torch {torch.__version__}'
