"""Confusion matrices as tables."""

from __future__ import annotations

from dataclasses import dataclass

from mmuda.reports.predicting import Model


@dataclass(frozen=True)
class Matrix:
    """Which classes a model takes for which.

    Attributes:
        name: Name of the model.
        miou: Over all windows together, percent.
        accuracy: Share of the pixels that are right, percent.
        classes: Names of the classes.
        rows: By true class, the share of its pixels by predicted class, percent; None for a class that does not occur.
        shares: Share of each true class in all pixels, percent.
    """

    name: str
    miou: float
    accuracy: float
    classes: list[str]
    rows: list[list[float] | None]
    shares: list[float]


def matrix_of(model: Model, classes: list[str]) -> Matrix:
    """The confusion matrix of a predicted model whose windows have labels."""
    counts = model.counts
    total, of_class = max(float(counts.sum()), 1.0), counts.sum(dim=1)
    rows = [(100 * row / count).tolist() if count > 0 else None for row, count in zip(counts, of_class, strict=True)]
    accuracy = 100 * float(counts.trace()) / total
    return Matrix(model.name, 100 * (model.miou or 0.0), accuracy, classes, rows, (100 * of_class / total).tolist())
