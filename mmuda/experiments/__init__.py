"""Several runs of ``apis`` beside each other: comparisons, sweeps, their tables and pictures.

Imports ``apis``, never the reverse.
"""
