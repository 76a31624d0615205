"""Histograms of the bands of several domains."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np


def draw_histograms(counts: Mapping[str, np.ndarray], names: Sequence[str] = ()) -> bytes:
    """Draw a panel for each band, with a line for each domain.

    Args:
        counts: Domain -> pixels by value, (bands, 256).
        names: Names of the bands.

    Returns:
        A PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bands = max(len(values) for values in counts.values())
    columns = min(bands, 4)
    rows = -(-bands // columns)
    figure = Figure(figsize=(3.6 * columns, 2.6 * rows + 0.5), layout='constrained', facecolor='white')
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for band, axis in enumerate(axes.flat):
        if band >= bands:
            axis.axis('off')
            continue
        for number, (domain, values) in enumerate(counts.items()):
            if band >= len(values) or not values[band].sum():
                continue
            density = 100 * values[band] / values[band].sum()
            axis.plot(np.arange(len(density)), density, color=f'C{number}', linewidth=1.0, label=domain)
            axis.fill_between(np.arange(len(density)), density, color=f'C{number}', alpha=0.15)
            # A peak of black or white alone would flatten all others.
            axis.set_ylim(0, max(axis.get_ylim()[1] if number else 0, 1.1 * np.sort(density)[-5]))
        axis.set_title(names[band] if band < len(names) else f'band {band + 1}', fontsize=9)
        axis.set_xlim(0, 255)
        axis.tick_params(labelsize=8)
    axes[0, 0].set_ylabel('% of the pixels', fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=len(counts), fontsize=9, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120, format='png')
    return buffer.getvalue()
