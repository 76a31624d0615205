"""Finds settings of a config's data that are valid but probably unintended."""

from collections.abc import Iterator
from statistics import median

from torch.utils.data import Dataset

from mmuda.datasets.raster.reading import probe_raster

# Tolerance between a configured ground sample distance and the file's, since rounded numbers are common.
TOLERANCE = 0.1
# Beyond this factor, resampling invents more detail than the image has.
FINEST = 4.0
# Number of headers that are read again for the comparison.
FILES = 16


def raster_datasets(dataset: Dataset, name: str = '') -> Iterator[tuple[str, Dataset]]:
    """Each raster dataset inside a dataset, by the name of its stream.

    Args:
        dataset: E.g. a :class:`UDADataset`, a :class:`PatchSet`, or one of mmengine's wrappers.
        name: Name of the dataset.
    """
    if getattr(dataset, 'rasters', None):
        yield name, dataset
    for stream, one in getattr(dataset, 'streams', {}).items():
        yield from raster_datasets(one, stream)
    for one in (getattr(dataset, 'dataset', None), *(getattr(dataset, 'datasets', None) or ())):
        if one is not None:
            yield from raster_datasets(one, name)


def implausible_distances(dataset: Dataset, name: str) -> list[str]:
    """Sentences on ground sample distances in a config that do not match the files.

    Args:
        dataset: Built dataset of a loader.
        name: Its name, if it has no streams.
    """
    found, native = [], {}
    for stream, one in raster_datasets(dataset, name):
        found += _against_the_files(stream, one)
        native.setdefault(stream, median(raster.gsd for raster in one.rasters))
        for step in getattr(getattr(one, 'pipeline', None), 'transforms', None) or ():
            found += _resampled(stream, step, native[stream])
    ours, theirs = native.get('source'), native.get('target')
    pairs = any(_is_pair(step) for _, one in raster_datasets(dataset) for step in one.pipeline.transforms)
    if pairs and ours and theirs and ours < theirs * (1 - TOLERANCE / 2):
        found.append(
            f'the files of the source have {ours:.4g} m per pixel and those of the target {theirs:.4g} m, so the '
            'super-resolution leads from the finer to the coarser: take a method without it, or a finer target'
        )
    return list(dict.fromkeys(found))


def _against_the_files(stream: str, dataset) -> list[str]:
    if dataset.gsd is None:
        return []
    wrong = []
    for raster in dataset.rasters[:FILES]:
        told = probe_raster(raster.path).gsd
        if told is not None and _differ(dataset.gsd, told):
            wrong.append((raster.path, told))
    if not wrong:
        return []
    path, told = wrong[0]
    more = f' (and {len(wrong) - 1} more of {len(dataset.rasters)})' if len(wrong) > 1 else ''
    return [
        f'{stream}: the config says gsd={dataset.gsd:g}, but the georeference of {path}{more} says {told:.4g} m per '
        'pixel; correct gsd, or leave it out to take that of the files'
    ]


def _resampled(stream: str, step, native: float) -> list[str]:
    """Sentences on a step that resamples images of ``native`` metres per pixel."""
    if _is_pair(step):
        return _pair(stream, step, native)
    gsd = getattr(step, 'gsd', None)
    if hasattr(step, 'ratio') and gsd and gsd * FINEST < native * (1 - TOLERANCE):
        return [
            f'{stream}: {type(step).__name__} makes {gsd:g} m per pixel of files of {native:.4g} m, '
            f'{native / gsd:.1f} times finer than what they show; correct gsd'
        ]
    return []


def _pair(stream: str, step, native: float) -> list[str]:
    coarse, fine = step.coarse_gsd, step.fine_gsd
    fine = coarse / step.ratio if coarse and step.ratio else fine
    if coarse and fine and fine >= coarse:
        return [
            f'{stream}: ResolutionPair has a fine grid of {fine:g} m and a coarse one of {coarse:g} m: there is '
            'nothing to super-resolve; give a fine_gsd below coarse_gsd'
        ]
    # The source should match the coarse grid and the target the fine one; other streams may match either.
    grids = dict(source=dict(coarse_gsd=coarse), target=dict(fine_gsd=fine))
    meant = grids.get(stream, dict(coarse_gsd=coarse, fine_gsd=fine))
    stated = {key: gsd for key, gsd in meant.items() if gsd}
    if not stated or any(not _differ(gsd, native) for gsd in stated.values()):
        return []
    numbers = ' and '.join(f'{key}={gsd:g}' for key, gsd in stated.items())
    return [
        f'{stream}: ResolutionPair has {numbers}, but the files have {native:.4g} m per pixel; give the distance of '
        'the files, unless resampling them is meant'
    ]


def _is_pair(step) -> bool:
    return hasattr(step, 'coarse_gsd') and hasattr(step, 'fine_gsd')


def _differ(stated: float, found: float) -> bool:
    return not 1 - TOLERANCE <= stated / found <= 1 / (1 - TOLERANCE)
