"""Public benchmarks: one file a benchmark, its class attributes and which files belong to which split.

Imports ``datasets.raster``, nothing that reads files by itself.
"""
