"""Names of outputs, each made from one file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path


def stems_below(roots: Mapping[str, str | None]) -> dict[str, Path]:
    """Relative path without suffix of each output.

    A file found in a folder keeps its path below that folder; a file given directly keeps its name. If two would
    collide, all keep their paths below their common folder. The caller must refuse what still collides.

    Args:
        roots: The folder that each file was found in, None for a file given directly.

    Returns:
        The path of each file's output.
    """
    plain = {path: _below(path, root or os.path.dirname(os.path.abspath(path))) for path, root in roots.items()}
    if max(Counter(plain.values()).values(), default=1) == 1:
        return plain
    shared = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in roots])
    if shared == os.path.dirname(shared):  # sharing only the root of the disk does not count
        return plain
    return {path: _below(path, shared) for path in roots}


def _below(path: str, root: str) -> Path:
    return Path(os.path.relpath(os.path.abspath(path), os.path.abspath(root))).with_suffix('')
