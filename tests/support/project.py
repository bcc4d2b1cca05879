"""Where the project stands, and its default configuration."""

from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())

#: Digests of code for specs, all alike.
CODE = defaultdict[str, str](lambda: "digest")
