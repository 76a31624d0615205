"""Experiments with several runs of ``apis``: benchmarks, comparisons and sweeps, with tables and pictures.

Imports ``apis`` and what it imports, never the reverse.
"""

from mmuda.experiments.benchmark import benchmark, shard_of
from mmuda.experiments.compare import WEIGHTS, compare
from mmuda.experiments.intervals import Interval
from mmuda.experiments.runs import training_command
from mmuda.experiments.suite import PROFILES, Entry, Pair, Suite, load_suite
from mmuda.experiments.sweep import sweep
from mmuda.experiments.table import Spread, Table
from mmuda.utils.markdown import markdown_table

__all__ = [
    'PROFILES',
    'WEIGHTS',
    'Entry',
    'Interval',
    'Pair',
    'Spread',
    'Suite',
    'Table',
    'benchmark',
    'compare',
    'load_suite',
    'markdown_table',
    'shard_of',
    'sweep',
    'training_command',
]
