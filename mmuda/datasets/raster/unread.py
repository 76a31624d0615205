"""The settings of a dataset, without touching its files."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.registry import DATASETS
from mmuda.utils.errors import UserError


def unread_dataset(cfg: Mapping) -> RasterDataset:
    """Build the dataset of a config without its items, for its bands, value range, ground sample distance and classes.

    The dataset's class decides what a config omits, in its signature or constructor, so the class is instantiated.

    Args:
        cfg: Config of a :class:`RasterDataset`.

    Returns:
        The dataset; ``bands``, ``value_range``, ``gsd``, ``tile``, ``domain`` and ``metainfo`` have the values of a
        run.

    Raises:
        UserError: If it is not a raster dataset.
    """
    cfg, cls = dict(cfg), _class_of(cfg)
    kind = cfg.pop('type', None)
    cfg.pop('_scope_', None)  # mmengine's, of a variable of another package's base
    if cls is None:
        raise UserError(f'the dataset {kind} does not read windows of rasters; use a RasterDataset')
    unread = type(cls.__name__, (cls,), dict(full_init=lambda self: None, __module__=cls.__module__))
    return unread(**{**cfg, 'pipeline': []})


def reads_rasters(cfg: Mapping) -> bool:
    """Whether a config is one of a :class:`RasterDataset`."""
    return _class_of(cfg) is not None


def _class_of(cfg: Mapping) -> type[RasterDataset] | None:
    kind = cfg.get('type')
    cls = kind if inspect.isclass(kind) or not kind else DATASETS.get(kind)
    return cls if inspect.isclass(cls) and issubclass(cls, RasterDataset) else None
