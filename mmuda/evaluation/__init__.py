"""Metrics, criteria that need no labels, and the checkpoints that these choose.

Imports ``models.losses``, ``registry``, ``structures`` and ``utils``.
"""

from .cell_iou_metric import CellIoUMetric, oracle_areas
from .class_iou_metric import ClassIoUMetric
from .label_free_metric import CRITERIA, LabelFreeMetric, soft_neighbourhood_density
from .nam import normalised_adaptability
from .stopping import choices

__all__ = [
    'CRITERIA',
    'CellIoUMetric',
    'ClassIoUMetric',
    'LabelFreeMetric',
    'choices',
    'oracle_areas',
    'normalised_adaptability',
    'soft_neighbourhood_density',
]
