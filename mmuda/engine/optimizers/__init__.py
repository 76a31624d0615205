"""Named optimisers: which parameters each owns, and gradients averaged over ranks."""

from .constructor import NamedOptimWrapperConstructor
from .optim_wrappers import NamedOptimWrapperDict, SyncAmpOptimWrapper, SyncOptimWrapper
from .repeated_sgd import RepeatedSGD

__all__ = [
    'NamedOptimWrapperConstructor',
    'NamedOptimWrapperDict',
    'RepeatedSGD',
    'SyncAmpOptimWrapper',
    'SyncOptimWrapper',
]
