import numpy as np
import pytest
from published import CASES, published_matrices

from weightlaws.deviations import (
    GRAPHS,
    LayerFit,
    fit_layer,
    initial_moments,
    invariants_table,
    parameters_table,
)
from weightlaws.invariants import evaluate
from weightlaws.networks import INITIAL_LAWS
from weightlaws.pigmm import FITTED


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"D={case['size']}")
def test_published_values(case):
    """Everything that the pipeline writes of a fit, against the published code."""
    size = case["size"]
    invariants = evaluate(GRAPHS, published_matrices(size)[0])[:, None]
    fit = fit_layer(invariants, size, "gaussian")
    # Means and parameters that cancel to some 1e-5 of their terms keep 1e-10 of the terms' size.
    np.testing.assert_allclose(fit.mean[0], case["invariant_means"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(fit.sd[0], case["invariant_standard_deviations"], rtol=1e-10)
    np.testing.assert_allclose(fit.parameters[0], case["parameters"], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(
        fit.prediction[0, 13:], case["predictions_I14_to_I52"], rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        fit.deviation_sd[0, 13:],
        case["deviation_in_standard_deviations_I14_to_I52"],
        rtol=1e-10,
        atol=1e-12,
    )


@pytest.mark.parametrize("initialisation", INITIAL_LAWS)
def test_initial_moments_are_those_of_initial_weights(initialisation):
    size, n = 5, 200_000
    law = INITIAL_LAWS[initialisation]
    draws = law.draw(np.random.default_rng(1), (n, size * size)).reshape(n, size, size)
    values = evaluate(FITTED, draws / np.sqrt(size))
    mean, sd = initial_moments(law, size)
    # 13 scores each: beyond 4.5 in one of 10^4 seeds. The error of a standard deviation has the
    # fourth moment of the values in it, which is taken from them.
    assert np.all(np.abs(values.mean(0) - mean) < 4.5 * sd / np.sqrt(n))
    squares = (values - mean) ** 2
    assert np.all(np.abs(squares.mean(0) - sd**2) < 4.5 * squares.std(0) / np.sqrt(n))


@pytest.mark.parametrize("initialisation", INITIAL_LAWS)
def test_deviation_from_the_start_counts_standard_errors(initialisation):
    """At the start each score is |N(0, 1)| up to the skewness of quadratic invariants."""
    size, n, ensembles = 6, 200, 300
    law = INITIAL_LAWS[initialisation]
    rng = np.random.default_rng(2)
    draws = law.draw(rng, (n * ensembles, size * size)).reshape(n, ensembles, size, size)
    fit = fit_layer(evaluate(GRAPHS, draws / np.sqrt(size)), size, initialisation)
    scores = fit.deviation_start[:, :13]
    # Mean squares of 300 scores: 1 with a standard error of 0.08.
    np.testing.assert_allclose((scores**2).mean(0), 1, atol=0.35)


def test_deviations_exist_only_where_the_law_does_not_fit():
    fit = fit_layer(evaluate(GRAPHS, published_matrices(5)[0])[:, None], 5, "uniform")
    assert np.isnan(fit.deviation_start[:, 13:]).all()
    assert np.isfinite(fit.deviation_start[:, :13]).all()
    assert np.isnan(fit.deviation_sd[:, :13]).all()
    assert np.isfinite(fit.deviation_sd[:, 13:]).all()


def test_fitted_invariants_are_predicted_exactly():
    fit = fit_layer(evaluate(GRAPHS, published_matrices(10)[0])[:, None], 10, "uniform")
    np.testing.assert_allclose(fit.prediction[0, :13], fit.mean[0, :13], rtol=1e-10, atol=1e-12)


def test_an_ensemble_of_one_matrix_repeated_has_no_deviation_in_units_of_its_spread():
    invariants = np.repeat(evaluate(GRAPHS, published_matrices(5)[0][:1]), 3, axis=0)
    fit = fit_layer(invariants[:, None], 5, "gaussian")
    assert np.isnan(fit.deviation_sd[fit.sd == 0]).all()


def test_tables_are_tidy():
    matrices = published_matrices(5)[0].reshape(20, 2, 5, 5)
    fit = fit_layer(evaluate(GRAPHS, matrices), 5, "gaussian")
    epochs = np.array([0, 50])
    invariants = invariants_table("name", "hidden1-hidden2", 5, epochs, 20, fit)
    assert len(invariants) == 2 * 52
    row = invariants.set_index(["epoch", "invariant"]).loc[(50, "I14")]
    assert row["degree"] == 3
    assert row["mean"] == fit.mean[1, 13]
    assert row["standard_error"] == pytest.approx(fit.sd[1, 13] / np.sqrt(20), rel=1e-15)
    assert row["deviation_sd"] == fit.deviation_sd[1, 13]
    parameters = parameters_table("name", "hidden1-hidden2", 5, epochs, fit)
    assert (
        parameters.set_index(["epoch", "parameter"]).loc[(0, "f13"), "value"]
        == (fit.parameters[0, 12])
    )
    assert len(LayerFit.names()) == 6
