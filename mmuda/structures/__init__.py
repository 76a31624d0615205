from .domain_outputs import DomainOutputs, split_tap, upcast
from .no_data import NO_DATA, no_data_of, validity

__all__ = ['NO_DATA', 'DomainOutputs', 'no_data_of', 'split_tap', 'upcast', 'validity']
