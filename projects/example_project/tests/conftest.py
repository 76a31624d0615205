"""The repository root on the path, as `PYTHONPATH=.` puts it there for a run."""

import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
# More threads than cores wait for each other.
torch.set_num_threads(1)
