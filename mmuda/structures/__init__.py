from .domain_outputs import DomainOutputs, split_tap, upcast
from .no_data import NO_DATA, no_data_of, no_data_of_prediction, predicted_label, validity

__all__ = [
    'NO_DATA',
    'DomainOutputs',
    'no_data_of',
    'no_data_of_prediction',
    'predicted_label',
    'split_tap',
    'upcast',
    'validity',
]
