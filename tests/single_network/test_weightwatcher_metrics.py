import importlib.util
import json
import warnings

import numpy as np
import powerlaw
import pytest
from support.project import ROOT

from weightlaws.single_network.weightwatcher_metrics import METRICS, exponent, metrics


def load():
    """Import the program that makes the layers and stores WeightWatcher's numbers of them."""
    path = ROOT / "benchmarks" / "weightwatcher.py"
    spec = importlib.util.spec_from_file_location("benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCHMARK = load()
LAYERS = BENCHMARK.layers()
STORED = json.loads(BENCHMARK.STORED.read_text())["layers"]


def measured(values, **others):
    return metrics(values.reshape(len(values), -1), values.shape[2:], **others)


def test_there_are_numbers_of_every_layer_and_metric():
    assert STORED.keys() == LAYERS.keys()
    assert all({*numbers} == {*METRICS} for numbers in STORED.values())


@pytest.mark.parametrize("name", LAYERS)
def test_the_metrics_are_those_of_weightwatcher(name):
    found, notes = measured(LAYERS[name])
    for metric, number in STORED[name].items():
        if number == -1:  # its fit failed
            assert np.isnan(found[metric])
            assert metric in notes
        else:
            assert found[metric] == pytest.approx(number, rel=1e-6)


def test_singular_values_that_are_known_are_not_found_again():
    matrix = LAYERS["heavy tails"]
    values = np.linalg.svd(matrix.astype(float), compute_uv=False)
    known, _ = metrics(matrix * 0, singular_values=values)
    assert known == pytest.approx(STORED["heavy tails"], rel=1e-6)


@pytest.mark.parametrize("name", ["gaussian", "square", "heavy tails", "planted"])
def test_the_exponent_is_that_of_powerlaw(name):
    values = np.linalg.svd(LAYERS[name].astype(float), compute_uv=False) ** 2
    options = {"parameter_ranges": {"alpha": [0, None]}, "verbose": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = powerlaw.Fit(values[values > 1e-5], **options).xmin_fitting_results
    best = np.argmin(search["distances"])
    assert exponent(values) == pytest.approx(search["alphas"][best], rel=1e-4)


@pytest.mark.parametrize(
    ("values", "finite", "noted"),
    [
        (np.zeros((20, 30)), set(), set(METRICS)),
        (
            np.full((60, 50), 0.7),
            {"stable_rank", "matrix_rank", "log_norm", "log_spectral_norm", "mp_softrank"},
            {"alpha", "entropy", "mp_softrank"},
        ),
        (
            np.random.default_rng(1).standard_normal((5, 40)),
            {"stable_rank", "matrix_rank", "log_norm", "log_spectral_norm", "entropy"},
            {"alpha", "mp_softrank"},
        ),
    ],
    ids=["zero", "constant", "few"],
)
def test_what_is_not_determined_is_nan_with_a_note(values, finite, noted):
    found, notes = metrics(values)
    assert {name for name, value in found.items() if np.isfinite(value)} == finite
    assert {*notes} == noted
