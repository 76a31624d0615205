"""Looks at the labels of a domain: which classes they hold, how they are written, and on which grid they lie."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mmuda.apis.inspect_rasters import Images, Place, some_of, windows_over
from mmuda.datasets.raster.cells import overlap
from mmuda.datasets.raster.files import existing_suffix, suffix_of
from mmuda.datasets.raster.grid import check_same_grid
from mmuda.datasets.raster.label_colours import colour_table_of, unpack_colour
from mmuda.datasets.raster.label_reading import read_colours
from mmuda.datasets.raster.polygons import PolygonClasses, polygons_on, read_polygons
from mmuda.datasets.raster.reading import open_raster, probe_raster, read_window
from mmuda.datasets.raster.valid import image_bands, valid_pixels
from mmuda.datasets.raster.vector import VECTOR_SUFFIXES, is_vector
from mmuda.utils.errors import UserError

MOST_CLASSES = 64
GROUND = 'background'
"""Name of ground that no polygon covers, unless the user gives another."""


@dataclass
class Labels:
    """What was found in the labels.

    Attributes:
        place: Where they are, with the suffix of all of them; or one file for all images.
        values: Classes as they are written in the files, with their shares of the pixels that were looked at: numbers,
            or colours (red, green, blue). Of polygons: the index of each class, 0 is ground without a polygon.
        ignored: Share of pixels without data or of the value 255, if that is no class.
        palette: Colour of each class in the files; empty if they give none.
        own_grid: Whether they are rasters on another grid than their images.
        attribute: Attribute of polygons that tells their class.
        texts: Its values, from index 1 on.
    """

    place: Place
    values: dict[int | tuple[int, int, int], float]
    ignored: float = 0.0
    palette: list[tuple[int, int, int]] = field(default_factory=list)
    own_grid: bool = False
    attribute: str | None = None
    texts: tuple[str, ...] = ()

    @property
    def are_colours(self) -> bool:
        return isinstance(next(iter(self.values)), tuple)

    @property
    def are_polygons(self) -> bool:
        return is_vector(self.place.folder if self.place.is_file else self.place.suffix)

    @property
    def names(self) -> list[str]:
        """Names of the classes as far as the files tell them."""
        if self.are_polygons:
            return [GROUND, *(self.texts or ['polygon'])]
        return [
            f'class_{"{:02x}{:02x}{:02x}".format(*value) if isinstance(value, tuple) else value}'
            for value in self.values
        ]

    def describe(self) -> str:
        told = self.names if self.are_polygons else self.values
        shares = ', '.join(
            f'{name} {100 * share:.1f} %' for name, share in zip(told, self.values.values(), strict=True)
        )
        where = self.place.folder if self.place.is_file else f'*{self.place.suffix} in {self.place.folder}'
        kind = 'polygons' if self.are_polygons else 'labels'
        grid = "; on a grid of their own, read at the centres of the images' pixels" if self.own_grid else ''
        return f'{kind} {where}: {shares}; ignored {100 * self.ignored:.1f} %{grid}'


def inspect_labels(place: Place, images: Images, attribute: str | None = None) -> Labels:
    """Look at the labels of a domain: rasters or vector files with the names of their images, or one file for all.

    Args:
        place: Where they are; without a suffix, they have the most frequent one.
        images: The images that they belong to.
        attribute: Attribute of polygons that tells their class; None if all are of one class.

    Raises:
        FileNotFoundError: An image has no label.
        UserError: They hold no classes.
    """
    if not place.is_file:
        place = place.with_suffix() or place.with_suffix(VECTOR_SUFFIXES) or place
    paths = _paths(place, images)
    if is_vector(paths[0]):
        return _inspect_polygons(place, images, paths, attribute)
    if attribute is not None:
        raise UserError(f'{paths[0]} is a raster, which has no attributes; leave out --label-attribute')
    own_grid = _on_own_grid(images, paths)
    counts, ignored, total = Counter(), 0, 0
    kinds: dict[bool, str] = {}
    for path in some_of(list(dict.fromkeys(paths))):
        bands = image_bands(path)
        for window in windows_over(path):
            valid = valid_pixels(path, window, bands, nodata=len(bands) == 1)
            total += valid.size
            ignored += int((~valid).sum())
            found = _values(path, window, bands, valid)
            kinds |= {isinstance(value, tuple): path for value in found}
            if len(kinds) == 2:
                raise UserError(
                    f'the label {kinds[True]} holds colours and {kinds[False]} numbers; bring all labels to '
                    'one kind, or give a pattern that selects one'
                )
            counts += found
            if len(counts) > MOST_CLASSES:
                raise UserError(
                    f'{path} holds more than {MOST_CLASSES} values; labels hold a few classes. Are these the labels?'
                )
    palette = _palette(paths[0], sorted(counts))
    if len(counts) > 2 and 255 in counts and max(value for value in counts if value != 255) < 200:
        ignored += counts.pop(255)
    known = sum(counts.values())
    if not counts:
        raise UserError(f'the labels (e.g. {paths[0]}) hold no data where they were looked at; check the files')
    values = {_plain(value): count / known for value, count in sorted(counts.items())}
    return Labels(place, values, ignored / total, palette, own_grid)


def refuse_shared_files(source: Images, labels: Labels, target: Images) -> None:
    """Refuse a target some of whose images are images or labels of the source.

    Raises:
        UserError: Naming one.
    """
    known = {os.path.realpath(path): 'an image' for path in source.paths}
    known |= {os.path.realpath(path): 'a label' for path in _paths(labels.place, source)}
    for path in target.paths:
        if os.path.realpath(path) in known:
            raise UserError(
                f'{path} is an image of the target and {known[os.path.realpath(path)]} of the source; give images of '
                'the target alone by --target, as a folder or a pattern'
            )


def _paths(place: Place, images: Images) -> list[str]:
    """The label of each image."""
    if place.is_file:
        return [place.folder] * len(images.names)
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
    return paths


def _on_own_grid(images: Images, paths: Sequence[str]) -> bool:
    """Whether label rasters lie on other grids than their images.

    Raises:
        UserError: One does, and it has no georeference that tells where, or lies elsewhere.
    """
    found, pairs = False, some_of(list(zip(images.rasters, paths, strict=True)))
    headers = {path: probe_raster(path) for _, path in pairs}
    for raster, path in pairs:
        label = headers[path]
        try:
            check_same_grid(raster, label)
        except UserError:
            placed = all(one.placed and one.crs for one in (raster, label))
            if not placed or not overlap(open_raster(raster.path), open_raster(path)):
                raise
            found = True
    return found


def _inspect_polygons(place: Place, images: Images, paths: Sequence[str], attribute: str | None) -> Labels:
    pairs = [(raster.path, path) for raster, path in zip(images.rasters, paths, strict=True)]
    asked = PolygonClasses({}, 0, attribute)
    found = {text for image, path in pairs for text in polygons_on(path, image, asked)[0].values}
    if not found:
        raise UserError(
            f'no polygon of {paths[0]} lies on {images.rasters[0].path} or another image; check their coordinate '
            'reference systems, and that they belong together'
        )
    if len(found) > MOST_CLASSES:
        raise UserError(
            f'{paths[0]}: the attribute {attribute} has {len(found)} values on the images, e.g. '
            f'{", ".join(sorted(found)[:3])}; give one that has a value for each class, or leave out --label-attribute'
        )
    texts = tuple(sorted(found)) if attribute is not None else ()
    classes = PolygonClasses({text: index for index, text in enumerate(texts or [''], 1)}, 0, attribute)
    counts = np.zeros(len(classes.labels) + 1, dtype=np.int64)
    for image, path in some_of(pairs):
        for window in windows_over(image):
            label = read_polygons(path, window, image, classes)
            counts += np.bincount(label[valid_pixels(image, window)], minlength=len(counts))
    values = {index: count / counts.sum() for index, count in enumerate(counts.tolist())}
    return Labels(place, values, attribute=attribute, texts=texts)


def _values(path: str, window, bands: tuple[int, ...], valid: np.ndarray) -> Counter:
    found = read_window(path, window, bands)
    if np.iscomplexobj(found):
        raise UserError(f'the label {path} is {found.dtype}; classes are whole numbers: convert it to uint8')
    if not (found == found[..., :1])[valid].all():
        packed, number = np.unique(read_colours(path, window, bands)[valid], return_counts=True)
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
