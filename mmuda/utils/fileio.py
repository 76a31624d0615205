"""Files that are written whole or not at all."""

import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmuda.utils.inputs import note_output, refuse_input
from mmuda.utils.writing import telling


def write_atomically(data: bytes, path: str | os.PathLike) -> None:
    """Write ``data`` to a temporary file beside ``path``, flush it to the disk, and rename it.

    The temporary name is fixed (``.NAME.tmp``): what a killed process left behind is overwritten by the next attempt
    instead of piling up. Only one process writes a given file (rank 0).

    Raises:
        UserError: If the file is an input of this process, or cannot be written (a full disk, a read-only folder).
    """
    refuse_input(path)
    with telling(path):
        _write(data, Path(path))
    note_output(path)


def _write(data: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.tmp')
    try:
        with temporary.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class AtomicLocalBackend(LocalBackend):
    """mmengine's local storage whose writes are whole or not at all.

    mmengine opens a checkpoint under its final name, so a kill during a save leaves a truncated file. Registered as
    ``atomic``::

        default_hooks = dict(checkpoint=dict(type='CheckpointHook', backend_args=dict(backend='atomic')))
    """

    def put(self, obj: bytes, filepath: str | os.PathLike) -> None:
        # A run may replace the checkpoint that it started from: not refused after hours of training.
        with telling(filepath):
            _write(obj, Path(filepath))

    def put_text(self, obj: str, filepath: str | os.PathLike, encoding: str = 'utf-8') -> None:
        self.put(obj.encode(encoding), filepath)


register_backend('atomic', AtomicLocalBackend)
