"""What tells that a file has been replaced."""

import os
from collections.abc import Iterable

from mmuda.datasets.raster.reading import files_of
from mmuda.datasets.raster.vector import vector_files

_SIDE_FILES = ('.msk', '.aux.xml')


def states_of(paths: Iterable[str]) -> list[tuple[str, int, int]]:
    """Name, time and size of rasters and vector files, and of the files that belong to them; nothing of addresses."""
    states = []
    for path in paths:
        if path.lower().endswith('.vrt'):
            files = files_of(path)
        else:
            files = [*vector_files(path), *(path + suffix for suffix in _SIDE_FILES)]
        for file in filter(os.path.isfile, files):
            status = os.stat(file)
            states.append((os.path.abspath(file), status.st_mtime_ns, status.st_size))
    return states
