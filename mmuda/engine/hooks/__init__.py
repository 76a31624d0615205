"""What happens around the iterations: checkpoints, summaries, seeds, panels, saved predictions."""

from .checkpoint_guard_hook import CheckpointGuardHook
from .iter_seed_hook import IterSeedHook
from .panel_hook import PanelHook
from .resumable_checkpoint_hook import ResumableCheckpointHook
from .save_predictions_hook import SavePredictionsHook
from .summary_hook import SummaryHook

__all__ = [
    'CheckpointGuardHook',
    'IterSeedHook',
    'PanelHook',
    'ResumableCheckpointHook',
    'SavePredictionsHook',
    'SummaryHook',
]
