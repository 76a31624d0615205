from .class_iou_metric import ClassIoUMetric
from .label_free_metric import LabelFreeMetric, soft_neighbourhood_density
from .nam import normalised_adaptability
from .stopping import Choice, choices

__all__ = [
    'Choice',
    'ClassIoUMetric',
    'LabelFreeMetric',
    'choices',
    'normalised_adaptability',
    'soft_neighbourhood_density',
]
