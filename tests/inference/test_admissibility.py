import numpy as np
import pandas as pd

from weightlaws.inference.admissibility import blocks_table
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.laws.pigmm import PIGMM

EPOCHS = [0, 50]


def verdicts(parameters, n_members=100):
    table = blocks_table(np.array(parameters), 5, EPOCHS[: len(parameters)], n_members)
    return table.set_index(["epoch", "block"])


def test_a_good_law_is_positive_definite():
    table = verdicts([PIGMM.iid(5, 0.1).parameters, PIGMM.iid(5, 0.2).parameters])
    assert (table["verdict"] == "positive definite").all()
    assert (table["reason"] == "").all()
    np.testing.assert_allclose(table.loc[50, ["least", "greatest"]], 0.2)
    assert list(table.loc[0].index) == ["V0", "VH", "V2", "V3"]


def test_a_block_without_spread_is_near_singular_and_a_negative_one_indefinite():
    singular, indefinite = (PIGMM.iid(5, 0.1).parameters.copy() for _ in range(2))
    singular[12] = 1e-9
    indefinite[6] = 0.2  # more covariance than variance
    table = verdicts([singular, indefinite])
    assert table.loc[(0, "V3"), "verdict"] == "near-singular"
    assert table.loc[(0, "V3"), "reason"] == "weights hardly vary in this block"
    assert table.loc[(50, "VH"), "verdict"] == "indefinite"
    assert table.loc[(50, "VH"), "least"] < 0
    assert (table["verdict"] == "positive definite").sum() == 6


def test_too_few_members_are_the_reason_of_a_singular_fit():
    matrices = np.random.default_rng(1).normal(size=(2, 5, 5))
    table = verdicts([PIGMM.fit(matrices).parameters], n_members=2)
    assert table.loc[(0, "V0"), "verdict"] == "near-singular"
    assert table.loc[(0, "V0"), "reason"] == "too few members"
    assert table.loc[(0, "VH"), "verdict"] == "positive definite"


def counted(values):
    return pd.DataFrame({"epoch": EPOCHS, "sum": [values.sum(), -values.sum()]})


def ensemble(dead):
    dead = np.array(dead)
    return np.arange(1.0, 1 + len(dead)), dead


def test_tables_stand_with_and_without_dead_outputs():
    table = with_and_without_dead(*ensemble([False, True, False]), 2, counted, layer="a")
    assert list(table) == ["layer", "selection", "n_members", "epoch", "sum"]
    assert table["sum"].tolist() == [6, -6, 4, -4]
    assert table["n_members"].tolist() == [3, 3, 2, 2]
    assert table["selection"].unique().tolist() == ["all", "without dead outputs"]


def test_what_is_the_same_is_not_computed_twice():
    calls = []
    table = with_and_without_dead(
        *ensemble([False] * 3), 2, lambda values: calls.append(1) or counted(values)
    )
    assert len(calls) == 1
    assert table["sum"].tolist() == [6, -6, 6, -6]


def test_too_few_members_without_dead_outputs_are_said(caplog):
    table = with_and_without_dead(*ensemble([True, True, False]), 2, counted)
    assert table["selection"].unique().tolist() == ["all"]
    assert "found 1 members without a dead output, expected at least 2" in caplog.text
