"""Suppresses one line that mmseg prints at each start. Imports neither torch nor mmseg."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PRINTED_BY = 'mmseg.datasets'
LINE = 'Could not import OneDL'


def hide_missing_onedl() -> None:
    """Keep ``import mmseg.datasets`` from reporting a missing optional package that nothing here uses.

    It prints the line twice, whatever the log level. Its other output and its errors stay.
    """
    if PRINTED_BY not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds one module as Python does, and executes it without that line."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != PRINTED_BY:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: _without_line(execute, module)
        return spec


def _without_line(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            execute(module)
    finally:
        lines = said.getvalue().splitlines(keepends=True)
        print(''.join(line for line in lines if line.strip() != LINE), end='')
