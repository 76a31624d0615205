"""Imports all datasets, samplers and transforms, which registers them."""

from mmuda import datasets
from mmuda.datasets import transforms

for _package in (datasets, transforms):
    for _name in _package.__all__:
        getattr(_package, _name)
