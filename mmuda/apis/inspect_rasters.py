"""Looks at folders of rasters: bands, values and ground sample distance."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmuda.apis.candidates import spread
from mmuda.datasets.raster.bands import described_bands
from mmuda.datasets.raster.files import list_images
from mmuda.datasets.raster.image_checks import check_image_values
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.reading import open_raster, probe_raster
from mmuda.datasets.raster.valid import opacity_bands
from mmuda.maps.inputs import SUFFIXES
from mmuda.utils.errors import UserError

FILES = 16
"""Files whose pixels are looked at, spread over the set."""
STEPS, SIDE = 3, 512
"""Windows of each of them in either direction, spread over it, and their side in pixels."""
ANY_RANGE = (0.0, 1.0)
"""Stands for a range of values that is found later."""
IMAGE_ENDS = ('_image', '_img', '_rgb', '_sat', '_ortho')
LABEL_ENDS = ('_label', '_labels', '_mask', '_gt', '_seg')


@dataclass(frozen=True)
class Place:
    """Where rasters are: the files of a folder whose names begin and end in a given way, or one file of labels.

    Attributes:
        folder: The folder, or the file.
        prefix: How names begin.
        suffix: How names end; None if that is open.
    """

    folder: str
    prefix: str = ''
    suffix: str | None = None

    @property
    def is_file(self) -> bool:
        return os.path.isfile(self.folder)

    @classmethod
    def parse(cls, text: str | os.PathLike, may_be_file: bool = False) -> Place:
        """Read a folder, or a pattern ``FOLDER/PREFIX*SUFFIX``.

        Args:
            text: As above.
            may_be_file: Whether it may also be a file.

        Raises:
            FileNotFoundError: There is no such folder.
            UserError: It is a file, or a pattern of another form.
        """
        text = os.fspath(text)
        if not text:
            raise UserError("'' was given for a folder; give a folder of rasters, or a pattern in quotes")
        if may_be_file and os.path.isfile(text):
            return cls(text)
        folder, name = (text, '') if '*' not in text else os.path.split(text)
        if text.count('*') > name.count('*') or name.count('*') > 1 or '?' in text:
            raise UserError(f'{text}: a pattern has one star in its file name, e.g. "FOLDER/*_image.tif"')
        if os.path.isfile(folder):
            raise UserError(f'{folder} is a file; give its folder, or a pattern in quotes, e.g. "FOLDER/*_image.tif"')
        if not os.path.isdir(folder or '.'):
            raise FileNotFoundError(f'{folder} is no folder; give a folder of rasters, or a pattern in quotes')
        prefix, _, suffix = name.partition('*')
        return cls(folder or '.', prefix, suffix or None)

    def files(self, suffixes: Sequence[str] = SUFFIXES) -> list[str]:
        """Names of its files below the folder, sorted; rasters unless other suffixes are given."""
        found = list_images(self.folder, [self.suffix] if self.suffix else suffixes)
        return [name for name in found if os.path.basename(name).startswith(self.prefix)]

    def with_suffix(self, suffixes: Sequence[str] = SUFFIXES) -> Place | None:
        """The same with a suffix, the most frequent one if none is given; None if there is no file."""
        endings = Counter(Path(name).suffix for name in self.files(suffixes))
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
        gsd = 'no ground sample distance'
        if self.gsd is not None:
            gsds = [raster.resolved().gsd for raster in self.rasters]
            gsd = f'{" to ".join(dict.fromkeys(f"{one:.4g}" for one in (min(gsds), max(gsds))))} m per pixel'
        projections = ', '.join(sorted({raster.crs or 'no projection' for raster in self.rasters}))
        return (
            f'{len(self.names)} images *{self.place.suffix} in {self.place.folder}: {size} px, {first.count} band(s) '
            f'of {first.dtype}: {described_bands(self.bands, self.band_names)}; {gsd}, {projections}'
        )


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
    for raster in rasters:
        check_image_values(raster, None, ANY_RANGE, 'the config')
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
