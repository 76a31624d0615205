"""Keeps what was computed from files on disk until a file changes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from mmuda.datasets.raster.states import states_of
from mmuda.utils.cache import CACHE_VARIABLE, cache_folder
from mmuda.utils.digests import digest_of_value
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.locks import waiting_for
from mmuda.utils.writing import reason_of

_STATE = 'state'


def kept(
    name: str, rules: object, files: Iterable[str], compute: Callable[[], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """What an earlier process has computed from files, or what ``compute`` gives now.

    Arrays lie in the cache folder (:func:`mmuda.utils.cache.cache_folder`), together with size and time of every file
    and of those that belong to it; if one has changed, they are computed anew. One process computes while others wait.

    Args:
        name: What is kept, the beginning of the file's name.
        rules: All that decides the arrays besides the files, as JSON can write it.
        files: The rasters and vector files that are read.
        compute: Computes the arrays by name.

    Returns:
        The arrays.

    Raises:
        UserError: The cache folder cannot be written to.
    """
    state = digest_of_value(states_of(files))
    path = cache_folder() / f'{name}_{digest_of_value(rules)}.npz'
    found = _read(path, state)
    if found is not None:
        return found
    with _alone(path):
        found = _read(path, state)  # written by the process that this one waited for
        if found is None:
            found = dict(compute())
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **found, **{_STATE: np.array(state)})
            write_atomically(buffer.getvalue(), path)
    return found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Make other processes that want to write the same file wait."""
    lock = path.with_suffix('.lock')
    with ExitStack() as stack:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(waiting_for(lock))
        except OSError as error:
            raise UserError(
                f'what was counted of the files cannot be kept in {lock.parent}: {reason_of(error)}; or name another '
                f'folder by the environment variable {CACHE_VARIABLE}'
            ) from error
        yield


def _read(path: Path, state: str) -> dict[str, np.ndarray] | None:
    """The arrays of a file; None if there are none, or if they are of other files or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
            return arrays if str(arrays.pop(_STATE)) == state else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
