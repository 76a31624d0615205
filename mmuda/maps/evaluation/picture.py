"""A picture of a map, the truth and the errors beside one another, with the confusion matrix."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from mmuda.datasets.raster.label_colours import Colour
from mmuda.maps.evaluation.pixels import ratio
from mmuda.structures import IGNORE_INDEX

_LEFT_OUT = (224, 224, 224)
_RIGHT = (247, 247, 247)
_WRONG = (20, 20, 20)
# Up to this many classes the confusion matrix carries numbers.
_NUMBERED = 16
_LONGEST_NAME = 24
# Panels of maps wider than this many times their height are drawn below one another.
_WIDE = 2.2


def class_colours(palette: Sequence[Colour], num_classes: int) -> list[Colour]:
    """A colour for each class: the palette's if it has different ones for all, else matplotlib's ``tab20``."""
    given = [tuple(colour) for colour in palette[:num_classes]]
    if len(given) == num_classes == len(set(given)):
        return given
    from matplotlib import colormaps

    tab = (np.array(colormaps['tab20'].colors) * 255).round().astype(int)
    tab = np.concatenate([tab[::2], tab[1::2]])
    return [tuple(tab[index % len(tab)].tolist()) for index in range(num_classes)]


def draw_judgement(
    predicted: np.ndarray,
    truth: np.ndarray,
    classes: Sequence[str],
    palette: Sequence[Colour],
    confusion: np.ndarray,
    title: str = '',
) -> bytes:
    """Draw the picture.

    Args:
        predicted (np.ndarray): Classes of the map, (H, W) uint8; 255 is ignored.
        truth (np.ndarray): Classes of the truth, likewise.
        classes (Sequence[str]): Names of the classes, K.
        palette (Sequence[Colour]): Their colours, see :func:`class_colours`.
        confusion (np.ndarray): Pixels by class of the truth and of the map, (K, K).
        title (str): A line above it all.

    Returns:
        bytes: A PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [_short(name) for name in classes]
    figure = Figure(layout='constrained')
    FigureCanvasAgg(figure)
    panels, matrix = _axes(figure, truth.shape, max(3.4, 0.42 * len(classes) + 1.2))
    images = _coloured(predicted, palette), _coloured(truth, palette), _errors(predicted, truth)
    for axes, image, name in zip(panels, images, ('map', 'truth', 'errors'), strict=True):
        axes.imshow(image, interpolation='nearest')
        axes.set_title(name, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
    _draw_confusion(matrix, confusion, names)
    _draw_legend(figure, names, palette)
    if title:
        figure.suptitle(title, fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=150, bbox_inches='tight', pad_inches=0.12)
    return buffer.getvalue()


def _axes(figure, shape: tuple[int, int], side: float) -> tuple[list, object]:
    """Axes of the three panels and of the matrix, whose side is given in inches; sets the figure's size."""
    longest = max(4.2, 0.7 * side)
    height, width = (longest * length / max(shape) for length in shape)
    if width > _WIDE * height:
        figure.set_size_inches(width + side + 1.0, max(3 * (height + 0.4), side) + 1.1)
        grid = figure.add_gridspec(3, 2, width_ratios=[width, side])
        return [figure.add_subplot(grid[row, 0]) for row in range(3)], figure.add_subplot(grid[:, 1])
    width = max(width, 1.6)
    figure.set_size_inches(3 * width + side + 1.2, max(height, side) + 1.1)
    *panels, matrix = figure.subplots(1, 4, width_ratios=[width] * 3 + [side])
    return panels, matrix


def _coloured(label: np.ndarray, palette: Sequence[Colour]) -> np.ndarray:
    table = np.full((256, 3), _LEFT_OUT, dtype=np.uint8)
    table[: len(palette)] = palette
    return table[label]


def _errors(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    image = np.full((*truth.shape, 3), _RIGHT, dtype=np.uint8)
    image[predicted != truth] = _WRONG
    image[(predicted == IGNORE_INDEX) | (truth == IGNORE_INDEX)] = _LEFT_OUT
    return image


def _draw_confusion(axes, confusion: np.ndarray, names: Sequence[str]) -> None:
    """Shares of each class of the truth, in per cent."""
    shares = 100 * ratio(confusion, np.broadcast_to(confusion.sum(axis=1, keepdims=True), confusion.shape))
    axes.imshow(np.nan_to_num(shares), cmap='Blues', vmin=0, vmax=100)
    axes.set_title('confusion, % of the truth', fontsize=10)
    axes.set_xticks(range(len(names)), names, rotation=45, ha='right', rotation_mode='anchor', fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel('map', fontsize=9)
    axes.set_ylabel('truth', fontsize=9)
    if len(names) > _NUMBERED:
        return
    for (row, col), share in np.ndenumerate(shares):
        text = '-' if np.isnan(share) else f'{share:.1f}'
        axes.text(col, row, text, ha='center', va='center', fontsize=8, color='white' if share > 55 else 'black')


def _draw_legend(figure, names: Sequence[str], palette: Sequence[Colour]) -> None:
    from matplotlib.patches import Patch

    others = ('errors: right', _RIGHT), ('errors: wrong', _WRONG), ('not counted', _LEFT_OUT)
    entries = [*zip(names, palette, strict=True), *others]
    patches = [Patch(facecolor=np.array(colour) / 255, edgecolor='0.4', linewidth=0.5, label=name)
               for name, colour in entries]  # fmt: skip
    rows = -(-len(patches) // max(3, int(figure.get_figwidth() / 1.9)))
    columns = -(-len(patches) // rows)
    figure.legend(handles=patches, loc='outside lower center', ncols=columns, fontsize=8, frameon=False)


def _short(name: str) -> str:
    half = (_LONGEST_NAME - 3) // 2
    return name if len(name) <= _LONGEST_NAME else f'{name[:half]}...{name[-half:]}'
