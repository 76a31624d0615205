"""Draws the gain of each entry against the size of the gap between the domains."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from mmuda.utils.fileio import write_atomically

if TYPE_CHECKING:
    from mmuda.experiments.benchmark_results import Results


def draw_gains(results: Results, path: str | os.PathLike) -> None:
    """Gain over the first reference against the gap, a column per pair: means large, seeds small.

    Args:
        results: The results.
        path: The picture, ``.png``, written whole or not at all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    suite = results.suite
    reference = suite.references[0]
    pairs = sorted((pair for pair in results.lines if results.gap(pair).mean is not None), key=_gap_of(results))
    left_out = (reference, suite.target_only)
    entries = [entry.name for entry in suite.entries if entry.name not in left_out]
    figure = Figure(figsize=(7.5, 4.2), layout='constrained')
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    gaps = {pair: results.gap(pair).mean for pair in pairs}
    room = max([*map(abs, gaps.values()), 1.0])
    for number, entry in enumerate(entries):
        shift = (number - (len(entries) - 1) / 2) * room * 0.008
        style = dict(color=f'C{number % 10}', marker='os^Dv'[number // 10 % 5], linestyle='')
        means = []
        for pair in pairs:
            lines = results.lines[pair]
            gains = lines[entry].minus(lines.get(reference)) if entry in lines else {}
            if gains:
                axis.plot([gaps[pair] + shift] * len(gains), list(gains.values()), markersize=3, alpha=0.5, **style)
                means.append((gaps[pair] + shift, sum(gains.values()) / len(gains)))
        if means:
            axis.plot(*zip(*means, strict=True), markersize=8, label=entry, **style)
    axis.axhline(0, color='0.6', linewidth=0.8)
    axis.axline((0, 0), slope=1, color='0.6', linewidth=0.8, linestyle='--')
    axis.set_xlim(min([0, *gaps.values()]) - 0.05 * room, 1.1 * room)
    for pair in pairs:
        axis.annotate(pair, (gaps[pair], axis.get_ylim()[0]), fontsize=7, ha='center', va='bottom', color='0.4')
    axis.set_xlabel(f'gap: {suite.target_only} minus {reference}, points of mIoU')
    axis.set_ylabel(f'gain over {reference}')
    axis.set_title('Large: means over seeds. Small: seeds. Dashed: the whole gap closed', fontsize=9)
    figure.legend(loc='outside right upper', fontsize=8, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=130, format='png')
    write_atomically(buffer.getvalue(), path)


def _gap_of(results: Results):
    return lambda pair: results.gap(pair).mean
