"""Predictions of the laws of one ensemble."""

import numpy as np
import pytest
from support.laws import FIVE, planted

from weightlaws.inference import interacting_predictions
from weightlaws.inference.interacting_predictions import predictions_of
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.interacting import bipartite_graphs

SHAPE, N = (5, 4), 600
GRAPHS = bipartite_graphs(4, SHAPE)
INTERACTING = ["interacting", "deviation_interacting", "error_interacting", "monte_carlo_error"]


@pytest.fixture(scope="module")
def quartic():
    """Matrices whose entries have the density exp(-w^2 / 2 - 0.4 w^4), and their predictions."""
    matrices = planted(N, SHAPE, 0.0, 0.4, np.random.default_rng(0))
    return matrices, predictions_of(matrices, 5, np.random.default_rng(1))


def test_a_planted_law_is_predicted_by_the_interacting_law_alone(quartic):
    _, table = quartic
    assert (table["note"] == "").all()
    assert len(table) == 48
    error = np.hypot(table["standard_error"], table["monte_carlo_error"])
    assert (table["deviation_interacting"].abs() < 4 * error).all()
    # Sums of squares times squares hold fourth powers of entries.
    named = table.set_index("invariant")
    for name in ("ia.ia.ia.ia", "ia.ia.ib.ib", "ia.ia.ja.ja"):
        row = named.loc[name]
        assert row["deviation_bipartite"] < -5 * row["standard_error"], name
    assert named.loc["ia.ia.ia.ia", "n_fits"] == 2
    assert named.loc["ia.ia.ib.ib", "n_fits"] == 0
    first = table.loc[0]
    assert first["n_others"] == ((table["n_fits"] == 0) & (table["degree"] > 2)).sum()
    assert first["rms_deviation_interacting"] < 0.5 * first["rms_deviation_bipartite"]
    assert first["rms_error_interacting"] < first["rms_error_bipartite"]
    others = table[(table["n_fits"] == 0) & (table["degree"] > 2)]
    sizes = [others[f"deviation_{law}"].abs() for law in ("interacting", "bipartite")]
    assert first["n_better"] == (sizes[0] < sizes[1]).sum()


def test_each_half_is_compared_with_laws_of_the_other(quartic):
    matrices, table = quartic
    halves = np.array_split(np.random.default_rng(1).permutation(N), 2)
    values = evaluate(GRAPHS, matrices)
    sd = values.std(axis=0, ddof=1)
    laws = [Bipartite.fit(matrices[half]).expectation(GRAPHS) for half in halves]
    means = [values[half].mean(axis=0) for half in halves]
    errors = np.array([means[1] - laws[0], means[0] - laws[1]]) / sd
    expected = np.sqrt(np.square(errors).mean(axis=0))
    np.testing.assert_allclose(table["error_bipartite"], expected, rtol=1e-9)
    deviation = table["deviation_bipartite"].abs()
    assert (deviation <= table["error_bipartite"] * (1 + 1e-9)).all()
    np.testing.assert_allclose(deviation, np.abs(errors.mean(axis=0)), atol=1e-9)


def test_a_gaussian_ensemble_needs_no_couplings():
    matrices = Bipartite(SHAPE, FIVE).sample(300, np.random.default_rng(2))
    table = predictions_of(matrices, 5, np.random.default_rng(3))
    assert table["note"].str.startswith("no coupling is chosen").all()
    np.testing.assert_array_equal(table["interacting"], table["bipartite"])
    assert (table["n_fits"] == np.where(table["degree"] <= 2, 2, 0)).all()
    assert table["n_better"].isna().all()
    assert (table["deviation_interacting"].abs() < 4 * table["standard_error"]).all()


def test_where_chains_do_not_mix_there_is_no_prediction():
    # Entries near -1 and 1: a chain stays where each of its entries began.
    rng = np.random.default_rng(4)
    matrices = rng.choice([-1, 1], size=(200, 2, 2)) + 0.15 * rng.normal(size=(200, 2, 2))
    table = predictions_of(matrices, 4, np.random.default_rng(5))
    assert table["note"].str.match("chains have not mixed: R-hat .* of i").all()
    assert table[INTERACTING].isna().all(axis=None)
    assert table["deviation_bipartite"].notna().all()
    assert table["r_hat"].max() > 1.05
    assert table["n_better"].isna().all()


def test_more_draws_are_tried_where_chains_have_not_mixed(quartic, monkeypatch):
    matrices, table = quartic
    found = iter([np.array([1.2]), np.array([1.01] * 48)] * 2)
    monkeypatch.setattr(interacting_predictions, "_r_hats", lambda _: next(found))
    monkeypatch.setattr(interacting_predictions, "DRAWS", 2000)
    again = predictions_of(matrices, 5, np.random.default_rng(1))
    # Four times half as many.
    ratio = (table["monte_carlo_error"] / again["monte_carlo_error"]).mean()
    assert ratio == pytest.approx(2**0.5, rel=0.15)


@pytest.mark.parametrize(
    ("shape", "note", "words"),
    [
        ((60, *SHAPE), "", "60 members are too few"),
        ((100, *SHAPE), "it has an edge", "it has an edge"),
        ((100, 1, 5), "", "needs two rows"),
        ((100, 65, 64), "", "more than 4096 entries"),
    ],
)
def test_no_law_is_a_note(shape, note, words):
    normal = np.random.default_rng(6).normal(size=shape)
    table = predictions_of(normal, 5, np.random.default_rng(7), note)
    assert table["note"].str.contains(words).all()
    assert table[["observed", "bipartite", *INTERACTING, "n_better"]].isna().all(axis=None)
