from .domain_outputs import DomainOutputs, split_tap, upcast

__all__ = ['DomainOutputs', 'split_tap', 'upcast']
