"""Public benchmarks: one file per benchmark, with its class attributes and the files of each split.

Imports ``datasets.raster``, ``registry``, ``structures`` and ``utils``; nothing here reads files by itself.
"""
