"""Locks files and folders so that only one process writes to them at a time.

Locks are the kernel's (``flock``): a killed process leaves none behind, whatever files remain in the folder. They work
between machines if the shared file system supports them (NFS from version 3 with its lock service on). If a file system
cannot lock, the log says so and work continues without a lock.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from mmuda.utils.errors import UserError
from mmuda.utils.log import log

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK_NAME = '.lock'
HELD = (errno.EAGAIN, errno.EACCES)
_open_locks: set[IO] = set()


def take_lock(file: IO, wait: bool = False) -> bool:
    """Lock an open file, for this process and for all that inherit the file.

    Args:
        file: Opened for writing. The lock is released when every process that has the file closes it.
        wait: Wait for the other process.

    Returns:
        False if another process has the lock; True also where files cannot be locked.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in HELD:
            return False
        log(
            f'{file.name} cannot be locked ({error.strerror}); make sure that no other process writes there',
            logging.WARNING,
        )
    return True


@contextmanager
def open_alone(path: str | os.PathLike, wait: bool = False) -> Iterator[IO[bytes] | None]:
    """Open a file for appending, exclusively among processes that use this function.

    Processes forked in the meantime (a loader's workers) do not keep the lock when this one is killed.

    Args:
        path: The file; created if missing.
        wait: Wait for another process that has it, and log it.

    Yields:
        The file, empty or as a killed process left it; None if another process has it and ``wait`` is off.
    """
    path = Path(path)
    told = False
    while True:
        with path.open('ab') as file:
            has_lock = take_lock(file)
            if not has_lock and not wait:
                yield None
                return
            if not has_lock:
                if not told:
                    log(f'waiting for another process that is writing {path}')
                told = take_lock(file, wait=True)
            if not _is_at(file, path):  # renamed or removed by the process that had it
                continue
            _open_locks.add(file)
            try:
                yield file
            finally:
                _open_locks.discard(file)
            return


def lock_of(path: str | os.PathLike) -> Path:
    """The lock of a file that GDAL writes, which recreates the file itself."""
    path = Path(path)
    return path.with_name(f'.{path.name}.lock')


@contextmanager
def waiting_for(lock: str | os.PathLike) -> Iterator[None]:
    """Make other processes that ask for the same lock wait; the file exists as long as one has it.

    Args:
        lock: A file beside what is written, since a lock on that does not hold if it is written anew.
    """
    with open_alone(lock, wait=True):
        try:
            yield
        finally:
            Path(lock).unlink(missing_ok=True)


@contextmanager
def sole_writer(folder: str | os.PathLike, doing: str, lock: str | os.PathLike | None = None) -> Iterator[None]:
    """Lock a folder as its only writer, or raise an error.

    Args:
        folder: The folder, or a file if ``lock`` is given.
        doing: What happens to it, for the second process's error: ``'being trained'``.
        lock: File to lock, which exists as long as the lock; None uses ``.lock`` in the folder. Its folder is created
            if missing.

    Raises:
        UserError: If another process has it, with its id and machine; or if the folder cannot be written to.
    """
    path = Path(folder) / LOCK_NAME if lock is None else Path(lock)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open_alone(path))
        except OSError as error:
            raise UserError(f'{folder} cannot be written to ({error.strerror}); choose another place') from error
        if file is None:
            raise UserError(f'{folder} is {_use_of(path)}; wait for it, end it, or choose another place')
        file.truncate(0)
        since = f'{socket.gethostname()} since {time.strftime("%F %T")}'
        file.write(f'{doing} by process {os.getpid()} on {since}'.encode())
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _use_of(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8', errors='replace') or 'in use by another process'
    except FileNotFoundError:  # it ends at this moment
        return 'in use by another process'


def _is_at(file: IO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _close_in_child() -> None:
    for file in _open_locks:
        file.close()
    _open_locks.clear()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_close_in_child)
