"""What several tests share: toy networks, small configs, and scripts that tests start as processes."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'


def unpadded(table: str) -> str:
    """A Markdown table whose cells have one space on each side."""
    return re.sub(' +', ' ', table)
