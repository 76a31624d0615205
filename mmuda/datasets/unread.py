"""What a dataset says of its files, while none of them is touched."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from mmuda.datasets.raster import RasterDataset
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError


def unread_dataset(cfg: Mapping) -> RasterDataset:
    """The dataset of a config without its items: bands, values, distances and classes, whoever says them.

    What a config leaves out, the dataset's class decides, in its signature or in its constructor; so the class is asked.

    Args:
        cfg: Config of a :class:`RasterDataset`.

    Returns:
        The dataset; ``bands``, ``value_range``, ``gsd``, ``tile``, ``domain`` and ``metainfo`` are as in a run.

    Raises:
        UserError: If it is another kind of dataset.
    """
    cfg = dict(cfg)
    kind = cfg.pop('type', None)
    cls = kind if inspect.isclass(kind) else DATASETS.get(kind) if kind else None
    if cls is None or not issubclass(cls, RasterDataset):
        raise UserError(f'the dataset {kind} does not read windows of rasters; use a RasterDataset')
    unread = type(cls.__name__, (cls,), dict(full_init=lambda self: None, __module__=cls.__module__))
    return unread(**{**cfg, 'pipeline': []})
