"""Makes a public benchmark readable from what was downloaded, and says how a config uses it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from mmuda.converters.public.aerial import AERIAL
from mmuda.converters.public.archives import check_archives, find_archives, foreign_archives, unpack
from mmuda.converters.public.checking import check_download
from mmuda.converters.public.download import Download, Layout
from mmuda.converters.public.findings import count_of
from mmuda.converters.public.lossy import ORIGINAL, correct_colours
from mmuda.converters.public.street import STREET
from mmuda.utils.errors import UserError
from mmuda.utils.writing import telling

PUBLIC_DATASETS = {download.name: download for download in (*AERIAL, *STREET)}
"""The benchmarks by name."""

# How deep below the folder that was given the dataset's folder is looked for.
DEPTH = 4


def prepare_public(
    name: str,
    folder: str | os.PathLike,
    out: str | os.PathLike | None = None,
    verify: bool = False,
    report: Callable[[str], None] = print,
) -> list[str]:
    """Unpack a public benchmark if it is not unpacked yet, check it, and say how a config uses it.

    Can be repeated: what is there is left alone, and an unpacking that was interrupted goes on.

    Args:
        name: One of ``PUBLIC_DATASETS``.
        folder: The download: archives, or what they hold.
        out: Folder of the dataset, if there is something to write; None is the one where its class looks for it.
        verify: Check an unpacked download completely and write nothing.
        report: Called with lines for the user.

    Returns:
        What was found, and the lines of a config.

    Raises:
        UserError: Nothing of the benchmark is there, or it is incomplete, damaged, or not as published.
    """
    if name not in PUBLIC_DATASETS:
        raise UserError(f'there is no benchmark {name!r}; choose one of {", ".join(PUBLIC_DATASETS)}')
    download, folder = PUBLIC_DATASETS[name], Path(folder)
    if not folder.is_dir():
        raise UserError(f'{folder} is no folder; give the folder with what you downloaded of {download.title}')
    found = None if out is not None and not verify else find_root(download, folder)
    if verify:
        archives = [path.name for path in find_archives(folder) if download.archive_of(path.name)]
        if found is None and archives:
            raise UserError(f'{folder / archives[0]} is not unpacked yet; give the command without --verify first')
        root, layout = found or _nothing(download, folder)
    else:
        root, layout = found or _unpacked(download, folder, Path(out or download.root), report)
        if out is not None and not root.resolve().is_relative_to(Path(out).resolve()):
            report(f'{root} is unpacked already and is read where it lies; nothing is written to {out}')
        for path in correct_colours(layout, root):
            report(
                f'{path}: its colours were off as published, and are set right; {path.name}{ORIGINAL} is the original'
            )
    try:
        counts = check_download(download, layout, root, verify, report)
    except UserError:
        if not verify:
            for done in root.glob('.*.unpacked'):  # so that the next attempt looks into these archives again
                done.unlink()
        raise
    return list(_told(download, layout, root, counts, verify))


def find_root(download: Download, folder: Path) -> tuple[Path, Layout] | None:
    """The dataset's folder in or below a folder, and the form of what it holds."""
    for root in _folders(folder):
        for layout in download.layouts:
            if layout.fits(root):
                return root, layout
    return None


def _folders(folder: Path) -> Iterator[Path]:
    """A folder and those below it, level by level."""
    level = [folder]
    for _ in range(DEPTH + 1):
        yield from level
        level = [
            Path(entry)
            for parent in level
            for entry in sorted(os.scandir(parent), key=lambda entry: entry.name)
            if entry.is_dir() and not entry.name.startswith('.')
        ]


def _unpacked(download: Download, folder: Path, out: Path, report: Callable[[str], None]) -> tuple[Path, Layout]:
    paths = find_archives(folder)
    if not paths and download.moves is None:
        return find_root(download, folder) or _nothing(download, folder)
    check_archives(download, paths, out)
    taken = unpack(download, paths, out, report)
    if not taken and download.moves is not None:
        _link(download, folder, out)
    found = (find_root(download, out) if out.is_dir() else None) or (None if taken else find_root(download, folder))
    if found is None and taken:
        raise UserError(
            f'{", ".join(taken)} of {folder} do not hold images with their labels of {download.title}; also get the '
            f'other archives ({_names(download)}) from {download.address}'
        )
    return found or _nothing(download, folder)


def _link(download: Download, folder: Path, out: Path) -> None:
    """Link an unpacked download's files in the layout that the class reads, without copying them."""
    for root in _folders(folder):
        files = [path for path in root.glob('*/*/*') if path.is_file()]
        pairs = {path: download.moved(path.relative_to(root).as_posix()) for path in files}
        moved = {path: out / place for path, place in pairs.items() if out / place != out / path.relative_to(root)}
        if not moved:
            continue
        moved |= {path: out / path.name for path in root.glob('*.txt')}
        for path, place in moved.items():
            with telling(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.is_symlink():
                    place.unlink()
                if not place.exists():
                    place.symlink_to(path.resolve())
        return


def _names(download: Download) -> str:
    return ', '.join(name for archive in download.archives for name in archive.names)


def _nothing(download: Download, folder: Path) -> NoReturn:
    """Refuse a folder without anything of the benchmark.

    Raises:
        UserError: Always; it says what was looked for, and how archives are opened that nothing here can open.
    """
    foreign = foreign_archives(folder)
    if foreign:
        path, command = next(iter(foreign.items()))
        raise UserError(
            f'{path} cannot be opened here; unpack it with another program ({command}), and give the folder again'
        )
    layout = download.layouts[0]
    wanted = ', '.join(pattern for split in layout.splits[:1] for pattern in (split.images, split.labels) if pattern)
    archives = f' nor an archive of it ({_names(download)})' if download.archives else ''
    raise UserError(
        f'{folder} holds neither images with their labels of {download.title} ({wanted}){archives}; get them from '
        f'{download.address}'
    )


def _told(download: Download, layout: Layout, root: Path, counts: dict[str, int], whole: bool) -> Iterator[str]:
    numbers = ', '.join(f'{split}: {count_of(count, "image")}' for split, count in counts.items())
    what = f' ({layout.what})' if layout.what else ''
    yield f'{download.title}{what} in {root} is complete: {numbers}.'
    yield (
        'All files were decoded.'
        if whole
        else 'Headers of all files and the content of some are intact; --verify reads all.'
    )
    yield f'Terms: {download.terms}.'
    arguments = dict(type=download.dataset, data_root=str(root)) | dict(download.options) | dict(layout.arguments)
    yield 'In a config:'
    yield f'    {download.name} = dict({", ".join(f"{key}={value!r}" for key, value in arguments.items())})'
    if download.bases and not layout.arguments:
        elsewhere = '' if str(root) == download.root else ', whose data_root is another'
        yield f'Bases in configs/_base_/datasets that read it: {", ".join(download.bases)}{elsewhere}.'
