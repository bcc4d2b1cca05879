"""Where the project stands, and its default configuration."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
