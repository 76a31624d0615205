"""Tiles of web maps and footprints -> georeferenced images and labels.

Imports ``datasets.raster`` and ``utils``.
"""
