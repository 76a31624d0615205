"""The results of one domain's forward, where a sample holds no data, and the weights of its pixels.

Imports ``utils`` alone.
"""

from .domain_outputs import DomainOutputs, split_tap, upcast
from .no_data import IGNORE_INDEX, NO_DATA, no_data_of, no_data_of_prediction, predicted_label, validity
from .pixel_weights import pixel_weight_of, pixel_weights, with_labels

__all__ = [
    'IGNORE_INDEX',
    'NO_DATA',
    'DomainOutputs',
    'no_data_of',
    'no_data_of_prediction',
    'pixel_weight_of',
    'pixel_weights',
    'predicted_label',
    'split_tap',
    'upcast',
    'validity',
    'with_labels',
]
