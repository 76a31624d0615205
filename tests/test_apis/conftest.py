"""The tiny run as a fixture; ``tiny.py`` is found by its name, also by the processes that tests start."""

import sys
from pathlib import Path

import pytest

from mmuda.apis import load_config

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / 'test_engine')]
from tiny import CONFIG  # noqa: E402


@pytest.fixture
def tiny(tmp_path):
    """Loads the tiny config, with options as ``--cfg-options`` gives them."""
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG)

    def tiny(**options):
        return load_config(path, {key.replace('__', '.'): value for key, value in options.items()})

    return tiny
