"""Draws curves of logged scalars."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically


def read_log(work_dir: str | os.PathLike) -> dict[str, dict[int, float]]:
    """Scalars of a run by name and iteration; in a resumed run, values of the later process win.

    Args:
        work_dir: Folder of the run.

    Raises:
        UserError: If it holds no log.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        raise UserError(f'{work_dir} holds no */vis_data/scalars.json; give the folder of a run that has logged')
    scalars: dict[str, dict[int, float]] = {}
    for file in files:
        for line in file.read_text(encoding='utf-8').splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the last line of an interrupted run
                continue
            if not isinstance(entry, dict) or not isinstance(entry.get('step'), int):
                raise UserError(f'{file} is no log of a run: a line holds {line[:60]!r}; give the folder of a run')
            for key, value in entry.items():
                if key not in ('step', 'iter') and isinstance(value, int | float):
                    scalars.setdefault(key, {})[int(entry['step'])] = float(value)
    return scalars


def plot_log(
    work_dirs: Sequence[str | os.PathLike], keys: Sequence[str], out: str | os.PathLike, smooth: int = 1
) -> None:
    """Draw a panel per key with a line per run, and write the picture whole or not at all.

    Args:
        work_dirs: Folders of runs.
        keys: Names as in the log.
        out: The picture, ``.png``.
        smooth: Number of log entries to average over.

    Raises:
        UserError: If a run has no log, or no run has logged a key.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [Path(os.path.abspath(folder)).name for folder in work_dirs]
    # Runs with the same name in several folders are labelled with the whole path.
    names = [os.fspath(path) if names.count(name) > 1 else name for name, path in zip(names, work_dirs, strict=True)]
    runs = {name: read_log(folder) for name, folder in zip(names, work_dirs, strict=True)}
    for key in keys:
        if not any(key in run for run in runs.values()):
            known = sorted({name for run in runs.values() for name in run})
            raise UserError(f'no run has logged {key!r}; there is {", ".join(known)}')
    columns = max(1, len(keys) * 2)
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(4.2 * len(keys), 3.2 + 0.2 * rows), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(keys), squeeze=False, sharex=True)
    for axis, key in zip(axes[0], keys, strict=True):
        for index, (name, run) in enumerate(runs.items()):
            if key in run:
                steps, values = (np.array(list(part)) for part in (run[key], run[key].values()))
                kernel = np.ones(min(smooth, len(values))) / min(smooth, len(values))
                averaged = np.convolve(values, kernel, mode='valid')
                axis.plot(steps[len(steps) - len(averaged) :], averaged, label=name, linewidth=1.2, **_style(index))
        axis.set_title(key, fontsize=9)
        axis.set_xlabel('iteration', fontsize=8)
        axis.tick_params(labelsize=8)
    lines = {line.get_label(): line for axis in axes[0] for line in axis.get_lines()}
    figure.legend(
        handles=[lines[name] for name in runs if name in lines],
        loc='outside lower center',
        ncols=columns,
        fontsize=7,
        frameon=False,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format='png')
    write_atomically(buffer.getvalue(), out)


def _style(index: int) -> dict:
    """Colour and dashes of a run, the same in each panel."""
    return dict(color=f'C{index % 10}', linestyle='-' if index < 10 else '--')
