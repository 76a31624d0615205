"""Several runs of ``apis`` beside each other: comparisons, sweeps, their tables and pictures.

Imports ``apis`` and what lies below them, never the reverse.
"""

from mmuda.experiments.compare import WEIGHTS, compare
from mmuda.experiments.sweep import sweep
from mmuda.experiments.table import Spread, Table
from mmuda.utils.markdown import markdown_table

__all__ = ['WEIGHTS', 'Spread', 'Table', 'compare', 'markdown_table', 'sweep']
