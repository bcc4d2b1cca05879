"""Couplings and scores of one ensemble."""

import numpy as np
import pytest

from weightlaws.inference.comparison import held_out, random_folds
from weightlaws.inference.interacting import (
    QUARTICS,
    couplings_of,
    law_graphs,
    scores_of,
    unfit,
)
from weightlaws.inference.score_matching import held_out_scores
from weightlaws.laws.candidates import candidates
from weightlaws.laws.interacting import Interacting

SHAPE, PLANTED, STRENGTH = (5, 4), "ia.ia.ia.ia", -0.1
GAUSSIAN = candidates(SHAPE, None)
INTERACTING = ["interacting", "interacting, chosen couplings", "interacting, normalisable"]


@pytest.fixture(scope="module")
def normal():
    return np.random.default_rng(1).normal(size=(120, *SHAPE))


@pytest.fixture(scope="module")
def planted():
    """Entries of density exp(-w^2 / 2 - w^4 / 10), by rejection."""
    rng = np.random.default_rng(2)
    drawn = rng.normal(size=40_000)
    entries = drawn[rng.uniform(size=drawn.size) < np.exp(STRENGTH * drawn**4)]
    return entries[: 400 * 20].reshape(400, *SHAPE)


def test_few_members_tell_of_few_couplings():
    assert len(law_graphs((10, 10), 480)) == 48
    few = law_graphs((10, 10), 479)
    assert [graph.name for graph in few if graph.degree > 2] == list(
        dict.fromkeys(graph.name for graph in law_graphs((10, 10), 480) if graph.name in QUARTICS)
    )
    assert len(few) == 1 + 4 + 4
    # A graph of more rows than there are is a sum of others.
    assert len(law_graphs((1, 6), 100)) < 9


def test_a_planted_coupling_is_found_with_errors(planted):
    table = couplings_of(planted, 200, 5, np.random.default_rng(0)).set_index("invariant")
    assert (table["note"] == "").all()
    row = table.loc[PLANTED]
    truth = STRENGTH * row["scale"] ** 4
    assert row["scale"] == planted.std()
    assert row["low"] < truth < row["high"]
    assert row["low"] < row["coupling"] < row["high"]
    assert row["z"] == row["coupling"] / row["standard_error"]
    assert row["p_adjusted"] < 0.001
    assert row["step"] == 1
    assert row["path_gain"] > 3 * row["path_gain_standard_error"]
    others = table[(table["degree"] > 2) & (table.index != PLANTED)]
    assert (others["p_adjusted"] > 0.05).all()
    assert others["step"].isna().all()
    assert table.loc[table["degree"] <= 2, "p_adjusted"].isna().all()
    law = Interacting.fit(planted, graphs=law_graphs(SHAPE, 400))
    np.testing.assert_array_equal(table["coupling"], law.couplings["coupling"])
    assert (table["normalisable"] == law.normalisable.note).all()


def test_too_few_members_and_edges_are_notes(normal):
    table = couplings_of(normal[:50], 60, 5, np.random.default_rng(0))
    assert set(table["note"]) == {"50 members are too few for 9 couplings: 10 for each"}
    assert table[["coupling", "low", "z", "p", "p_adjusted", "step"]].isna().all(axis=None)
    even = np.random.default_rng(3).uniform(-1, 1, size=(2000, *SHAPE))
    assert "edge" in unfit(even)
    assert "edge" in unfit(normal, "uniform", 0)
    assert unfit(normal, "uniform", 1) == unfit(normal) == ""
    assert "standard deviation 0" in unfit(np.ones((20, *SHAPE)))
    found = couplings_of(normal, 60, 5, np.random.default_rng(0), note="it has an edge")
    assert set(found["note"]) == {"it has an edge"}
    assert found["coupling"].isna().all()


def test_scores_are_those_of_held_out_members(planted):
    table = scores_of(planted, None, 4, [5]).set_index("law")
    assert list(table.index) == [*GAUSSIAN, *INTERACTING]
    expected = held_out_scores(planted, GAUSSIAN, 4, np.random.default_rng([5]))
    for law, one in expected.items():
        assert table.loc[law, "score"] == one.scores.mean()
    gains = expected["i.i.d."].scores - expected["bipartite"].scores
    row = table.loc["bipartite"]
    assert row["gain"] == gains.mean()
    assert row["low"] < row["gain"] < row["high"]
    fold = random_folds(400, 4, np.random.default_rng([5]))
    likely = held_out(planted, None, fold[None])
    for law, one in likely.items():
        assert table.loc[law, "log_likelihood"] == one.log_likelihood.mean()
    for law in INTERACTING:
        assert table.loc[law, "low"] > 0
        assert np.isnan(table.loc[law, "log_likelihood"])
    assert table["n_parameters"].tolist() == [2, 5, 9, 6, 6]
    # The chosen couplings are a density already.
    chosen, normalisable = (table.loc[law, "score"] for law in INTERACTING[1:])
    assert normalisable == chosen
    assert (table["note"] == "").all()


def test_couplings_that_are_held_back_are_told():
    # Heavy tails: the fourth powers of entries have a positive coupling, which is no density.
    heavy = np.random.default_rng(4).standard_t(6, size=(400, *SHAPE))
    table = scores_of(heavy, None, 4, [5]).set_index("law")
    assert table.loc["interacting, normalisable", "note"] == "the constraint binds in 4 of 4 folds"
    assert table.loc["interacting, chosen couplings", "note"] == ""
    free, held_back = (table.loc[law, "score"] for law in INTERACTING[1:])
    assert free < held_back


def test_laws_that_are_not_scored_say_why(normal):
    few = scores_of(normal[:50], None, 4, [5]).set_index("law")
    assert few.loc[["i.i.d.", "bipartite"], "score"].notna().all()
    assert few.loc["interacting", "note"].startswith("50 members are too few")
    assert np.isnan(few.loc["interacting", "score"])
    edge = scores_of(normal, None, 4, [5], note="it has an edge").set_index("law")
    assert edge["score"].isna().all()
    assert (edge["note"] == "it has an edge").all()
    assert edge.loc[["i.i.d.", "bipartite"], "log_likelihood"].notna().all()
