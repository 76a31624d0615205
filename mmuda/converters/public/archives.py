"""Unpacks the archives of a download: each file appears whole or not at all, and only below the dataset's folder."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from mmuda.converters.public.download import Download
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import replacing
from mmuda.utils.progress import Progress
from mmuda.utils.writing import telling

TARS = ('.tar', '.tar.gz', '.tgz', '.tar.bz2', '.tar.xz')
SUFFIXES = ('.zip', *TARS)
# Formats that need another program, and its command.
FOREIGN = {'.7z': '7z x {}', '.7z.001': '7z x {}', '.rar': 'unrar x {}'}
# How deep below the folder of a download archives are looked for.
DEPTH = 2
CHUNK = 1 << 20  # bytes
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError)


@dataclass(frozen=True)
class Member:
    """A file in an archive: its path there, its size in bytes, and how to open it."""

    path: str
    size: int
    open: Callable[[], IO[bytes]]


def find_archives(folder: Path) -> list[Path]:
    """Archives in a folder that can be opened here, down to two folders below it, sorted."""
    return _files_ending(folder, SUFFIXES)


def foreign_archives(folder: Path) -> dict[Path, str]:
    """Archives in a folder that only another program opens -> its command."""
    return {
        path: next(command for end, command in FOREIGN.items() if path.name.lower().endswith(end)).format(path)
        for path in _files_ending(folder, tuple(FOREIGN))
    }


def unpack(download: Download, paths: list[Path], out: Path, report: Callable[[str], None]) -> list[str]:
    """Unpack the archives of a benchmark into its folder; files that are there already are left alone.

    Every archive is opened, and every member's place looked at, before the first file is written. A file is written
    under a temporary name, and renamed when it is complete and its checksum is right. So an unpacking that was
    interrupted goes on where it stopped.

    Args:
        download: The benchmark.
        paths: Archives; those that are no part of it are passed over.
        out: Folder of the dataset.
        report: Called with lines for the user.

    Returns:
        The archives that belong to the benchmark; an archive inside another as ``outer.zip/inner.zip``.

    Raises:
        UserError: An archive is damaged or encrypted, a member would be written elsewhere, or the disk is too small.
    """
    found: list[str] = []
    for path in paths:
        with _opened(path) as members:
            own = download.archive_of(path.name)
            inner = [member for member in members if download.archive_of(PurePosixPath(member.path).name)]
            if own is not None and not inner:
                found.append(path.name)
                _unpack_one(download, path, members, out, report)
            for member in inner:
                found.append(f'{path.name}/{member.path}')
                _unpack_inner(download, path, member, out, report)
    return found


def check_archives(download: Download, paths: list[Path], out: Path) -> None:
    """Open all archives and look at every member's place, before anything is written.

    Raises:
        UserError: As :func:`unpack`.
    """
    needed = 0
    for path in paths:
        with _opened(path) as members:
            for member in members:
                if download.archive_of(PurePosixPath(member.path).name):
                    needed += member.size
                for place in _places(download, path, [member], out):
                    needed += 0 if _there(place, member) else member.size
    folder = next(one for one in (out, *out.absolute().parents) if one.is_dir())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f'{out} needs {needed / 1e9:.1f} GB for what the archives hold, but only {free / 1e9:.1f} GB of its disk '
            'are free; make room, or give another --out'
        )


def _unpack_inner(download: Download, outer: Path, member: Member, out: Path, report) -> None:
    """An archive in an archive is copied out, since its index is at its end."""
    name = PurePosixPath(member.path).name
    done = out / f'.{name}.unpacked'
    if done.is_file() and done.read_text() == str(member.size):
        return
    copy = out / f'.{name}'
    try:
        with _telling_damage(outer), telling(copy):
            out.mkdir(parents=True, exist_ok=True)
            _copy(member, copy)
        with _opened(copy) as members:
            _unpack_one(download, Path(name), members, out, report)
        with replacing(done) as temporary:
            temporary.write_text(str(member.size))
    finally:
        copy.unlink(missing_ok=True)


def _unpack_one(download: Download, path: Path, members: list[Member], out: Path, report) -> None:
    places = list(_places(download, path, members, out))
    chosen = [member for member in members if _place(download, path, member) is not None]
    progress = Progress(len(chosen), f'files of {path.name} unpacked', report)
    for number, (member, place) in enumerate(zip(chosen, places, strict=True), 1):
        if not _there(place, member):
            with _telling_damage(path), telling(place), replacing(place) as temporary:
                _copy(member, temporary)
        progress.update(number)


def _copy(member: Member, path: Path) -> None:
    with member.open() as source, path.open('wb') as target:
        shutil.copyfileobj(source, target, CHUNK)


def _place(download: Download, path: Path, member: Member) -> str | None:
    archive = download.archive_of(path.name)
    place = None if archive is None else archive.place(member.path)
    return None if place is None else download.moved(place)


def _places(download: Download, path: Path, members: list[Member], out: Path) -> Iterator[Path]:
    """Where members are written.

    Raises:
        UserError: That is not below ``out``.
    """
    for member in members:
        place = _place(download, path, member)
        if place is None:
            continue
        if not (_stays_below(member.path) and _stays_below(place)):
            raise UserError(
                f'{path} holds {member.path!r}, which would be written outside {out}; this is no archive of '
                f'{download.title}: get it again from {download.address}'
            )
        yield out / place


def _stays_below(path: str) -> bool:
    """Whether a relative path leads to a place below its folder, also on Windows."""
    return not ('..' in PurePosixPath(path).parts or PurePosixPath(path).is_absolute() or PureWindowsPath(path).drive)


def _there(place: Path, member: Member) -> bool:
    return place.is_file() and place.stat().st_size == member.size


@contextmanager
def _opened(path: Path) -> Iterator[list[Member]]:
    """The files in an archive."""
    with _telling_damage(path):
        if path.name.lower().endswith('.zip'):
            with zipfile.ZipFile(path) as file:
                yield [_zipped(file, info, path) for info in file.infolist() if not info.is_dir()]
        else:
            with tarfile.open(path) as file:
                yield [_tarred(file, info, path) for info in file.getmembers() if not info.isdir()]


def _zipped(file: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Member:
    if info.flag_bits & 1:
        raise UserError(f'{path} is encrypted; unpack it with its password (unzip {path}), and give the folder')
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _link(path, info.filename)
    return Member(info.filename.replace('\\', '/'), info.file_size, lambda: file.open(info))


def _tarred(file: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> Member:
    if not info.isfile():
        raise _link(path, info.name)
    return Member(info.name.removeprefix('./'), info.size, lambda: file.extractfile(info))


def _link(path: Path, name: str) -> UserError:
    return UserError(f'{path} holds {name!r}, which is a link and no file; unpack it by hand, and give the folder')


@contextmanager
def _telling_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise UserError(
            f'the archive {path} is damaged or cut short ({error}); download it again: what was unpacked from it is '
            'complete, and the rest follows when you repeat the command'
        ) from error


def _files_ending(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(folder):
        depth = len(Path(parent).relative_to(folder).parts)
        folders[:] = [name for name in folders if not name.startswith('.')] if depth < DEPTH else []
        found += [Path(parent, name) for name in names if name.lower().endswith(suffixes) and not name.startswith('.')]
    return sorted(found)
