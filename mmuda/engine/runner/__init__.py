"""The training loop over stages, and the pseudo labels made at a stage's start."""

from .pseudo_labels import PseudoLabels, ThresholdRule
from .staged_train_loop import StagedTrainLoop

__all__ = ['PseudoLabels', 'StagedTrainLoop', 'ThresholdRule']
