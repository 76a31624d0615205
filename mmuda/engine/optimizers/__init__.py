from .constructor import NamedOptimWrapperConstructor
from .optim_wrappers import NamedOptimWrapperDict, SyncAmpOptimWrapper, SyncOptimWrapper

__all__ = ['NamedOptimWrapperConstructor', 'NamedOptimWrapperDict', 'SyncAmpOptimWrapper', 'SyncOptimWrapper']
