"""What the download of a benchmark holds: its archives, and the files of each split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

SIDE_FILES = ('__MACOSX/', '.DS_Store', 'Thumbs.db')
"""What operating systems add to archives."""


@dataclass(frozen=True)
class Archive:
    """One or several archives of a download.

    Attributes:
        names: Patterns of file names; case does not matter.
        into: Folder below the dataset's that receives the members; '' is the dataset's folder itself.
        strip: Leading folders that are taken away from a member's path, if they are there, one after the other.
        skip: Beginnings of paths, after that, that are not unpacked.
    """

    names: tuple[str, ...]
    into: str = ''
    strip: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def fits(self, name: str) -> bool:
        """Whether a file of this name is such an archive."""
        return any(fnmatch(name.lower(), pattern.lower()) for pattern in self.names)

    def place(self, member: str) -> str | None:
        """Path below the dataset's folder of a member; None if it is not unpacked."""
        for folder in self.strip:
            member = member.removeprefix(f'{folder}/')
        if member.startswith(self.skip) or any(part in f'/{member}' for part in SIDE_FILES):
            return None
        return f'{self.into}/{member}' if self.into else member


@dataclass(frozen=True)
class Split:
    """Images of a split and their labels.

    Attributes:
        name: Name of the split.
        images: Pattern of the images' paths below the dataset's folder; what each ``*`` stands for is the name.
        labels: The same of the labels; None if they are not published.
        count: Number of images; None if it is not known.
        names: The names of all images, if they are known.
        optional: Whether the split may be missing as a whole.
        extra: Names of labels that have no image in the download.
        uneven: Names of images whose label has another size in the download.
        unlabelled: Whether images may lack a label; ``unpictured``: whether labels may lack an image.
    """

    name: str
    images: str
    labels: str | None = None
    count: int | None = None
    names: tuple[str, ...] = ()
    optional: bool = False
    extra: tuple[str, ...] = ()
    uneven: tuple[str, ...] = ()
    unlabelled: bool = False
    unpictured: bool = False

    def images_in(self, root: Path) -> dict[str, Path]:
        """Images by name."""
        return dict(_found(root, self.images))

    def labels_in(self, root: Path) -> dict[str, Path]:
        """Labels by name."""
        return {} if self.labels is None else dict(_found(root, self.labels))

    @property
    def expected(self) -> int | None:
        """Number of images, if it is known."""
        return len(self.names) or self.count


@dataclass(frozen=True)
class Layout:
    """One form of a download: a benchmark may be published in several.

    Attributes:
        what: Which form it is, in words; '' if there is only one.
        splits: Its splits.
        size: (height, width) of all images in pixels; None if they differ or it is not known.
        bands: Number of bands of the images; None is not checked.
        dtype: Type of the images' values.
        label_bands: Number of bands of the labels; None is not checked.
        label_dtype: Type of the labels' values.
        codes: Values in the first band of the labels, or colours (red, green, blue); None is not checked.
        lossy: Endings of paths of labels whose colours were changed in the download; they are set right.
        arguments: What the dataset class needs to be told to read it; empty if it finds out by itself.
    """

    what: str
    splits: tuple[Split, ...]
    size: tuple[int, int] | None = None
    bands: int | None = 3
    dtype: str = 'uint8'
    label_bands: int | None = None
    label_dtype: str = 'uint8'
    codes: frozenset | None = None
    lossy: tuple[str, ...] = ()
    arguments: Mapping[str, object] = field(default_factory=dict)

    def fits(self, root: Path) -> bool:
        """Whether a folder holds images, and labels if there are any, of this layout."""
        return any(self._holds(root, split) for split in self.splits if split.labels) or (
            all(split.labels is None for split in self.splits) and any(self._holds(root, one) for one in self.splits)
        )

    def _holds(self, root: Path, split: Split) -> bool:
        return all(next(_found(root, pattern), None) for pattern in (split.images, split.labels) if pattern)


@dataclass(frozen=True)
class Download:
    """A benchmark.

    Attributes:
        name: Its name on the command line.
        title: Its name in words.
        dataset: The class that reads it.
        root: Folder in which the class looks for it.
        layouts: Forms in which it is published. The first that a folder holds is used.
        archives: Its archives.
        address: Where it is obtained.
        terms: Under which terms, in words.
        bases: Bases in ``configs/_base_/datasets`` that read it.
        options: Further arguments of the class without which it cannot be built, e.g. an area.
        moves: Pattern of a path below the dataset's folder, and its replacement, for layouts that no class can read.
    """

    name: str
    title: str
    dataset: str
    root: str
    layouts: tuple[Layout, ...]
    archives: tuple[Archive, ...]
    address: str
    terms: str
    bases: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    moves: tuple[str, str] | None = None

    def archive_of(self, name: str) -> Archive | None:
        """The archive that a file of this name is."""
        return next((archive for archive in self.archives if archive.fits(name)), None)

    def moved(self, path: str) -> str:
        """Where the file of a path in the download belongs."""
        return path if self.moves is None else re.sub(*self.moves, path)


def _found(root: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    """(name, path) of the files that fit a pattern, sorted."""
    named = re.compile('([^/]*)'.join(map(re.escape, pattern.split('*'))))
    for path in sorted(root.glob(pattern)):
        match = named.fullmatch(path.relative_to(root).as_posix())
        # A dot is no part of a name: '*.tif' is not 'a.b.tif' of a copy, and hidden files are remains.
        if match and path.is_file() and not path.name.startswith('.'):
            yield '/'.join(match.groups()), path
