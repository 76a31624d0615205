from .class_iou_metric import ClassIoUMetric
from .label_free_metric import LabelFreeMetric, soft_neighbourhood_density
from .nam import normalised_adaptability

__all__ = ['ClassIoUMetric', 'LabelFreeMetric', 'normalised_adaptability', 'soft_neighbourhood_density']
