"""Rasters as files: reading by windows, geometry, files and their pairing with labels, coding of labels, checks, output.

Imports ``utils`` and ``registry``; :class:`RasterDataset` alone also the transforms' registry. Everything that opens a
raster lives here.
"""
