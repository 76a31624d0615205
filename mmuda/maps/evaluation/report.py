"""The scores of a map as tables and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmuda.maps.evaluation.boundaries import BoundaryCounts
from mmuda.maps.evaluation.objects import ObjectScores
from mmuda.maps.evaluation.pixels import PixelCounts
from mmuda.utils.markdown import markdown_table

CLASS_SCORES = ('iou', 'f1', 'precision', 'recall')


@dataclass(frozen=True)
class MapScores:
    """How well a map agrees with the truth; ``str()`` gives readable tables, all shares in per cent.

    Attributes:
        map (str): The map.
        truth (str): The truth.
        classes (tuple[str, ...]): Names of the classes, K.
        pixels (PixelCounts): Confusion matrix and the scores that follow from it.
        boundaries (BoundaryCounts): Boundary scores.
        objects (Mapping[str, ObjectScores]): Object scores by class.
        object_iou (float): Least IoU of matched objects.
        min_area (float): Least area of an object, in m2.
        regions (Mapping[str, PixelCounts]): Pixel counts by region.
    """

    map: str
    truth: str
    classes: tuple[str, ...]
    pixels: PixelCounts
    boundaries: BoundaryCounts
    objects: Mapping[str, ObjectScores]
    object_iou: float
    min_area: float
    regions: Mapping[str, PixelCounts]

    def __str__(self) -> str:
        parts = [self._head(), self._class_table(), self._confusion_table()]
        if self.objects:
            parts.append(self._object_table())
        if self.regions:
            parts.append(self._region_table())
        return '\n\n'.join(parts)

    def to_dict(self) -> dict:
        """All numbers for JSON: shares in 0..1, null where a share is undefined."""
        edges = self.boundaries.scores
        classes = {
            name: {
                **{key: _known(values[index]) for key, values in self.pixels.scores.items()},
                **{f'boundary_{key}': _known(edges[key][index]) for key in ('f1', 'precision', 'recall')},
                'pixels_map': int(self.pixels.confusion[:, index].sum()),
                'pixels_truth': int(self.pixels.confusion[index].sum()),
            }
            for index, name in enumerate(self.classes)
        }
        return {
            'map': self.map,
            'truth': self.truth,
            'classes': list(self.classes),
            **_summary(self.pixels),
            'mean_boundary_f1': _known(self.boundaries.mean_f1),
            'boundary_tolerance': self.boundaries.tolerance,
            'boundary_tolerance_unit': self._unit,
            **_pixel_numbers(self.pixels),
            'per_class': classes,
            'confusion_rows_truth_columns_map': self.pixels.confusion.tolist(),
            'object_iou': self.object_iou,
            'object_min_area_m2': self.min_area,
            'objects': {name: _object_numbers(scores) for name, scores in self.objects.items()},
            'regions': {name: self._region_numbers(counts) for name, counts in self.regions.items()},
        }

    @property
    def _unit(self) -> str:
        return 'm' if self.boundaries.in_metres else 'px'

    def _head(self) -> str:
        pixels, summary = self.pixels, self.pixels.summary
        shares = [_percent(part / pixels.total) for part in (pixels.counted, pixels.without_truth, pixels.without_map)]
        return (
            f'{self.map} against {self.truth}: mIoU {_percent(summary["miou"])} %, mean F1 '
            f'{_percent(summary["mean_f1"])} %, overall accuracy {_percent(summary["accuracy"])} %, mean boundary F1 '
            f'{_percent(self.boundaries.mean_f1)} % (within {self.boundaries.tolerance:.4g} {self._unit}).\n'
            f'{pixels.counted} of {pixels.total} pixels are counted ({shares[0]} %); {shares[1]} % have no class in '
            f'the truth, {shares[2]} % more have none in the map.'
        )

    def _class_table(self) -> str:
        scores, edges = self.pixels.scores, self.boundaries.scores
        true = self.pixels.confusion.sum(axis=1) / max(self.pixels.counted, 1)
        mapped = self.pixels.confusion.sum(axis=0) / max(self.pixels.counted, 1)
        columns = [*(scores[key] for key in CLASS_SCORES), edges['f1'], true, mapped]
        head = ['class', 'IoU', 'F1', 'precision', 'recall', 'boundary F1', 'share of truth', 'share of map']
        rows = [[name, *(_percent(column[i]) for column in columns)] for i, name in enumerate(self.classes)]
        means = [self.pixels.summary['miou'], self.pixels.summary['mean_f1'], self.boundaries.mean_f1]
        rows.append(['mean', _percent(means[0]), _percent(means[1]), '', '', _percent(means[2]), '', ''])
        return markdown_table(head, rows)

    def _confusion_table(self) -> str:
        head = ['pixels: truth below, map across', *self.classes]
        return markdown_table(head, [[name, *row] for name, row in zip(self.classes, self._rows(), strict=True)])

    def _rows(self) -> Sequence[Sequence[int]]:
        return self.pixels.confusion.tolist()

    def _object_table(self) -> str:
        least = f', at least {self.min_area:g} m2' if self.min_area else ''
        head = [f'objects (IoU >= {self.object_iou:g}{least})', 'in map', 'in truth', 'matched',
                'precision', 'recall', 'F1', 'mean IoU of matches']  # fmt: skip
        rows = [
            [name, o.mapped, o.true, o.matched, *map(_percent, (o.precision, o.recall, o.f1, o.mean_iou))]
            for name, o in self.objects.items()
        ]
        return markdown_table(head, rows)

    def _region_table(self) -> str:
        head = ['region', 'pixels', 'mIoU', 'mean F1', 'accuracy', *(f'IoU {name}' for name in self.classes)]
        rows = []
        for name, counts in self.regions.items():
            values = [counts.summary[key] for key in ('miou', 'mean_f1', 'accuracy')]
            rows.append([name, counts.counted, *map(_percent, [*values, *counts.scores['iou']])])
        return markdown_table(head, rows)

    def _region_numbers(self, counts: PixelCounts) -> dict:
        scores = counts.scores
        per_class = {
            name: {key: _known(values[index]) for key, values in scores.items()}
            for index, name in enumerate(self.classes)
        }
        confusion = counts.confusion.tolist()
        return {**_summary(counts), **_pixel_numbers(counts), 'per_class': per_class,
                'confusion_rows_truth_columns_map': confusion}  # fmt: skip


def _pixel_numbers(counts: PixelCounts) -> dict:
    return {
        'pixels': counts.total,
        'pixels_counted': counts.counted,
        'pixels_without_truth': counts.without_truth,
        'pixels_without_map': counts.without_map,
    }


def _object_numbers(scores: ObjectScores) -> dict:
    counts = dict(in_map=scores.mapped, in_truth=scores.true, matched=scores.matched)
    shares = {key: _known(getattr(scores, key)) for key in ('precision', 'recall', 'f1', 'mean_iou')}
    return {**counts, **shares}


def _summary(counts: PixelCounts) -> dict:
    return {key: _known(value) for key, value in counts.summary.items()}


def _known(value: float | np.floating) -> float | None:
    return None if math.isnan(value) else float(value)


def _percent(share: float) -> str:
    return '-' if math.isnan(share) else f'{100 * share:.2f}'
