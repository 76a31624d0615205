"""The training loop of stages, and the pseudo labels that a stage starts with."""

from .pseudo_labels import PseudoLabels, ThresholdRule
from .staged_train_loop import StagedTrainLoop

__all__ = ['PseudoLabels', 'StagedTrainLoop', 'ThresholdRule']
