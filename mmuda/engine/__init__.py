"""Runs training: stages, optimisers, hooks, resuming, ranks.

Imports ``models``, ``datasets``, ``evaluation``, ``visualization``, ``pairing`` and what lies below them.
"""

from .hooks import (
    CheckpointGuardHook,
    IterSeedHook,
    PanelHook,
    ResumableCheckpointHook,
    SavePredictionsHook,
    SummaryHook,
)
from .model_wrapper import GradSyncWrapper
from .optimizers import NamedOptimWrapperConstructor, NamedOptimWrapperDict, SyncAmpOptimWrapper, SyncOptimWrapper
from .runner import StagedTrainLoop
from .tensorboard import TensorBoardBackend, TensorBoardHook

__all__ = [
    'CheckpointGuardHook',
    'GradSyncWrapper',
    'IterSeedHook',
    'NamedOptimWrapperConstructor',
    'NamedOptimWrapperDict',
    'PanelHook',
    'ResumableCheckpointHook',
    'SavePredictionsHook',
    'StagedTrainLoop',
    'SummaryHook',
    'SyncAmpOptimWrapper',
    'SyncOptimWrapper',
    'TensorBoardBackend',
    'TensorBoardHook',
]
