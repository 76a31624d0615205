"""The windows of the target that a model predicts best and worst, or is least and most sure of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmuda.reports.charts import Picture
from mmuda.reports.images import graphic, photo
from mmuda.reports.predicting import LABELLED, SIDE, Model, Predictions, Window
from mmuda.visualization import at_ground_scale, colour_labels, draw_scale_bar

MAP = 'viridis'
"""Colours of confidence, from the least that is possible to 1."""
NO_DATA = (255, 255, 255)


@dataclass(frozen=True)
class Row:
    """A window in the page.

    Attributes:
        title: Which window, and why it is shown.
        panels: Image, truth, and prediction and confidence of each model, at one ground scale.
    """

    title: str
    panels: list[Picture]


def chosen_windows(found: Predictions, model: Model, number: int) -> list[tuple[str, int]]:
    """Which windows are shown: (why, index), the worst first.

    They are ranked by mIoU; without labels by the mean confidence.

    Args:
        found: All predictions.
        model: The model whose predictions are ranked.
        number: Windows of either end.
    """
    scores = []
    for place, (window, one) in enumerate(zip(found.windows, model.predictions, strict=True)):
        score = one.miou if found.labelled else one.sure
        if score is not None and np.isfinite(score) and (not found.labelled or window.labelled >= LABELLED):
            scores.append((score, place))
    scores.sort()
    number = min(number, len(scores))
    low = [place for _, place in scores[:number]]
    high = [place for _, place in scores[::-1][:number] if place not in low]
    ends = ('worst', 'best') if found.labelled else ('least sure', 'most sure')
    return [(ends[0], place) for place in low] + [(ends[1], place) for place in high]


def rows_of(found: Predictions, models: Sequence[Model], ranked: Model, number: int) -> list[Row]:
    """Pictures of the best and the worst windows, all at the same ground scale.

    Args:
        found: All predictions.
        models: The models that are shown.
        ranked: The model by which windows are chosen.
        number: Windows of either end.
    """
    known = all(window.gsd is not None for window in found.windows)
    scale = max((window.gsd if known else 1.0) * max(window.image.shape[:2]) for window in found.windows) / SIDE
    rows = []
    for why, place in chosen_windows(found, ranked, number):
        window = found.windows[place]
        pixel = window.gsd if known else 1.0
        rows.append(Row(f'{why}: {window.name}', _panels(found, models, window, place, pixel, scale, known)))
    return rows


def _panels(found, models, window: Window, place: int, pixel: float, scale: float, known: bool) -> list[Picture]:
    image = at_ground_scale(window.image, pixel, scale, SIDE)
    bar = ''
    if known:
        bar = f'; bar {draw_scale_bar(image, scale):g} m'
    panels = [Picture(photo(image), f'Image of {window.name}', f'image{bar}')]
    if window.truth is not None:
        drawn = _on_canvas(colour_labels(window.truth, found.palette), pixel, scale)
        panels.append(Picture(graphic(drawn), f'True classes of {window.name}', 'truth'))
    for model in models:
        one = model.predictions[place]
        score = '' if one.miou is None else f', mIoU {100 * one.miou:.0f}\u00a0%, {100 * one.accuracy:.0f}\u00a0% right'
        drawn = _on_canvas(colour_labels(one.label, found.palette), pixel, scale)
        panels.append(Picture(graphic(drawn), f'Prediction of {model.name}', f'{model.name}{score}'))
        coarser = pixel * one.label.shape[0] / one.confidence.shape[0]
        drawn = _on_canvas(coloured(one.confidence, len(found.classes)), coarser, scale)
        text = f'confidence, mean {100 * one.sure:.0f}\u00a0%'
        panels.append(Picture(photo(drawn), f'Confidence of {model.name}', text))
    return panels


def _on_canvas(picture: np.ndarray, pixel: float, scale: float) -> np.ndarray:
    """At the ground scale of the page; classes keep their exact colours."""
    size = tuple(max(1, round(side * pixel / scale)) for side in picture.shape[1::-1])
    return at_ground_scale(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST), scale, scale, SIDE)


def coloured(confidence: np.ndarray, classes: int) -> np.ndarray:
    """Confidence (H, W) as colours (H, W, 3) uint8: from 1 / classes, the least that is possible, to 1."""
    import matplotlib

    low = 1 / max(classes, 2)
    share = ((confidence - low) / (1 - low)).clip(0, 1)
    colours = matplotlib.colormaps[MAP](np.nan_to_num(share), bytes=True)[..., :3]
    return np.where(np.isnan(confidence)[..., None], np.uint8(NO_DATA), colours)


def colour_steps(count: int = 9) -> list[str]:
    """Colours of confidence from low to high, for a legend."""
    import matplotlib

    return [matplotlib.colors.to_hex(matplotlib.colormaps[MAP](share)) for share in np.linspace(0, 1, count)]
