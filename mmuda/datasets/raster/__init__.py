"""Rasters as files: windows, geometry, finding files and their labels, coding of labels, checks, output.

Imports ``registry``, ``structures`` and ``utils``. Everything that opens a raster lives here.
"""
