"""Plots a score against a setting: trainings over seeds, a table and a curve."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from mmuda.experiments.compare import compare
from mmuda.experiments.table import Spread
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.json_file import write_json
from mmuda.utils.markdown import markdown_table


def sweep(
    config: str | os.PathLike,
    key: str,
    values: Sequence,
    metric: str,
    out: str | os.PathLike,
    train_command: Sequence[str],
    seeds: Sequence[int] = (0, 1, 2),
    jobs: int = 1,
    references: Sequence[str | os.PathLike] = (),
    label: str | None = None,
    weights: str = 'last',
    report: Callable[[str], None] | None = None,
) -> str:
    """Train a config with each value of a setting, e.g. the number of exemplar label maps (Low2High, Figure 5).

    Writes ``sweep.json``, ``sweep.md`` and ``sweep.png`` to ``out``; finished runs are not repeated.

    Args:
        config: The config.
        key: The setting, by dotted key, e.g. ``'train_dataloader.dataset.exemplar.count'``.
        values: Its distinct values; numbers are drawn to scale (logarithmic if they span more than a factor of 10).
        metric: Name of the score in ``summary.json``, e.g. ``'mFscore'``.
        out: Folder; the runs of a value go to ``out/values/<value>``, those of references to ``out/references``.
        train_command: As for :func:`compare`.
        seeds: Seeds of every value.
        jobs: Number of parallel runs.
        references: Configs without the setting, drawn as horizontal lines.
        label: Label of the value axis; None uses the key.
        weights: As for :func:`compare`.
        report: Called with lines for the user; None prints.

    Returns:
        The table, Markdown.

    Raises:
        UserError: As :func:`compare`; or if values repeat.
    """
    out = Path(out)
    common = dict(seeds=seeds, jobs=jobs, picture=False, report=report, columns=[metric], weights=weights)
    folders = _folders(values)
    found = {}
    for value, folder in zip(values, folders, strict=True):
        table = compare([config], out / 'values' / folder, train_command, cfg_options={key: value}, **common)
        found[str(value)] = table.rows[0].columns[metric]
    levels = {}
    if references:
        table = compare(references, out / 'references', train_command, **common)
        levels = {row.config: row.columns[metric] for row in table.rows}
    spreads = {**levels, **found}
    text = markdown_table(
        [label or key, metric, 'seeds'], [(name, spread.text(), spread.count) for name, spread in spreads.items()]
    )
    rows = dict(values={value: asdict(spread) for value, spread in found.items()})
    rows['references'] = {name: asdict(spread) for name, spread in levels.items()}
    write_json(dict(config=str(config), key=key, metric=metric, **rows), out / 'sweep.json')
    write_atomically(f'{text}\n'.encode(), out / 'sweep.md')
    write_atomically(_draw(values, list(found.values()), levels, label or key, metric), out / 'sweep.png')
    return text


def _folders(values: Sequence) -> list[str]:
    """A folder name for each value, of any type."""
    names = [re.sub(r'[^\w.+-]', '_', str(value)).strip('.') or '_' for value in values]
    if len(set(names)) < len(names):
        raise UserError(f'the values {", ".join(map(str, values))} do not have different names; give each once')
    return names


def _draw(values: Sequence, found: list[Spread], levels: dict[str, Spread], label: str, metric: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6), layout='constrained')
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    numbers = all(isinstance(value, int | float) for value in values)
    places = list(values) if numbers else list(range(len(values)))
    means, errors = [one.mean for one in found], [one.std or 0.0 for one in found]
    seeds = found[0].count
    axis.errorbar(
        places, means, yerr=errors, marker='o', capsize=3, label=f'mean and standard deviation of {seeds} seeds'
    )
    for i, (name, spread) in enumerate(levels.items(), 1):
        axis.axhline(spread.mean, color=f'C{i}', linestyle='--', linewidth=1, label=name)
    if numbers and min(places) > 0 and max(places) > 10 * min(places):
        axis.set_xscale('log')
    if not numbers or len(places) <= 8:
        axis.set_xticks(places, [str(value) for value in values])
        axis.minorticks_off()
    axis.set_xlabel(label, fontsize=8)
    axis.set_ylabel(metric, fontsize=8)
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=130, format='png')
    return buffer.getvalue()
