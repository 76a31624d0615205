"""Builds the Low2High dataset from tiles and land cover rasters as distributed."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from mmuda.converters.tiles import cut_tile
from mmuda.datasets.coarse.low2high import CLASSES, SPLITS
from mmuda.datasets.legends import read_legend
from mmuda.datasets.raster.cells import NO_CELL, cells_below, overlap
from mmuda.datasets.raster.files import existing_suffix, list_images, suffix_of
from mmuda.datasets.raster.labels import build_label_lut
from mmuda.datasets.raster.reading import open_raster, probe_raster
from mmuda.datasets.raster.valid import image_bands
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import check_outputs
from mmuda.utils.json_file import read_object, write_json
from mmuda.utils.progress import Progress
from mmuda.utils.seeds import mix_seed

SHARES = dict(train=0.75, val=0.10, heldout=0.10, test=0.05)
TILES_TOGETHER = 8
MIN_CELL = 4  # pixels
COLUMNS = ('name', 'split', 'kept', 'why', 'image', 'row', 'col')


@dataclass
class Labels:
    """A land cover product.

    Attributes:
        path: One raster, or a folder with one for each image.
        suffix: Replaces the image's suffix in a folder.
        legend: Name of the class table, see :func:`read_legend`.
    """

    path: str
    suffix: str
    legend: str

    def of(self, image: Path, stem: str) -> str:
        """The raster that belongs to an image.

        Args:
            image: The image.
            stem: The image's path below the images' folder, without suffix.

        Raises:
            UserError: If there is none.
        """
        path = self.path
        if not os.path.isfile(path):
            path = str(Path(self.path) / stem)
            path += existing_suffix(path, (self.suffix,), {}) or self.suffix
        if not os.path.isfile(path):
            raise UserError(f'the image {image} has no label {path}; give its folder and suffix, or one raster for all')
        if len(image_bands(path)) > 1:
            raise UserError(f'the label {path} has {open_raster(path).count} bands; give one band of codes')
        return path


def build_low2high(
    images: str | os.PathLike,
    fine: Labels,
    coarse: Labels,
    out: str | os.PathLike,
    region: str,
    image_suffix: str = '.tif',
    tile: int = 512,
    min_classes: int = 3,
    max_share: float = 0.75,
    max_ignored: float = 0.1,
    split: str | None = None,
    seed: int = 0,
    workers: int = 1,
    report: Callable[[str], None] = print,
) -> dict[str, int]:
    """Cut rasters into tiles with fine and coarse labels of merged classes (Low2High, section 3.1).

    Tiles do not overlap. Fine labels are resampled to the image's grid by nearest neighbour, from any projection and
    grid. Coarse labels keep their own grid, cropped to the cells that the tile touches. A tile is dropped if either
    label has fewer than ``min_classes`` classes, has one class on more than ``max_share`` of its known pixels, or is
    unknown on more than ``max_ignored`` of its pixels. Declared "no data" is unknown, unless the legend names that
    code. The split of a tile depends on the seed and its name. Files appear whole. An interrupted conversion is
    continued; one of the same region with other settings is refused. At the end, ``<out>/<region>.csv`` lists every
    tile and why it was dropped.

    Args:
        images: A raster, or a folder of them.
        fine: Fine labels.
        coarse: Coarse labels.
        out: Folder of the dataset; several regions may share it.
        region: Prefix of the tiles' names, e.g. ``va``.
        image_suffix: Suffix of the images' names.
        tile: Side length of a tile in pixels.
        min_classes: 3 in the paper.
        max_share: 0.75 in the paper.
        max_ignored: Not in the paper.
        split: Put all tiles into this one; None draws train, val, heldout and test as 75, 10, 10 and 5 %.
        seed: Seed of the split.
        workers: Number of processes; it does not affect the result.
        report: Called with lines for the user.

    Returns:
        Number of tiles per split, and ``dropped``.

    Raises:
        UserError: If nothing is found, a raster has no projection, a shared label overlaps none of the images or an
            image's own label does not overlap it, coarse cells are smaller than 4 pixels, a label holds a code that is
            missing from its legend, legends have other classes, or ``out`` holds the region with other settings.
    """
    if split is not None and split not in SPLITS:
        raise UserError(f'split {split!r} is unknown; choose one of {", ".join(SPLITS)}')
    rasters = [Path(images)]
    if not os.path.isfile(images):
        found = list_images(str(images), [image_suffix]) if os.path.isdir(images) else []
        rasters = [Path(images) / name for name in found]
    if not rasters:
        raise UserError(f'no images end with {image_suffix!r} in {images}')
    luts, settings = {}, dict(tile=tile, limits=[min_classes, max_share, max_ignored], split=split, seed=seed)
    for name, labels in (('fine', fine), ('coarse', coarse)):
        classes, values = read_legend(labels.legend)
        if classes != CLASSES:
            raise UserError(f'the legend {labels.legend} has the classes {classes}; those of Low2High are {CLASSES}')
        luts[name] = build_label_lut(len(classes), label_values=values, dataset=f'the legend {labels.legend}')
        codes = {str(code): values[code] for code in sorted(values)}
        settings[name] = dict(path=os.path.abspath(labels.path), codes=codes)
    folder = Path(images).parent if os.path.isfile(images) else Path(images)
    jobs, small, apart, probed = [], [], {'fine': [], 'coarse': []}, set()
    for raster in rasters:
        stem = raster.relative_to(folder).as_posix()
        stem = stem.removesuffix(suffix_of(stem, [image_suffix]) or '')
        name = f'{region}_{stem.replace("/", "_")}'
        pair = fine.of(raster, stem), coarse.of(raster, stem)
        for path in {str(raster), *pair} - probed:
            probe_raster(path)
            probed.add(path)
        for kind, path in zip(apart, pair, strict=True):
            if not _overlaps(raster, path):
                apart[kind].append((raster, path))
        found = _jobs(raster, name, pair, tile)
        if not found:
            small.append((name, '', 0, f'smaller than {tile} px', raster.name, 0, 0))
        jobs += found
    _check_overlap(apart, (fine, coarse), len(rasters))
    if not jobs:
        raise UserError(f'every image of {images} is smaller than a tile of {tile} px; give a smaller --tile')
    raster, _, (_, label), window = jobs[0]
    _check_cells(raster, label, window)
    settings['images'] = os.path.abspath(images)
    # Tiles of a/b.tif and a_b.tif would share names.
    check_outputs({str(raster): Path(out) / f'{stem}.tif' for raster, stem, _, _ in jobs if stem.endswith('_r0_c0')})
    _claim(Path(out) / f'{region}.json', settings)
    rows, progress = list(small), Progress(len(jobs), 'tiles', report)
    splits = [split or _draw(seed, stem) for _, stem, _, _ in jobs]
    tasks = [
        (raster, pair, window, luts, Path(out), where, f'{stem}.tif', settings['limits'])
        for (raster, stem, pair, window), where in zip(jobs, splits, strict=True)
    ]
    with _mapping(workers) as mapped:
        for (raster, stem, _, window), where, why in zip(jobs, splits, mapped(cut_tile, tasks), strict=True):
            rows.append((stem, where, int(not why), why, raster.name, window[0], window[1]))
            progress.update(len(rows) - len(small))
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator='\n').writerows([COLUMNS, *rows])
    write_atomically(buffer.getvalue().encode(), Path(out) / f'{region}.csv')
    counts = {name: sum(row[1] == name and row[2] for row in rows) for name in SPLITS}
    return {**counts, 'dropped': sum(not row[2] for row in rows)}


@contextmanager
def _mapping(workers: int) -> Iterator[Callable]:
    """Map a function over tuples of arguments, in order, in parallel processes."""
    if workers < 2:
        yield starmap
        return
    # Not forked: GDAL's open files do not survive that.
    with ProcessPoolExecutor(workers, mp_context=get_context('spawn')) as pool:
        try:
            yield lambda function, tasks: pool.map(function, *zip(*tasks, strict=True), chunksize=TILES_TOGETHER)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _jobs(image: Path, stem: str, pair: tuple[str, str], tile: int) -> list[tuple]:
    """Complete tiles of an image."""
    raster = open_raster(str(image))
    return [
        (image, f'{stem}_r{row}_c{col}', pair, (row, col, tile, tile))
        for row in range(0, raster.height - tile + 1, tile)
        for col in range(0, raster.width - tile + 1, tile)
    ]


def _overlaps(image: Path, path: str) -> bool:
    return overlap(open_raster(str(image)), open_raster(path))


def _check_overlap(apart: Mapping[str, list[tuple]], products: tuple[Labels, Labels], count: int) -> None:
    """Check that labels overlap images: a shared raster may miss some images, an image's own label must overlap it."""
    for (kind, pairs), labels in zip(apart.items(), products, strict=True):
        if pairs and (len(pairs) == count or not os.path.isfile(labels.path)):
            image, path = pairs[0]
            raise UserError(
                f'the {kind} label {path} does not overlap the image {image}; check the georeference of both'
            )


def _check_cells(image: Path, path: str, window: tuple[int, int, int, int]) -> None:
    """Refuse coarse labels that were resampled to the imagery's grid, since their cells are lost."""
    cells, _ = cells_below(open_raster(str(image)), open_raster(path), window)
    covered = cells[cells != NO_CELL]
    count = len(np.unique(covered))
    if count * MIN_CELL > covered.size:
        raise UserError(
            f'a tile of {image} has {covered.size} px and {count} cells of the coarse label {path}: it was '
            "repeated onto the imagery's grid, where its cells are lost; give the product at its own resolution"
        )


def _claim(path: Path, settings: dict) -> None:
    """Record the settings of a region, or refuse it if it exists with other settings."""
    settings = json.loads(json.dumps(settings))
    if path.is_file():
        found = read_object(path, 'remove it with the tiles of its region')
        differing = sorted(key for key in {*found, *settings} if found.get(key) != settings.get(key))
        if differing:
            raise UserError(
                f'{path.parent} holds tiles of the region {path.stem} that were made with other {", ".join(differing)} '
                f'({path}); give another --out or --region, or remove them'
            )
    write_json(settings, path)


def _draw(seed: int, name: str) -> str:
    value = np.random.default_rng(mix_seed(seed, name)).random()
    for split, share in SHARES.items():
        if value < share:
            return split
        value -= share
    return SPLITS[-1]
