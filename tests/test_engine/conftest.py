"""The toy networks are those of the wrappers' tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / 'test_models' / 'test_wrappers'))
