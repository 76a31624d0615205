"""The results of one domain's forward, and where a sample holds no data.

Imports ``utils`` alone.
"""

from .domain_outputs import DomainOutputs, split_tap, upcast
from .no_data import IGNORE_INDEX, NO_DATA, no_data_of, no_data_of_prediction, predicted_label, validity

__all__ = [
    'IGNORE_INDEX',
    'NO_DATA',
    'DomainOutputs',
    'no_data_of',
    'no_data_of_prediction',
    'predicted_label',
    'split_tap',
    'upcast',
    'validity',
]
