"""Writes the report of runs: one HTML file that needs nothing beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mmuda.reports.finding import find_runs
from mmuda.reports.methods import methods_of
from mmuda.reports.page import check_template_engine, page_of
from mmuda.reports.part import part_of
from mmuda.reports.run import Run
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically

WINDOWS = 24
MOST_BYTES = 10_000_000
"""Of a page that can be sent by mail; a larger one is told of."""


def write_report(
    folders: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    title: str | None = None,
    windows: int = WINDOWS,
    predictions: bool = True,
    unadapted: str | None = None,
    target_only: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """Write one self-contained HTML page about trainings.

    Args:
        folders: Folders of runs (``tools/train.py``) or of experiments (``tools/compare.py``, ``tools/benchmark.py``).
        out: The page, ``.html``; written whole or not at all.
        title: Its title; None makes one of the folders' names.
        windows: Largest number of windows of the test set that each method predicts.
        predictions: False predicts nothing; the page then has neither maps nor criteria.
        unadapted: Name of the method that does not adapt, with which the others are compared; None is the first.
        target_only: Name of the method that was trained on the target's labels; None takes that of the experiment.
        report: Called with lines on the progress; None prints.

    Returns:
        ``out``.

    Raises:
        UserError: A folder holds no run, a name is none of the methods, or jinja2 is not installed.
    """
    report = report or partial(print, flush=True)
    out = Path(out)
    if out.suffix.lower() not in ('.html', '.htm'):
        raise UserError(f'{out} is no name of a page; give one that ends in .html')
    check_template_engine()
    found = find_runs(folders)
    by_pair: dict[str, list[Run]] = {}
    for place in found.places:
        by_pair.setdefault(place.pair, []).append(Run.read(place))
    parts = [
        part_of(pair, methods_of(found, runs, unadapted, target_only), windows, predictions, report)
        for pair, runs in by_pair.items()
    ]
    title = title or ', '.join(dict.fromkeys(Path(os.path.abspath(folder)).name for folder in folders))
    page = page_of(title, parts).encode()
    write_atomically(page, out)
    report(f'{out}: {len(found.places)} runs, {len(page) / 1e6:.1f} MB')
    if len(page) > MOST_BYTES:
        report(f'{out} is larger than {MOST_BYTES / 1e6:.0f} MB; give fewer runs to get a page that is easy to send')
    return out
