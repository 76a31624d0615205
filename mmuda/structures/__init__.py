"""The results of one forward, and what travels with a batch: missing data, weights of pixels, changes of features.

Imports ``utils`` alone.
"""

from .domain_outputs import DomainOutputs, split_tap, upcast
from .no_data import IGNORE_INDEX, NO_DATA, no_data_of, no_data_of_prediction, predicted_label, validity
from .perturbation import PERTURBATION, perturbed
from .pixel_weights import pixel_weight_of, pixel_weights, with_labels

__all__ = [
    'IGNORE_INDEX',
    'NO_DATA',
    'PERTURBATION',
    'DomainOutputs',
    'no_data_of',
    'no_data_of_prediction',
    'pixel_weight_of',
    'pixel_weights',
    'perturbed',
    'predicted_label',
    'split_tap',
    'upcast',
    'validity',
    'with_labels',
]
