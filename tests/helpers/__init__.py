"""What several tests share: toy networks, small configs, and scripts that tests start as processes."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
