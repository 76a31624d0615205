"""Reads the map and the truth once, strip by strip, and counts everything that is scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmuda.datasets.raster.reading import open_raster
from mmuda.maps.evaluation.boundaries import BoundaryCounts
from mmuda.maps.evaluation.components import Components, Objects, PolygonObjects
from mmuda.maps.evaluation.objects import ObjectCounts
from mmuda.maps.evaluation.pixels import PixelCounts
from mmuda.maps.evaluation.reading import LabelLayer
from mmuda.maps.evaluation.regions import RegionCounts
from mmuda.structures import IGNORE_INDEX
from mmuda.utils.progress import Progress

# Pixels of a strip, and the longest side of the picture.
_STRIP_PIXELS = 4_000_000
_PREVIEW_SIDE = 1000


@dataclass(frozen=True)
class Strip:
    """Rows of the map and the truth, with some rows above and below.

    Attributes:
        row (int): First row to count, in the raster.
        inner (slice): Rows to count, in the arrays.
        predicted (np.ndarray): Classes of the map, (H, W) uint8; 255 is ignored.
        truth (np.ndarray): Classes of the truth.
    """

    row: int
    inner: slice
    predicted: np.ndarray
    truth: np.ndarray


@dataclass
class Preview:
    """The map and the truth at every ``step``-th pixel, for a picture.

    Attributes:
        step (int): Distance of the pixels that are kept.
        first (tuple[int, int]): The first row and column that is kept.
        predicted (list[np.ndarray]): Classes of the map, by strips.
        truth (list[np.ndarray]): Classes of the truth.
    """

    step: int
    first: tuple[int, int]
    predicted: list[np.ndarray] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)

    def add(self, strip: Strip) -> None:
        """Add the rows of a strip."""
        first = (self.first[0] - strip.row) % self.step
        for pieces, labels in ((self.predicted, strip.predicted), (self.truth, strip.truth)):
            pieces.append(labels[strip.inner][first :: self.step, self.first[1] :: self.step].copy())

    @property
    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Classes of the map and of the truth, (h, w) uint8; 255 is ignored."""
        return np.concatenate(self.predicted), np.concatenate(self.truth)


@dataclass
class Counts:
    """All that is counted: pixels, boundaries, objects by class, regions, and the picture's pixels."""

    pixels: PixelCounts
    boundaries: BoundaryCounts
    objects: Mapping[int, ObjectCounts]
    regions: RegionCounts | None
    preview: Preview

    def add(self, strip: Strip) -> None:
        """Count a strip."""
        predicted, truth = strip.predicted[strip.inner], strip.truth[strip.inner]
        self.pixels.add(predicted, truth)
        self.boundaries.add(strip.predicted, strip.truth, strip.inner)
        valid = (predicted != IGNORE_INDEX) & (truth != IGNORE_INDEX)
        for label, counts in self.objects.items():
            counts.add((predicted == label) & valid, (truth == label) & valid, strip.row)
        if self.regions is not None:
            self.regions.add(predicted, truth, strip.row)
        self.preview.add(strip)


def count(
    predicted: LabelLayer,
    truth: LabelLayer,
    boundaries: BoundaryCounts,
    objects: Sequence[int] = (),
    regions: RegionCounts | None = None,
    report: Callable[[str], None] | None = None,
    rows: int | None = None,
) -> Counts:
    """Count a map against the truth.

    Args:
        predicted (LabelLayer): The map.
        truth (LabelLayer): The truth, on the same grid.
        boundaries (BoundaryCounts): Counts boundaries.
        objects (Sequence[int]): Classes whose objects are matched.
        regions (RegionCounts | None): Counts regions.
        report (Callable[[str], None] | None): Called with a line from time to time.
        rows (int | None): Rows of a strip; None chooses some for little memory.

    Raises:
        UserError: A file holds what is no class, or cannot be read.
    """
    shape = open_raster(truth.grid).shape
    step = max(1, -(-max(shape) // _PREVIEW_SIDE))
    counts = Counts(
        PixelCounts(len(boundaries.counts)),
        boundaries,
        {label: ObjectCounts(_objects(predicted), _objects(truth)) for label in objects},
        regions,
        Preview(step, (min(step, shape[0]) // 2, min(step, shape[1]) // 2)),
    )
    rows = rows or max(2 * boundaries.halo, int(np.clip(_STRIP_PIXELS // shape[1], 32, 2048)))
    progress = Progress(shape[0], 'rows', report)
    for strip in strips(predicted, truth, shape, rows, boundaries.halo):
        counts.add(strip)
        progress.update(min(shape[0], strip.row + rows))
    return counts


def strips(predicted: LabelLayer, truth: LabelLayer, shape: tuple[int, int], rows: int, halo: int) -> Iterator[Strip]:
    """The strips of a grid from top to bottom, each with up to ``halo`` rows more above and below."""
    height, width = shape
    for row in range(0, height, rows):
        first, last = max(0, row - halo), min(height, row + rows + halo)
        window = first, 0, last - first, width
        inner = slice(row - first, min(height, row + rows) - first)
        yield Strip(row, inner, predicted.read(window), truth.read(window))


def _objects(layer: LabelLayer) -> Objects:
    if layer.polygons is None:
        return Components()
    return PolygonObjects(layer.path, layer.grid, layer.polygons)
