"""The folder for what can be computed again: counts of labels."""

import os
from pathlib import Path

CACHE_VARIABLE = 'MMUDA_CACHE_DIR'


def cache_folder() -> Path:
    """The folder named by the environment variable ``MMUDA_CACHE_DIR``, else ``~/.cache/mmuda``; it need not exist."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / '.cache' / 'mmuda')
