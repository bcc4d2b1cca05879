import importlib.util

import numpy as np
import pytest
from support.project import ROOT

from weightlaws.invariants.graphs import PUBLISHED

FOLDER = ROOT / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """Import a benchmark by name."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # some set them; this restores them

    def load(name):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_what_a_benchmark_imports_is_there(benchmark, name):
    assert callable(benchmark(name).main)


def test_the_baseline_is_the_published_invariants(benchmark):
    invariants = benchmark("invariants")
    assert list(invariants.EXPRESSIONS) == list(PUBLISHED)
    assert invariants.disagreement(np.random.default_rng(0).normal(size=(50, 10, 10))) < 1e-13


def test_the_loader_reads_the_digits_scaled(benchmark, digits, tmp_path):
    mnist = benchmark("training").mnist_of(digits, tmp_path)
    assert len(mnist) == 4500
    for place in (0, 2000, 4499):
        image, label = mnist[place]
        pixels = digits["train_images"][place].astype(np.float32)
        np.testing.assert_array_equal(image.numpy(), (pixels / 255 - 0.5) / 0.5)
        assert label == digits["train_labels"][place]
