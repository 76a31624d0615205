"""Charts as SVG inside a page, each with a text for those who do not see it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmuda.reports.images import uri_of

POINTS = 120
"""Points of a line; longer ones are averaged."""
SIZE = (4.0, 2.4)
INK, GRID = '#333333', '#dddddd'


@dataclass(frozen=True)
class Picture:
    """A picture of the page.

    Attributes:
        uri: Its data.
        alt: What it shows, as text.
        caption: Text below it.
    """

    uri: str
    alt: str
    caption: str = ''


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        name: Whose values they are.
        colour: Its colour.
        steps: Iterations.
        values: Values there.
        dashed: Whether the line is dashed.
    """

    name: str
    colour: str
    steps: Sequence[int]
    values: Sequence[float]
    dashed: bool = False


def thinned(steps: Sequence[int], values: Sequence[float], points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """A line of at most so many points: means of neighbours, so that it also becomes smoother.

    Args:
        steps: Iterations (n,).
        values: Values (n,).
        points: Largest number of points.
    """
    parts = min(points, len(steps))
    means = [
        np.array([part.mean() for part in np.array_split(np.asarray(one, float), parts)]) for one in (steps, values)
    ]
    return means[0], means[1]


def figure_of(size: tuple[float, float] = SIZE, rows: int = 1, columns: int = 1):
    """A figure with its panels (rows, columns), in the style of the page.

    Args:
        size: Width and height in inches.
        rows: Rows of panels.
        columns: Columns of panels.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout='constrained', facecolor='white')
    FigureCanvasSVG(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.tick_params(labelsize=8.5, colors=INK, length=3)
        axis.grid(color=GRID, linewidth=0.6)
        axis.set_axisbelow(True)
        for side, spine in axis.spines.items():
            spine.set(color='#999999', visible=side in ('left', 'bottom'))
    return figure, axes


def picture_of(figure, alt: str, caption: str = '') -> Picture:
    """A figure as a picture; the same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({'svg.hashsalt': 'mmuda', 'svg.fonttype': 'path'}):
        figure.savefig(buffer, format='svg', metadata=dict(Date=None))
    return Picture(uri_of(buffer.getvalue(), 'image/svg+xml'), alt, caption)


def line_chart(
    title: str,
    series: Sequence[Series],
    caption: str = '',
    level: float | None = None,
    limits: tuple[float, float] | None = None,
) -> Picture:
    """Values over iterations.

    Args:
        title: What the values are.
        series: The lines.
        caption: Text below the chart.
        level: Where a grey line across is drawn, e.g. what chance gives.
        limits: Range of the values; None fits it.
    """
    figure, axes = figure_of()
    axis, ends = axes[0, 0], {}
    for one in series:
        steps, values = thinned(one.steps, one.values)
        style = dict(color=one.colour, linewidth=1.4, linestyle='--' if one.dashed else '-')
        axis.plot(steps, values, marker='o' if len(steps) < 8 else None, markersize=3, **style)
        ends.setdefault(one.name, []).append(float(values[-1]))
    if level is not None:
        axis.axhline(level, color='#888888', linewidth=1, linestyle=':')
    if limits is not None:
        axis.set_ylim(*limits)
    axis.set_title(title, fontsize=9.5, loc='left', color=INK)
    axis.set_xlabel('iteration', fontsize=8.5, color=INK)
    axis.locator_params(axis='x', nbins=5)
    axis.locator_params(axis='y', nbins=5)
    told = '; '.join(f'{name} ends at {", ".join(f"{value:.3g}" for value in values)}' for name, values in ends.items())
    return picture_of(figure, f'{title} over iterations: {told}', caption)
