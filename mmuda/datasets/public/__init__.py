"""Public benchmarks: one file a benchmark, its class attributes and which files belong to which split.

Imports ``datasets.raster``, ``registry``, ``structures`` and ``utils``; nothing here reads files by itself.
"""
