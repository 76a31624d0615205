"""Explains in one sentence why a file cannot be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmuda.utils.errors import REMEDIES, UserError

_PROBE_BYTES = 1 << 20


@contextmanager
def telling(path: str | os.PathLike) -> Iterator[None]:
    """Turn an OSError during writing into a sentence that names the file and the remedy.

    Raises:
        UserError: Instead of the OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise UserError(f'{os.fspath(path)} cannot be written: {reason_of(error)}') from error


def refuse_folder(path: str | os.PathLike) -> None:
    """Refuse to write a file where a folder is.

    Raises:
        IsADirectoryError: As opening it would.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def reason_of(error: OSError) -> str:
    """What is wrong and what to do, for an OSError of writing."""
    return REMEDIES.get(error.errno, f'{error.strerror or error}; choose another folder or repair the disk')


def check_writable(folder: str | os.PathLike) -> None:
    """Create a folder and a small file in it, before hours of work whose result must go there.

    Raises:
        UserError: If that is not possible.
    """
    folder = Path(folder)
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _probe(folder, 1)


@contextmanager
def no_empty_folders(folder: str | os.PathLike) -> Iterator[None]:
    """After an error, remove the folder, and those above it, that the block has made and left empty.

    Args:
        folder: A folder that the block may make.
    """
    folder = Path(folder).absolute()
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        for path in new:
            with suppress(OSError):  # it is not there, or holds something
                path.rmdir()
        raise


def why_unwritten(folder: str | os.PathLike) -> str | None:
    """Why a library could not write to a folder, if it does not say: the error of a new attempt, or None."""
    try:
        _probe(Path(folder), _PROBE_BYTES)
    except OSError as error:
        return reason_of(error)
    return None


def _probe(folder: Path, size: int) -> None:
    probe = folder / f'.probe.{os.getpid()}.tmp'
    try:
        with probe.open('wb') as file:
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)
