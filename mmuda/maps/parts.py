"""Keeps finished strips of a map on disk, so that an interrupted job goes on where it stopped."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmuda.utils.digests import digest_of_value
from mmuda.utils.fileio import write_atomically
from mmuda.utils.writing import telling

_JOB = 'job.json'


class Parts:
    """The strips of one map, in a folder beside it.

    Args:
        out: The map.
        job: All that decides the values of the map, as JSON can write it. Strips of another job are removed.
        begin: Whether this process may remove them; others wait until it has.
    """

    def __init__(self, out: Path, job: Mapping, begin: bool = True) -> None:
        self.folder = out.with_name(f'.{out.name}.parts')
        self._digest = digest_of_value(job)
        if begin and not self._belongs():
            self.remove()
            with telling(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(json.dumps(dict(job=self._digest)).encode(), self.folder / _JOB)

    def _belongs(self) -> bool:
        try:
            return json.loads((self.folder / _JOB).read_text())['job'] == self._digest
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def path(self, segment: int, row: int) -> Path:
        """The file of a strip."""
        return self.folder / f'{segment}_{row}.npz'

    def has(self, segment: int, row: int) -> bool:
        """Whether a strip is finished."""
        return self.path(segment, row).is_file()

    def add(self, segment: int, row: int, bands: Mapping[str, np.ndarray]) -> None:
        """Keep a strip.

        Args:
            segment: Number of its segment.
            row: Number of its row of windows.
            bands: Its arrays by name of the raster that they are for, (bands, rows, columns).

        Raises:
            UserError: It cannot be written.
        """
        buffer = io.BytesIO()
        np.savez(buffer, **bands)
        write_atomically(buffer.getvalue(), self.path(segment, row))

    def read(self, segment: int, row: int) -> dict[str, np.ndarray] | None:
        """A finished strip; None if its file is damaged."""
        try:
            with np.load(self.path(segment, row), allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    @contextmanager
    def unless_empty(self) -> Iterator[None]:
        """After an error in the block, remove the folder if no strip is finished."""
        try:
            yield
        except BaseException:
            if not list(self.folder.glob('*.npz')):
                self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder."""
        if os.path.lexists(self.folder):
            shutil.rmtree(self.folder)
