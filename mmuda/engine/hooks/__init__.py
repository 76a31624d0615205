"""What happens beside the iterations: checkpoints, summaries, seeds, predictions that are kept."""

from .checkpoint_guard_hook import CheckpointGuardHook
from .iter_seed_hook import IterSeedHook
from .resumable_checkpoint_hook import ResumableCheckpointHook
from .save_predictions_hook import SavePredictionsHook
from .summary_hook import SummaryHook

__all__ = ['CheckpointGuardHook', 'IterSeedHook', 'ResumableCheckpointHook', 'SavePredictionsHook', 'SummaryHook']
