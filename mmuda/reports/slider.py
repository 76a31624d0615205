"""One place of the target with the maps of all models, to lay two of them over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmuda.reports.charts import Picture
from mmuda.reports.images import graphic, photo
from mmuda.reports.predicting import Model, Predictions
from mmuda.structures import IGNORE_INDEX
from mmuda.visualization import colour_labels, scale_bar_length

SIDE = 760
"""Pixels of the picture, on its longer side."""
TRUTH = 'truth'
LARGEST = 6000
"""Pixels of a raster, on its longer side, above which one window of it is shown instead."""


@dataclass(frozen=True)
class Scene:
    """A place with its maps.

    Attributes:
        name: Which place.
        image: The image.
        maps: Pictures by name: of the models, and the truth if there is one.
        left: Name of the map that is shown on the left at first.
        right: Likewise on the right.
        differ: Share of the pixels in which these two differ, in [0, 1].
        width: Of the picture, in pixels.
        bar: Metres of a scale bar; None if the size of a pixel is unknown.
        bar_share: Its share of the picture's width, in [0, 1].
    """

    name: str
    image: Picture
    maps: dict[str, Picture]
    left: str
    right: str
    differ: float
    width: int
    bar: float | None
    bar_share: float


def scene_of(found: Predictions, left: Model, right: Model | None) -> Scene:
    """The raster, of those whose windows were all predicted, in which two maps differ most; else a window.

    Args:
        found: All predictions.
        left: One of the models.
        right: Another one; None is the truth.
    """
    groups = _whole_rasters(found) or [[place] for place in range(len(found.windows))]

    def differ(places: Sequence[int]) -> float:
        pairs = [(left.predictions[place].label, _label(found, right, place)) for place in places]
        return sum(int((a != b).sum()) for a, b in pairs) / sum(a.size for a, _ in pairs)

    places = max(groups, key=differ)
    image = _joined(found, places, [found.windows[place].image for place in places], 255)
    scale = max(1.0, max(image.shape[:2]) / SIDE)
    size = tuple(max(1, round(side / scale)) for side in image.shape[1::-1])
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    window = found.windows[places[0]]
    metres = None if window.gsd is None else image.shape[1] * window.gsd
    bar = None if metres is None else scale_bar_length(metres)
    maps = {
        model.name: _map(found, places, [model.predictions[place].label for place in places], size, model.name)
        for model in found.models
    }
    if all(found.windows[place].truth is not None for place in places):
        maps[TRUTH] = _map(found, places, [found.windows[place].truth for place in places], size, 'the truth')
    name = window.name if len(places) == 1 else window.name.partition(',')[0]
    shown = Picture(photo(drawn), f'Image {name}')
    share = 0.0 if bar is None else bar / metres
    return Scene(name, shown, maps, left.name, right.name if right else TRUTH, differ(places), size[0], bar, share)


def _label(found: Predictions, model: Model | None, place: int) -> np.ndarray:
    return found.windows[place].truth if model is None else model.predictions[place].label


def _whole_rasters(found: Predictions) -> list[list[int]]:
    """Windows by raster, of the rasters that they cover without a gap."""
    groups: dict[str, list[int]] = {}
    for place, window in enumerate(found.windows):
        groups.setdefault(window.path, []).append(place)
    return [places for places in groups.values() if _is_whole(found, places)]


def _is_whole(found: Predictions, places: Sequence[int]) -> bool:
    height, width = _extent(found, places)
    if max(height, width) > LARGEST or found.windows[places[0]].place is None:
        return len(places) == 1
    covered = np.zeros((height, width), bool)
    for place in places:
        window = found.windows[place]
        (row, column), size = window.place, window.image.shape
        covered[row : row + size[0], column : column + size[1]] = True
    return bool(covered.all())


def _extent(found: Predictions, places: Sequence[int]) -> tuple[int, int]:
    ends = [np.add(found.windows[place].place or (0, 0), found.windows[place].image.shape[:2]) for place in places]
    height, width = np.max(ends, axis=0)
    return int(height), int(width)


def _joined(found: Predictions, places: Sequence[int], parts: Sequence[np.ndarray], fill: int) -> np.ndarray:
    """Windows at their places in one array."""
    if len(places) == 1:
        return parts[0].copy()
    whole = np.full((*_extent(found, places), *parts[0].shape[2:]), fill, parts[0].dtype)
    for place, part in zip(places, parts, strict=True):
        row, column = found.windows[place].place
        whole[row : row + part.shape[0], column : column + part.shape[1]] = part
    return whole


def _map(found: Predictions, places, labels: Sequence[np.ndarray], size: tuple[int, int], name: str) -> Picture:
    label = cv2.resize(_joined(found, places, labels, IGNORE_INDEX), size, interpolation=cv2.INTER_NEAREST)
    return Picture(graphic(colour_labels(label, found.palette)), f'Map by {name}')
