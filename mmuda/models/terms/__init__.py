"""Terms turn taps into losses; one file per idea. Imports ``losses`` and ``views``, never a segmentor."""

from .adversarial import AdversarialAlignment
from .base import Term
from .category import CategoryAlignment
from .discrepancy import DiscrepancyAlignment, ParameterSimilarity, TapCrossEntropy
from .feature_distance import FeatureDistance
from .forward_term import ForwardTerm
from .instance import InstanceAlignment
from .label_map import LabelMapAlignment, gaussian_blur, sargmax
from .region_aggregation import RegionAggregation
from .style_content import StyleContentAlignment
from .supervised import SupervisedTerm
from .tap_loss import TapLoss

__all__ = [
    'AdversarialAlignment',
    'CategoryAlignment',
    'DiscrepancyAlignment',
    'FeatureDistance',
    'ForwardTerm',
    'InstanceAlignment',
    'LabelMapAlignment',
    'ParameterSimilarity',
    'RegionAggregation',
    'StyleContentAlignment',
    'SupervisedTerm',
    'TapCrossEntropy',
    'TapLoss',
    'Term',
    'gaussian_blur',
    'sargmax',
]
