"""Looks at folders of rasters: bands, values, ground sample distance, and what their labels hold."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mmuda.apis.candidates import spread
from mmuda.apis.raster_jobs import SUFFIXES
from mmuda.datasets.raster.bands import described_bands
from mmuda.datasets.raster.files import existing_suffix, list_images, suffix_of
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.label_colours import colour_table_of, pack_colours, unpack_colour
from mmuda.datasets.raster.reading import open_raster, probe_raster, read_window
from mmuda.datasets.raster.valid import image_bands, opacity_bands, valid_pixels
from mmuda.utils.errors import UserError

FILES = 16
"""Files whose pixels are looked at, spread over the set."""
STEPS, SIDE = 3, 512
"""Windows of each of them in either direction, spread over it, and their side in pixels."""
MOST_CLASSES = 64
IMAGE_ENDS = ('_image', '_img', '_rgb', '_sat', '_ortho')
LABEL_ENDS = ('_label', '_labels', '_mask', '_gt', '_seg')


@dataclass(frozen=True)
class Place:
    """Where rasters are: the files of a folder whose names begin and end in a given way."""

    folder: str
    prefix: str = ''
    suffix: str | None = None

    @classmethod
    def parse(cls, text: str | os.PathLike) -> Place:
        """Read a folder, or a pattern ``FOLDER/PREFIX*SUFFIX``.

        Raises:
            FileNotFoundError: There is no such folder.
            UserError: It is a file, or a pattern of another form.
        """
        text = os.fspath(text)
        folder, name = (text, '') if '*' not in text else os.path.split(text)
        if text.count('*') > name.count('*') or name.count('*') > 1 or '?' in text:
            raise UserError(f'{text}: a pattern has one star in its file name, e.g. "FOLDER/*_image.tif"')
        if os.path.isfile(folder):
            raise UserError(f'{folder} is a file; give its folder, or a pattern in quotes, e.g. "FOLDER/*_image.tif"')
        if not os.path.isdir(folder or '.'):
            raise FileNotFoundError(f'{folder} is no folder; give a folder of rasters, or a pattern in quotes')
        prefix, _, suffix = name.partition('*')
        return cls(folder or '.', prefix, suffix or None)

    def files(self) -> list[str]:
        """Names of its rasters below the folder, sorted."""
        found = list_images(self.folder, [self.suffix] if self.suffix else SUFFIXES)
        return [name for name in found if os.path.basename(name).startswith(self.prefix)]

    def with_suffix(self) -> Place | None:
        """The same with a suffix, the most frequent one if none is given; None if there is no file."""
        endings = Counter(Path(name).suffix for name in self.files())
        return replace(self, suffix=self.suffix or endings.most_common(1)[0][0]) if endings else None


@dataclass
class Images:
    """What was found in the images of one domain.

    Attributes:
        place: Where they are, with the suffix of all of them.
        names: Their names below the folder.
        rasters: Their headers.
        gsd: Metres per pixel, the median; None if the files do not say.
        bands: Numbers of the bands that hold the image, all but opacity.
    """

    place: Place
    names: list[str]
    rasters: list[RasterInfo]
    gsd: float | None
    bands: tuple[int, ...]

    @property
    def paths(self) -> list[str]:
        return [raster.path for raster in self.rasters]

    @property
    def band_names(self) -> tuple[str, ...]:
        """What the files call their bands; '' where they give no name."""
        return self.rasters[0].names

    def describe(self) -> str:
        first = self.rasters[0]
        sizes = sorted(raster.shape for raster in self.rasters)
        size = ' to '.join(dict.fromkeys(f'{h} x {w}' for h, w in (sizes[0], sizes[-1])))
        gsd = 'no ground sample distance' if self.gsd is None else f'{self.gsd:.4g} m per pixel'
        projections = ', '.join(sorted({raster.crs or 'no projection' for raster in self.rasters}))
        return (
            f'{len(self.names)} images *{self.place.suffix} in {self.place.folder}: {size} px, {first.count} band(s) '
            f'of {first.dtype}: {described_bands(self.bands, self.band_names)}; {gsd}, {projections}'
        )


@dataclass
class Labels:
    """What was found in the labels.

    Attributes:
        place: Where they are, with the suffix of all of them.
        values: Classes as they are written in the files, with their shares of the pixels that were looked at: numbers,
            or colours (red, green, blue).
        ignored: Share of pixels without data or of the value 255, if that is no class.
        palette: Colour of each class in the files; empty if they give none.
    """

    place: Place
    values: dict[int | tuple[int, int, int], float]
    ignored: float = 0.0
    palette: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def are_colours(self) -> bool:
        return isinstance(next(iter(self.values)), tuple)

    def describe(self) -> str:
        shares = ', '.join(f'{value} {100 * share:.1f} %' for value, share in self.values.items())
        return f'labels *{self.place.suffix} in {self.place.folder}: {shares}; ignored {100 * self.ignored:.1f} %'


def inspect_images(place: Place) -> Images:
    """Look at the images of a domain.

    Args:
        place: Where they are; without a suffix, the files with the most frequent one are taken.

    Raises:
        FileNotFoundError: There is none.
        UserError: They are damaged, differ in what they hold, or have no values.
    """
    found = place.with_suffix()
    if found is None:
        wanted = place.suffix or ', '.join(SUFFIXES)
        raise FileNotFoundError(f'{place.folder} holds no raster {place.prefix}*({wanted}); give another folder')
    place, names = found, found.files()
    paths = [os.path.join(place.folder, name) for name in names]
    rasters = [probe_raster(path) for path in paths]
    for what, words in (('count', 'number of bands'), ('dtype', 'type'), ('names', 'bands')):
        first, other = rasters[0], next((r for r in rasters if getattr(r, what) != getattr(rasters[0], what)), None)
        if other is not None:
            shown = [getattr(raster, what) for raster in (first, other)]
            if what == 'names':
                shown = [described_bands(range(1, first.count + 1), names) for names in shown]
            raise UserError(
                f'{first.path} and {other.path} differ in their {words} ({shown[0]} and {shown[1]}); give a pattern '
                'that selects one kind'
            )
    gsds = sorted(gsd for raster in rasters if (gsd := raster.resolved().gsd) is not None)
    return Images(
        place=place,
        names=names,
        rasters=rasters,
        gsd=gsds[len(gsds) // 2] if len(gsds) == len(rasters) else None,
        bands=_image_bands(some_of(rasters)),
    )


def _image_bands(rasters: Sequence[RasterInfo]) -> tuple[int, ...]:
    """All bands but opacity. GDAL marks a fourth band as opacity, which may be near infrared."""
    opacity = set.intersection(*(set(opacity_bands(raster.path)) for raster in rasters))
    return tuple(band for band in range(1, rasters[0].count + 1) if band not in opacity)


def some_of(files: Sequence) -> list:
    """The files whose pixels are looked at."""
    return [files[index] for index in spread(len(files), FILES)]


def windows_over(path: str) -> list[tuple[int, int, int, int]]:
    """At most STEPS x STEPS windows, spread over the raster; small rasters are covered."""
    source = open_raster(path)
    rows, columns = (spread(max(side - SIDE, 0) + 1, STEPS) for side in source.shape)
    return [(row, col, min(SIDE, source.height), min(SIDE, source.width)) for row in rows for col in columns]


def endings(folder: str, prefix: str = '') -> tuple[str, str] | None:
    """How the names of images and labels end that lie in one folder, e.g. ``_image.tif`` and ``_label.tif``.

    Args:
        folder: The folder.
        prefix: How their names begin.

    Returns:
        The two endings; None if no two endings occur with the same beginnings.
    """
    by_ending: dict[str, set[str]] = {}
    for name in Place(folder, prefix).files():
        stem, suffix = os.path.splitext(name)
        for end in (*IMAGE_ENDS, *LABEL_ENDS):
            if stem.lower().endswith(end):
                by_ending.setdefault(stem[-len(end) :] + suffix, set()).add(stem[: -len(end)])
    for image, stems in by_ending.items():
        for label, others in by_ending.items():
            if image.lower().startswith(IMAGE_ENDS) and label.lower().startswith(LABEL_ENDS) and stems == others:
                return image, label
    return None


def inspect_labels(place: Place, images: Images) -> Labels:
    """Look at the labels of a domain.

    Args:
        place: Where they are; without a suffix, they have the most frequent one.
        images: The images that they belong to.

    Raises:
        FileNotFoundError: An image has no label.
        UserError: They hold no classes.
    """
    place = place.with_suffix() or place
    stems = [name.removesuffix(suffix_of(name, [images.place.suffix])) for name in images.names]
    expected = [os.path.join(place.folder, stem) for stem in stems]
    listings: dict[str, list[str]] = {}
    endings = [existing_suffix(stem, [place.suffix or '.tif'], listings) for stem in expected]
    paths = [stem + (ending or place.suffix or '.tif') for stem, ending in zip(expected, endings, strict=True)]
    missing = [path for path, ending in zip(paths, endings, strict=True) if ending is None]
    if missing:
        raise FileNotFoundError(
            f'{len(missing)} of {len(paths)} images have no label; {missing[0]} is missing. A label has the name of '
            'its image; give a pattern in quotes if its name ends otherwise, e.g. "FOLDER/*_label.tif"'
        )
    counts, ignored, total = Counter(), 0, 0
    for path in some_of(paths):
        bands = image_bands(path)
        for window in windows_over(path):
            valid = valid_pixels(path, window, bands, nodata=len(bands) == 1)
            total += valid.size
            ignored += int((~valid).sum())
            counts += _values(path, window, bands, valid)
            if len(counts) > MOST_CLASSES:
                raise UserError(
                    f'{path} holds more than {MOST_CLASSES} values; labels hold a few classes. Are these the labels?'
                )
    palette = _palette(paths[0], sorted(counts))
    if len(counts) > 2 and 255 in counts and max(value for value in counts if value != 255) < 200:
        ignored += counts.pop(255)
    known = sum(counts.values())
    if len(counts) < 2:
        raise UserError(
            f'the labels {place.folder}/*{place.suffix} hold {list(counts) or "nothing"} where they were looked at; a '
            'segmentor needs two classes'
        )
    values = {_plain(value): count / known for value, count in sorted(counts.items())}
    return Labels(place, values, ignored / total, palette)


def _values(path: str, window, bands: tuple[int, ...], valid: np.ndarray) -> Counter:
    found = read_window(path, window, bands)
    if found.shape[2] == 3 and not (found == found[..., :1]).all():
        packed, number = np.unique(pack_colours(found)[valid], return_counts=True)
        return Counter({tuple(map(int, unpack_colour(value))): int(n) for value, n in zip(packed, number, strict=True)})
    values, number = np.unique(found[..., 0][valid], return_counts=True)
    return Counter({value.item(): int(n) for value, n in zip(values, number, strict=True)})


def _palette(path: str, values: Sequence) -> list[tuple[int, int, int]]:
    if values and isinstance(values[0], tuple):
        return list(values)
    table = colour_table_of(path) or {}
    return [table[value] for value in values if value != 255] if all(value in table for value in values) else []


def _plain(value):
    """A whole number as int."""
    return int(value) if isinstance(value, float) and value == int(value) else value
