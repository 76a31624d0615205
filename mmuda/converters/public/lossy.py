"""Sets colours of labels right that were changed by lossy compression before publication."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from mmuda.converters.public.checking import unknown_codes
from mmuda.converters.public.download import Layout
from mmuda.datasets.raster.output import raster_like
from mmuda.datasets.raster.reading import close_rasters, read_window
from mmuda.utils.writing import telling

ORIGINAL = '.published'
"""Suffix of the file as it was published, which is kept."""

ROWS, MIDDLE = 512, 128


def correct_colours(layout: Layout, root: Path) -> list[Path]:
    """Replace the labels whose colours are known to be off: each channel becomes 0 or 255, whichever is nearer.

    All colours of the ISPRS labels are corners of the colour cube, and no channel of the published labels is near the
    middle. A corner that is no class becomes black, which is ignored. The published file is kept beside it, with
    ``.published`` at the end of its name.

    Args:
        layout: The layout, which says which labels are off.
        root: Folder of the dataset.

    Returns:
        The labels that were replaced; those that hold known colours only are left alone.
    """
    if not layout.lossy:
        return []
    for split in layout.splits:
        for kept in root.glob(f'{split.labels}{ORIGINAL}'):
            path = kept.with_name(kept.name.removesuffix(ORIGINAL))
            if not path.is_file():  # a correction was interrupted
                os.replace(kept, path)
    labels = [path for split in layout.splits for path in split.labels_in(root).values()]
    off = [path for path in labels if str(path).endswith(layout.lossy)]
    close_rasters()  # a file may have been replaced since it was opened
    off = [path for path in off if unknown_codes(str(path), layout.codes, whole=True)]
    for path in off:
        _correct(path, layout.codes)
    close_rasters()
    return off


def _correct(path: Path, codes: frozenset) -> None:
    kept = path.with_name(path.name + ORIGINAL)
    with telling(kept):
        os.replace(path, kept)
    known = np.array(sorted(codes), dtype=np.uint8)
    with raster_like(path, str(kept), count=3) as output:
        for row in range(0, output.height, ROWS):
            height = min(ROWS, output.height - row)
            values = read_window(str(kept), (row, 0, height, output.width), (1, 2, 3))
            colours = np.where(values >= MIDDLE, 255, 0).astype(np.uint8)
            is_known = (colours[:, :, None] == known).all(axis=-1).any(axis=-1)
            colours[~is_known] = 0
            output.write(np.moveaxis(colours, -1, 0), window=Window(0, row, output.width, height))
