"""Files that are written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmuda.utils.inputs import note_output, refuse_input
from mmuda.utils.locks import open_alone
from mmuda.utils.writing import telling


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file next to ``path``, flushed to disk and renamed when the block ends without an error.

    Its name is fixed (``.NAME.tmp``), so the next attempt overwrites what a killed process left behind. Another process
    that writes the same file waits; the last one wins.

    Args:
        path: The file; its folder is created if needed.

    Yields:
        The temporary file: empty, to be written in place.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.tmp')
    with open_alone(temporary, wait=True) as file:
        try:
            file.truncate(0)
            yield temporary
            os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def filling(folder: str | os.PathLike) -> Iterator[Path]:
    """A temporary folder next to ``folder``, renamed to it when the block ends without an error.

    Args:
        folder: The new folder; its parent exists.

    Yields:
        The temporary folder, to be filled; it is removed after an error.

    Raises:
        OSError: If ``folder`` exists by then and is not empty.
    """
    folder = Path(folder)
    temporary = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
    try:
        temporary.chmod(0o755)
        yield temporary
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_atomically(data: bytes, path: str | os.PathLike) -> None:
    """Write ``data`` to ``path`` whole or not at all, see :func:`replacing`.

    Raises:
        UserError: If the file is an input of this process, or cannot be written (a full disk, a read-only folder).
    """
    refuse_input(path)
    write_whole(data, path)
    note_output(path)


def write_whole(data: bytes, path: str | os.PathLike) -> None:
    """As :func:`write_atomically`, but an input may be replaced."""
    with telling(path), replacing(path) as temporary:
        temporary.write_bytes(data)
