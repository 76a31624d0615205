"""Decides which bands of two domains are read, and which of their values become black and white."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from mmuda.apis.inspect_rasters import Images, some_of, windows_over
from mmuda.datasets.raster.bands import COLOURS, check_bands, described_bands
from mmuda.datasets.raster.reading import read_window
from mmuda.datasets.raster.valid import valid_pixels
from mmuda.utils.errors import UserError

PERCENTILES = (0.5, 99.5)
STEP = 7
"""Every so many pixels are looked at; fewer of many bands."""
NARROW = 1 / 8
"""Bands whose values span less than this share of those of all bands get ranges of their own."""
Ranges = tuple[float, float] | tuple[tuple[float, float], ...]


class Choice(NamedTuple):
    """The bands of two domains.

    Attributes:
        source: Numbers of the source's bands, counted from 1, in the order in which they are read.
        target: Those of the target, as many; what stands at one place shows the same.
        why: The reason, as the end of a sentence.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]
    why: str

    def describe(self, source: Images, target: Images) -> str:
        """The choice in words."""
        count = len(self.source)
        ours, theirs = described_bands(self.source, source.band_names), described_bands(self.target, target.band_names)
        where = f'{ours} of both' if ours == theirs else f'{ours} of the source as {theirs} of the target'
        fitted = '' if count == len(COLOURS) else '; pretrained weights are fitted to them'
        return f'{count} {"band is" if count == 1 else "bands are"} read, {where}: {self.why}{fitted}'


def choose_bands(source: Images, target: Images, bands: Sequence[str] = (), target_bands: Sequence[str] = ()) -> Choice:
    """Decide which bands are read: those given, else those that both domains share.

    - Where the files name all bands, those with the same names are read, and others are left out.
    - Where they do not, and both have the same number of bands, all are read, in the order of the files.
    - One grey band is read three times beside red, green and blue.

    Red, green and blue come first if there are all three, since networks and augmentations take them so.

    Args:
        source: Images of the source.
        target: Images of the target.
        bands: Numbers or names of the source's bands, and of the target's if those are not given; () decides.
        target_bands: Those of the target.

    Raises:
        UserError: The files leave open which bands show the same, or a band that was given is not there.
    """
    if bands or target_bands:
        if not bands:
            raise UserError('--target-bands were given without --bands; give those of the source, too')
        chosen = [_numbers(source, bands, '--bands'), _numbers(target, target_bands or bands, '--target-bands')]
        if len(chosen[0]) != len(chosen[1]):
            raise UserError(
                f'{len(chosen[0])} bands of the source were given and {len(chosen[1])} of the target; give as many '
                'of both, in the same order'
            )
        return Choice(*chosen, 'as you gave them')
    shared = [name for name in _named(source) if name in _named(target)]
    as_many = len(source.bands) == len(target.bands)
    if shared and (_all_named(source) and _all_named(target) or (_has_colours(shared) and not as_many)):
        return _shared(source, target, shared)
    if as_many:
        return _in_order(source, target)
    for grey, other in ((source, target), (target, source)):
        if len(grey.bands) == 1 and (len(other.bands) == len(COLOURS) or _has_colours(_named(other))):
            colours = tuple(map(_named(other).get, COLOURS)) if _has_colours(_named(other)) else other.bands
            three = grey.bands * len(COLOURS)
            whose = 'source' if grey is source else 'target'
            both = (three, colours) if grey is source else (colours, three)
            return Choice(*both, f'the one band of the {whose} is read three times')
    raise _undecided(source, target)


def _named(images: Images) -> dict[str, int]:
    return {images.band_names[band - 1]: band for band in reversed(images.bands) if images.band_names[band - 1]}


def _has_colours(names: Collection[str]) -> bool:
    return set(COLOURS) <= set(names)


def _all_named(images: Images) -> bool:
    return len(_named(images)) == len(images.bands)


def _shared(source: Images, target: Images, shared: Sequence[str]) -> Choice:
    first = list(COLOURS) if _has_colours(shared) else []
    order = first + [name for name in source.band_names if name in shared and name not in first]
    chosen = [tuple(_named(images)[name] for name in order) for images in (source, target)]
    left = [
        f'{described_bands(rest, images.band_names)} of the {name}'
        for name, images, read in (('source', source, chosen[0]), ('target', target, chosen[1]))
        if (rest := [band for band in images.bands if band not in read])
    ]
    return Choice(*chosen, f'as the files name them{"; left out: " + " and ".join(left) if left else ""}')


def _in_order(source: Images, target: Images) -> Choice:
    """All bands, in the order of the files, for which names that one of them gives count for both."""
    pairs = list(zip(source.bands, target.bands, strict=True))
    names = []
    for ours, theirs in pairs:
        found = {name for name in (source.band_names[ours - 1], target.band_names[theirs - 1]) if name}
        if len(found) > 1:
            raise _undecided(source, target)
        names.append(found.pop() if found else '')
    if _has_colours(names):
        first = [names.index(colour) for colour in COLOURS]
        pairs = [pairs[i] for i in first] + [pair for i, pair in enumerate(pairs) if i not in first]
    return Choice(*zip(*pairs, strict=True), _why_in_order(source, target, all(names)))


def _why_in_order(source: Images, target: Images, named: bool) -> str:
    if len(source.bands) == 1:
        return 'there is no other'
    if not named:
        colours = ', so that the first three are taken as red, green and blue' if len(source.bands) >= 3 else ''
        return f'the files do not name them all, and are taken to have them in the same order{colours} (see --bands)'
    silent = [name for name, images in (('source', source), ('target', target)) if not _all_named(images)]
    whose = ' and '.join(silent)
    return f'the files of the {whose} do not name them all, and are taken to have the same order (see --bands)'


def _undecided(source: Images, target: Images) -> UserError:
    ours, theirs = (described_bands(images.bands, images.band_names) for images in (source, target))
    return UserError(
        f'the source has the bands {ours} and the target {theirs}, and the files leave open which of them show the '
        'same; give as many of both in the same order, red, green and blue first, e.g. --bands 1 2 3 --target-bands 3 '
        '2 1'
    )


def _numbers(images: Images, given: Sequence[str], option: str) -> tuple[int, ...]:
    """Numbers of bands that were given by number or name."""
    bands, names = [], _named(images)
    for one in map(str, given):
        band = names.get(one.lower()) if not one.lstrip('-').isdigit() else int(one)
        if band is None or band > images.rasters[0].count:
            count = images.rasters[0].count
            raise UserError(
                f'{option}: {images.place.folder} has no band {one}; it has '
                f'{described_bands(range(1, count + 1), images.band_names)}'
            )
        bands.append(band)
    return check_bands(bands, option)


def value_ranges(source: Images, target: Images, choice: Choice) -> list[Ranges | None]:
    """Values that become black and white in each domain, of all bands or, where they differ much, of each.

    One range for all keeps the relations between the bands, which are what shows colours. A band that spans less than
    an eighth of it would nearly vanish in it. If one does in either domain, each band has its own range in both, so
    that both see the same relations.

    Args:
        source: Images of the source.
        target: Images of the target.
        choice: The bands that are read.

    Returns:
        For each domain (low, high), or such a pair for each band; None for 8 bits.

    Raises:
        UserError: There are no data, or just one value.
    """
    domains = [(images, bands) for images, bands in ((source, choice.source), (target, choice.target))]
    read = [(images, bands, _values(images, bands)) for images, bands in domains]
    by_band = any(_has_narrow_band(values) for images, _, values in read if not _is_8_bit(images))
    ranges = []
    for images, bands, values in read:
        if _is_8_bit(images):
            ranges.append(None)
        else:
            ranges.append(_ranges_by_band(images, bands, values) if by_band else _percentiles(values))
    return ranges


def _ranges_by_band(images: Images, bands: Sequence[int], values: np.ndarray) -> Ranges:
    ranges = tuple(map(_percentiles, values.T))
    for band, (low, high) in zip(bands, ranges, strict=True):
        if not low < high:
            raise UserError(
                f'band {band} of {images.paths[0]} and the others holds the value {low:g} alone; leave it out by '
                '--bands and --target-bands'
            )
    return ranges


def _values(images: Images, bands: Sequence[int]) -> np.ndarray:
    """A sample of the values that hold data, (pixels, bands)."""
    values, step = [], STEP * max(1, len(bands) // len(COLOURS))
    for path in some_of(images.paths):
        for window in windows_over(path):
            image, valid = read_window(path, window, bands), valid_pixels(path, window, bands)
            values.append(image[valid][::step].astype(np.float32))
    values, where = np.concatenate(values), f'{images.paths[0]} and the others'
    if not len(values):
        raise UserError(f'{where} hold no data where they were looked at; check the files')
    low, high = (values.min(), values.max()) if _is_8_bit(images) else _percentiles(values)
    if not low < high:
        raise UserError(f'{where} hold the value {low:g} alone; there is nothing to learn from them: check the files')
    return values


def _is_8_bit(images: Images) -> bool:
    return images.rasters[0].dtype == 'uint8'


def _has_narrow_band(values: np.ndarray) -> bool:
    low, high = _percentiles(values)
    return any(end - start < NARROW * (high - low) for start, end in map(_percentiles, values.T))


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, PERCENTILES)
    return float(f'{low:.3g}'), float(f'{high:.3g}')


def described_ranges(ranges: Ranges) -> str:
    """Ranges in words."""
    if isinstance(ranges[0], tuple):
        return 'by band ' + ', '.join(f'{low:g} to {high:g}' for low, high in ranges)
    return '{:g} to {:g}'.format(*ranges)
