"""Labels of small towns, and pipelines that cut crops from them."""

import numpy as np

CLASSES = ('ground', 'roof', 'car')
LOAD, PACK = dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')


def crop(size):
    return [dict(type='RandomGroundCrop', size=size), LOAD, PACK]


def blocks(shape, **where):
    """Ground with a block of each class at (row, col, height, width)."""
    label = np.zeros(shape, int)
    for name, (row, col, height, width) in where.items():
        label[row : row + height, col : col + width] = CLASSES.index(name) if name in CLASSES else 255
    return label
