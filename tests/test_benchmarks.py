import importlib.util
from pathlib import Path

import numpy as np
import pytest

from weightlaws.graphs import PUBLISHED

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def invariants(monkeypatch):
    """Import the benchmark of the invariants."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # it sets them; this restores them
    spec = importlib.util.spec_from_file_location("benchmark", FOLDER / "invariants.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_baseline_is_the_published_invariants(invariants):
    assert list(invariants.EXPRESSIONS) == list(PUBLISHED)
    assert invariants.disagreement(np.random.default_rng(0).normal(size=(50, 10, 10))) < 1e-13
