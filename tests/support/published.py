"""What the published code gives, and the matrices, stated by a formula, that it gives it for."""

import json

import numpy as np
from support.project import ROOT

VALUES = json.loads((ROOT / "tests/data" / "published_values.json").read_text())
CASES = VALUES["cases"]


def published_matrices(size):
    """Return the first and the second ensemble, each (40, size, size)."""
    k, i, j = np.meshgrid(*map(np.arange, (40, size, size)), indexing="ij")
    first = np.sin(1 + 3 * i + 7 * j + 11 * k + i * j)
    second = 1.5 * np.sin(1 + 3 * i + 7 * j + 11 * (k + 100) + i * j) + 0.1
    return first, second
