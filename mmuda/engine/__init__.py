from .hooks import CheckpointGuardHook, IterSeedHook, SummaryHook
from .model_wrapper import GradSyncWrapper
from .optimizers import NamedOptimWrapperConstructor, NamedOptimWrapperDict, SyncAmpOptimWrapper, SyncOptimWrapper
from .runner import StagedTrainLoop

__all__ = [
    'CheckpointGuardHook',
    'GradSyncWrapper',
    'IterSeedHook',
    'NamedOptimWrapperConstructor',
    'NamedOptimWrapperDict',
    'StagedTrainLoop',
    'SummaryHook',
    'SyncAmpOptimWrapper',
    'SyncOptimWrapper',
]
