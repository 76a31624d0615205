"""What was trained on what: the rasters of each stream and of the test, where they lie, and their colours."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from mmengine.config import Config

from mmuda.apis.candidates import built_dataset
from mmuda.apis.domain_statistics import statistics_of
from mmuda.apis.stream_report import rasters_below
from mmuda.datasets.band_statistics import BandStatistics, band_statistics
from mmuda.datasets.raster.dataset import RasterDataset
from mmuda.datasets.raster.footprint import footprint
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.unread import reads_rasters
from mmuda.datasets.uda_dataset import parts_of, stream_of
from mmuda.reports.methods import Method
from mmuda.utils.errors import describe, is_user_error

TEST = 'test'
"""Name of the images on which models are compared."""


@dataclass
class Stream:
    """Images of a training or of the test.

    Attributes:
        name: Name of the stream, ``'source'``, ``'target'`` or ``'test'``.
        kind: Class of the dataset.
        rasters: Headers of its rasters; empty for other images.
        items: Number of items of the dataset.
        labelled: Whether labels are read; None if unknown.
        colours: Statistics of its bands, or None.
        methods: Names of the methods that were trained on it.
    """

    name: str
    kind: str
    rasters: list[RasterInfo]
    items: int
    labelled: bool | None
    colours: BandStatistics | None = None
    methods: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple:
        return self.name, self.kind, self.labelled, tuple(sorted(os.path.realpath(one.path) for one in self.rasters))

    @property
    def gsds(self) -> list[float]:
        """Metres per pixel that occur, smallest first."""
        return sorted({round(one.gsd, 4) for one in self.rasters if one.gsd is not None})

    @property
    def hectares(self) -> float | None:
        """Ground that the rasters cover; None if a pixel's size is unknown."""
        if not self.rasters or any(one.gsd is None for one in self.rasters):
            return None
        return sum(one.height * one.width * one.gsd**2 for one in self.rasters) / 10_000

    @property
    def outlines(self) -> list[np.ndarray]:
        """Corners (4, 2) of its rasters in longitude and latitude; those without a georeference are left out."""
        return [corners for one in self.rasters if (corners := footprint(one)) is not None]

    @property
    def systems(self) -> list[str]:
        return sorted({one.crs or 'none' for one in self.rasters})


def streams_of(methods: Sequence[Method]) -> tuple[list[Stream], list[str]]:
    """The streams of all trainings, each once, and the test set.

    Returns:
        The streams, and a sentence for each that cannot be read on this machine.
    """
    found: dict[tuple, Stream] = {}
    missing: dict[str, None] = {}
    read: dict[str, list[Stream]] = {}
    for method in methods:
        cfg = method.first.cfg
        if cfg is None:
            continue
        settings = _settings(cfg)
        for name, one in settings.items():
            text = f'{name}: {one}'
            if text not in read:
                try:
                    read[text] = _read(name, one)
                except Exception as error:
                    if not is_user_error(error):
                        raise
                    read[text] = []
                    missing[f'{name} images of {method.name} cannot be read here ({describe(error)})'] = None
            for stream in read[text]:
                found.setdefault(stream.key, stream).methods.append(method.name)
    order = {'source': 0, 'target': 1, TEST: 9}
    return sorted(found.values(), key=lambda one: order.get(one.name, 2)), list(missing)


def compared_set(cfg: Config) -> Mapping | None:
    """The dataset on which models of a config are compared; None if it has none."""
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    return loader['dataset'] if loader else None


def built_test(settings: Mapping):
    """The test set, without labels where they are not there.

    Raises:
        UserError: The images cannot be read, or FileNotFoundError: they are not there.
    """
    try:
        return built_dataset(copy.deepcopy(settings))
    except Exception as error:
        if not is_user_error(error) or settings.get('labelled') is False or not reads_rasters(settings):
            raise
        return built_dataset(dict(copy.deepcopy(settings), labelled=False))


def _settings(cfg: Config) -> dict[str, Mapping]:
    found = {}
    if cfg.get('train_dataloader'):
        found['training'] = cfg.train_dataloader['dataset']
    if (test := compared_set(cfg)) is not None:
        found[TEST] = test
    return found


def _read(name: str, settings: Mapping) -> list[Stream]:
    if name == TEST:
        dataset = rasters_below(built_test(settings))
        return [_stream(TEST, [dataset], _colours([dataset]))]
    dataset = built_dataset(copy.deepcopy(settings))
    statistics = statistics_of(dataset)
    names = getattr(dataset, 'streams', {'train': dataset})
    parts = {name: [rasters_below(part) for part in parts_of(stream_of(dataset, name))] for name in names}
    return [_stream(name, of, statistics.get(name)) for name, of in parts.items()]


def _stream(name: str, parts: list, colours: BandStatistics | None) -> Stream:
    rasters = [raster for part in parts for raster in getattr(part, 'rasters', ())]
    labelled = [getattr(part, 'labelled', None) for part in parts]
    kind = ', '.join(dict.fromkeys(type(part).__name__ for part in parts))
    return Stream(name, kind, rasters, sum(map(len, parts)), None if None in labelled else any(labelled), colours)


def _colours(parts: list) -> BandStatistics | None:
    readable = all(isinstance(part, RasterDataset) and part.reads_images for part in parts)
    return band_statistics(parts) if readable else None
