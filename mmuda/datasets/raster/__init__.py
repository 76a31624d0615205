"""Rasters as files: windows, geometry, finding files and their labels, coding of labels, checks, output.

Imports ``utils`` and ``registry``; :class:`RasterDataset` alone also the transforms' registry. Everything that opens a
raster lives here.
"""
