"""Runs training: stages, optimisers, hooks, resuming, ranks.

Imports ``models``, ``datasets``, ``evaluation``, ``visualization``, ``pairing`` and what lies below them.
"""

from .hooks import CheckpointGuardHook, IterSeedHook, ResumableCheckpointHook, SavePredictionsHook, SummaryHook
from .model_wrapper import GradSyncWrapper
from .optimizers import NamedOptimWrapperConstructor, NamedOptimWrapperDict, SyncAmpOptimWrapper, SyncOptimWrapper
from .runner import StagedTrainLoop

__all__ = [
    'CheckpointGuardHook',
    'GradSyncWrapper',
    'IterSeedHook',
    'NamedOptimWrapperConstructor',
    'NamedOptimWrapperDict',
    'ResumableCheckpointHook',
    'SavePredictionsHook',
    'StagedTrainLoop',
    'SummaryHook',
    'SyncAmpOptimWrapper',
    'SyncOptimWrapper',
]
