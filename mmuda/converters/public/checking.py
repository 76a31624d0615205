"""Checks an unpacked download: files that are missing, damaged, or not in the published form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmuda.converters.public.download import Download, Layout, Split
from mmuda.converters.public.findings import Findings, count_of
from mmuda.datasets.raster.damage import windows_to_check
from mmuda.datasets.raster.info import RasterInfo
from mmuda.datasets.raster.label_colours import pack_colours, unpack_colour
from mmuda.datasets.raster.reading import CHECKING_THREADS, check_raster, probe_raster, read_window
from mmuda.utils.errors import UserError
from mmuda.utils.progress import Progress

DECODED = 64
"""Number of files of each kind that are decoded unless all are."""

DAMAGED, SHAPE, SIZES, CODES = 'damaged', 'of another form', 'of another size than its image', 'outside the coding'


class Job(NamedTuple):
    """A file to look at."""

    split: Split
    name: str
    path: Path
    is_label: bool = False


def check_download(
    download: Download, layout: Layout, root: Path, whole: bool, report: Callable[[str], None]
) -> dict[str, int]:
    """Check the files of a benchmark.

    Args:
        download: The benchmark.
        layout: The form in which it lies there.
        root: Folder of the dataset.
        whole: Decode all files and look at all labels; else all headers, 64 files of each kind, and windows of large
            ones.
        report: Called with lines for the user.

    Returns:
        Number of images of each split that is there.

    Raises:
        UserError: Files are missing, damaged or not as published; it lists them by kind, with number and names.
    """
    findings, counts, jobs = Findings(download), {}, []
    for split in layout.splits:
        images, labels = split.images_in(root), split.labels_in(root)
        if not images and not labels and split.optional:
            continue
        counts[split.name] = len(images)
        _compare_names(findings, split, images, labels)
        jobs += [Job(split, name, path) for name, path in images.items()]
        jobs += [Job(split, name, path, True) for name, path in labels.items()]
    decoded = _chosen([job.path for job in jobs], whole)
    progress = Progress(len(jobs), 'files checked', report)
    wrong: dict[tuple[str, str], list[str]] = {}
    shapes: dict[tuple[str, str], tuple[int, int]] = {}  # of images, which come before their labels
    with ThreadPoolExecutor(CHECKING_THREADS) as pool:
        found = pool.map(partial(_look_at, layout=layout, decoded=decoded, whole=whole), jobs)
        for number, (job, (shape, problems)) in enumerate(zip(jobs, found, strict=True), 1):
            key = job.split.name, job.name
            if not job.is_label:
                shapes[key] = shape
            elif None not in (shape, shapes.get(key)) and shape != shapes[key] and job.name not in job.split.uneven:
                problems.append((SIZES, f'{_size(shape)}, not {_size(shapes[key])} px'))
            for kind, detail in problems:
                place = f'{job.path.relative_to(root)} ({detail})'
                wrong.setdefault((job.split.name, kind), []).append(place)
            progress.update(number)
    for (split_name, kind), places in wrong.items():
        findings.add(f'{split_name}: {count_of(len(places), "file")} {kind}', places)
    if findings:
        raise UserError(findings.message(root))
    return counts


def _compare_names(findings: Findings, split: Split, images: Mapping[str, Path], labels: Mapping[str, Path]) -> None:
    """Note what is missing or too much by name, or by number where names are not known."""
    missing = [name for name in split.names if name not in images]
    if missing:
        findings.add(f'{split.name}: {len(missing):,} of {count_of(len(split.names), "image")} missing', missing)
    elif not split.names and split.count is not None and len(images) != split.count:
        findings.add(f'{split.name}: {count_of(len(images), "image")} there, but {split.count:,} published')
    strange = [name for name in images if split.names and name not in split.names]
    if strange:
        findings.add(f'{split.name}: {count_of(len(strange), "image")} not of the benchmark', strange)
    if split.labels is None:
        return
    if not split.unlabelled:
        bare = [name for name in images if name not in labels]
        if bare:
            findings.add(f'{split.name}: {count_of(len(bare), "image")} without label', bare)
    if not split.unpictured:
        alone = [name for name in labels if name not in images and name not in split.extra and name not in missing]
        if alone:
            findings.add(f'{split.name}: {count_of(len(alone), "label")} without image', alone)


def _chosen(paths: list[Path], whole: bool) -> frozenset[Path]:
    """The files that are decoded: all, or some of each folder, spread evenly."""
    if whole:
        return frozenset(paths)
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path)
    chosen: list[Path] = []
    for group in by_folder.values():
        number = min(len(group), max(1, DECODED // len(by_folder)))
        chosen += [group[place * len(group) // number] for place in range(number)]
    return frozenset(chosen)


def _look_at(
    job: Job, layout: Layout, decoded: frozenset[Path], whole: bool
) -> tuple[tuple[int, int] | None, list[tuple[str, str]]]:
    """(rows, columns) of one file, None if it is damaged, and its problems, as (kind, detail)."""
    path = str(job.path)
    try:
        raster = probe_raster(path)
        if job.path in decoded:
            check_raster(path, whole)
        problems = list(_form(raster, layout, job.is_label))
        coded = job.is_label and layout.codes is not None and not problems
        if coded and (job.path in decoded or path.endswith(layout.lossy)):
            unknown = unknown_codes(path, layout.codes, whole or path.endswith(layout.lossy))
            problems += [(CODES, unknown)] if unknown else []
        return raster.shape, problems
    except (UserError, OSError) as error:
        return None, [(DAMAGED, ' '.join(str(error).removeprefix(path).split()).partition(';')[0])]


def _form(raster: RasterInfo, layout: Layout, is_label: bool) -> Iterable[tuple[str, str]]:
    bands, dtype = (layout.label_bands, layout.label_dtype) if is_label else (layout.bands, layout.dtype)
    if layout.size is not None and raster.shape != layout.size:
        yield SHAPE, f'{_size(raster.shape)}, not {_size(layout.size)} px'
    if bands is not None and raster.count != bands:
        yield SHAPE, f'{count_of(raster.count, "band")}, not {bands}'
    if raster.dtype != dtype:
        yield SHAPE, f'{raster.dtype}, not {dtype}'


def _size(shape: tuple[int, int]) -> str:
    return f'{shape[1]} x {shape[0]}'


def unknown_codes(path: str, codes: frozenset, whole: bool) -> str:
    """Values or colours of a label that its coding does not have, in words; '' if there are none.

    Args:
        path: The label.
        codes: Values of its first band, or colours (red, green, blue).
        whole: Look at all of it, else at three windows of a large one.
    """
    coloured = any(isinstance(code, tuple) for code in codes)
    known = {(r << 16) | (g << 8) | b for r, g, b in codes} if coloured else codes
    shape = probe_raster(path).shape
    unknown: set[int] = set()
    for window in windows_to_check(shape, whole):
        values = pack_colours(read_window(path, window, (1, 2, 3))) if coloured else read_window(path, window, 1)
        unknown |= set(np.unique(values).tolist()) - known
    if not unknown:
        return ''
    first = unpack_colour(min(unknown)) if coloured else min(unknown)
    return f'holds {first}' + (f' and {count_of(len(unknown) - 1, "other")}' if len(unknown) > 1 else '')
