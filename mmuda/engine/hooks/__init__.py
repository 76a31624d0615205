from .checkpoint_guard_hook import CheckpointGuardHook
from .iter_seed_hook import IterSeedHook
from .summary_hook import SummaryHook

__all__ = ['CheckpointGuardHook', 'IterSeedHook', 'SummaryHook']
