"""The toy networks are those of the wrappers' tests; helper modules beside the tests are found by name."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / 'test_models' / 'test_wrappers'), str(Path(__file__).parent)]
