"""Several runs of ``apis`` beside each other: comparisons, sweeps, their tables and pictures.

Imports ``apis``, never the reverse.
"""

from mmuda.experiments.compare import compare
from mmuda.experiments.sweep import sweep

__all__ = ['compare', 'sweep']
