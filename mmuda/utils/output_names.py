"""Names of outputs that are made from files, each from one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path


def stems_below(roots: Mapping[str, str | None]) -> dict[str, Path]:
    """Relative path without suffix of each output.

    A file of a folder keeps its path below that folder, a file that was named by itself is its name. Where two would be
    one, all keep their paths below the folder that they share; what is still the same then, the caller has to refuse.

    Args:
        roots: The folder that each file was found in, None for a file that was named by itself.

    Returns:
        The path of each file's output.
    """
    plain = {path: _below(path, root or os.path.dirname(os.path.abspath(path))) for path, root in roots.items()}
    if max(Counter(plain.values()).values(), default=1) == 1:
        return plain
    shared = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in roots])
    if shared == os.path.dirname(shared):  # the root of the disk is nothing that the files share
        return plain
    return {path: _below(path, shared) for path in roots}


def _below(path: str, root: str) -> Path:
    return Path(os.path.relpath(os.path.abspath(path), os.path.abspath(root))).with_suffix('')
