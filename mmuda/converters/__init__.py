"""From a download or a land cover product to a dataset on disk.

Imports ``datasets`` and ``utils``; never ``models``, ``engine`` or ``apis``.
"""
