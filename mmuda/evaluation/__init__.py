from .cell_iou_metric import CellIoUMetric, oracle_areas
from .class_iou_metric import ClassIoUMetric
from .label_free_metric import LabelFreeMetric, soft_neighbourhood_density
from .nam import normalised_adaptability
from .stopping import Choice, choices

__all__ = [
    'CellIoUMetric',
    'Choice',
    'ClassIoUMetric',
    'LabelFreeMetric',
    'choices',
    'oracle_areas',
    'normalised_adaptability',
    'soft_neighbourhood_density',
]
