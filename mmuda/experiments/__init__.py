"""Experiments with several runs of ``apis``: comparisons and sweeps, with tables and pictures.

Imports ``apis`` and what it imports, never the reverse.
"""

from mmuda.experiments.compare import WEIGHTS, compare
from mmuda.experiments.sweep import sweep
from mmuda.experiments.table import Spread, Table
from mmuda.utils.markdown import markdown_table

__all__ = ['WEIGHTS', 'Spread', 'Table', 'compare', 'markdown_table', 'sweep']
