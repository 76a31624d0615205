"""Grids of images with titles and a legend of the classes."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DPI = 150
PANEL_INCHES = 2.6
TITLE_INCHES = 0.34
LINE_INCHES = 0.17
LEGEND_INCHES = 0.25
SWATCH_INCHES = 0.55
CHARACTER_INCHES = 0.085
GAP_INCHES = 0.08
TEXT_COLOUR = '#202020'
EDGE_COLOUR = '#8a8a8a'


@dataclass
class Panel:
    """One image of a grid.

    Attributes:
        image: (H, W, 3) uint8; all panels are drawn at equal size, whatever their size in pixels.
        title: Text above the image; may have several lines.
        smooth: Whether to interpolate; False for label maps and for images whose pixels should stay visible.
    """

    image: np.ndarray
    title: str = ''
    smooth: bool = False


def draw_panels(
    rows: Sequence[Sequence[Panel]],
    classes: Sequence[str] = (),
    palette: Sequence[Sequence[int]] = (),
    title: str = '',
    panel_inches: float = PANEL_INCHES,
) -> bytes:
    """Draw rows of panels and a legend.

    Args:
        rows: Rows of panels, drawn from left to right.
        classes: Names of the legend's entries.
        palette: Their colours, RGB 0 to 255.
        title: Title above the figure.
        panel_inches: Side of a panel; at 150 pixels per inch.

    Returns:
        A PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(len(row) for row in rows)
    heads = [_title_inches(row) for row in rows]
    aspects = [_aspect(row) for row in rows]
    top = 0.42 if title else 0.06
    width = columns * (panel_inches + GAP_INCHES) + GAP_INCHES
    legend_columns = _legend_columns(classes, width) if classes else 1
    bottom = 0.12 + LEGEND_INCHES * -(-len(classes) // legend_columns) if classes else GAP_INCHES
    height = top + sum(h + panel_inches * a + GAP_INCHES for h, a in zip(heads, aspects, strict=True)) + bottom
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor='white')
    FigureCanvasAgg(figure)
    y = height - top
    for row, head, aspect in zip(rows, heads, aspects, strict=True):
        y -= head + panel_inches * aspect
        for index, panel in enumerate(row):
            x = GAP_INCHES + index * (panel_inches + GAP_INCHES)
            _draw_panel(figure, panel, x / width, y / height, panel_inches / width, panel_inches * aspect / height)
        y -= GAP_INCHES
    if title:
        figure.text(GAP_INCHES / width, 1 - 0.12 / height, title, va='top', size=12, weight='bold', color=TEXT_COLOUR)
    if classes:
        _draw_legend(figure, classes, palette, legend_columns)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=DPI)
    return buffer.getvalue()


def _title_inches(row: Sequence[Panel]) -> float:
    lines = max(panel.title.count('\n') + 1 if panel.title else 0 for panel in row)
    return TITLE_INCHES - LINE_INCHES + LINE_INCHES * lines if lines else 0.0


def _aspect(row: Sequence[Panel]) -> float:
    return max(panel.image.shape[0] / panel.image.shape[1] for panel in row)


def _legend_columns(classes: Sequence[str], width: float) -> int:
    """Columns of the legend: all entries in one row if they fit, else as many as the longest name allows."""
    entries = [SWATCH_INCHES + CHARACTER_INCHES * len(name) for name in classes]
    return len(entries) if sum(entries) <= width else max(1, int(width / max(entries)))


def _draw_panel(figure, panel: Panel, x: float, y: float, width: float, height: float) -> None:
    axes = figure.add_axes((x, y, width, height))
    # No interpolation where single pixels should be visible; interpolation where many fall on one pixel of the figure.
    axes.imshow(panel.image, interpolation='antialiased' if panel.smooth else 'nearest', aspect='equal')
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=EDGE_COLOUR, linewidth=0.6)
    if panel.title:
        axes.set_title(panel.title, size=9.5, color=TEXT_COLOUR, loc='left', pad=4, linespacing=1.25)


def _draw_legend(figure, classes: Sequence[str], palette: Sequence[Sequence[int]], columns: int) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=np.asarray(colour) / 255, edgecolor=EDGE_COLOUR, linewidth=0.6, label=name.replace('_', ' '))
        for name, colour in zip(classes, palette, strict=False)
    ]
    figure.legend(
        handles=handles,
        loc='lower center',
        ncols=columns,
        frameon=False,
        fontsize=9.5,
        labelcolor=TEXT_COLOUR,
        handlelength=1.3,
        handleheight=1.1,
        columnspacing=1.4,
        borderaxespad=0.2,
    )
