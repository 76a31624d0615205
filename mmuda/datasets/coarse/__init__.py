"""Labels on a coarser grid than their images, and label maps without images.

Imports ``datasets.raster`` and what it imports.
"""
