"""Comparison of conditions that differ in learning rate and batch size, on planted ensembles."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.inference.claims import Evidence
from weightlaws.inference.claims_recipes import one_number
from weightlaws.inference.noise_scale import (
    COORDINATES,
    Run,
    comparisons_table,
    coordinates,
    parameters_table,
    scaling_table,
)
from weightlaws.inference.noise_scale_names import RATIO, ROOT, SAME_TIME
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.bipartite import FITTED, Bipartite

SHAPE, EPOCHS, MEMBERS = (6, 5), (0, 10, 20), 200
GRID = [(0.1, 25), (0.2, 25), (0.2, 50), (0.4, 50), (0.2, 100), (0.4, 100)]


def runs(variance, seed=0, members=MEMBERS):
    """Conditions of a grid, their entries normal with a variance of (time, ratio, root)."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(members, *SHAPE))
    found = []
    for rate, batch in GRID:
        moments = []
        for epoch in EPOCHS:
            ratio, root = rate / batch, rate / np.sqrt(batch)
            grown = variance(epoch * ratio, ratio, root) * rng.normal(size=start.shape)
            moments.append(evaluate(FITTED, start + grown))
        found.append(Run(f"rate{rate}-batch{batch}", rate, batch, EPOCHS, np.stack(moments, 1)))
    return found


def drift(time, *_):
    return 10 * time


def noise(time, ratio, _):
    return 10 * time + 100 * ratio


def root(_, __, root):
    return 40 * root


def compared(found, seed=1):
    rng = np.random.default_rng(seed)
    weights = resampling_weights(len(found[0].moments), 200, rng)
    return comparisons_table(found, SHAPE, EPOCHS, weights, 199, rng)


def significant(table):
    return set(table.loc[table["p_adjusted"] <= 0.05, "same"])


def test_coordinates_are_those_of_the_fitted_law():
    matrices = np.random.default_rng(0).normal(0.3, 1, (50, *SHAPE))
    mean, *variances = Bipartite.fit(matrices).parameters
    expected = [mean / np.sqrt(variances[-1]), *np.log(variances)]
    found = coordinates(evaluate(FITTED, matrices).mean(axis=0), SHAPE)
    assert found == pytest.approx(expected, rel=1e-10)


def test_pairs_have_in_common_what_they_say():
    table = compared(runs(drift))
    rates = {f"rate{rate}-batch{batch}": (rate, batch) for rate, batch in GRID}
    for same, one, epoch, other, other_epoch in (
        table[["same", "condition", "epoch", "other", "other_epoch"]].drop_duplicates().to_numpy()
    ):
        (rate, batch), (other_rate, other_batch) = rates[one], rates[other]
        if same == RATIO:
            assert epoch == other_epoch > 0
            assert rate / batch == pytest.approx(other_rate / other_batch)
        elif same == ROOT:
            assert epoch == other_epoch > 0
            assert rate**2 / batch == pytest.approx(other_rate**2 / other_batch)
        else:
            assert same == SAME_TIME
            assert epoch == EPOCHS[-1]
            assert epoch * rate / batch == pytest.approx(other_epoch * other_rate / other_batch)
            assert rate / batch < other_rate / other_batch
    # Ratios: 4, 8, 4, 8, 2 and 4 thousandths. Roots: 2, 4, 2.8, 5.7, 2 and 4 hundredths.
    pairs = table.drop_duplicates(["same", "condition", "epoch", "other"])
    assert pairs["same"].value_counts().to_dict() == {RATIO: 2 * 4, ROOT: 2 * 2, SAME_TIME: 3 + 6}


@pytest.mark.parametrize(
    ("variance", "differ"),
    [
        (drift, {ROOT}),
        (noise, {ROOT, SAME_TIME}),
        (root, {RATIO, SAME_TIME}),
    ],
    ids=["drift", "drift and noise", "root"],
)
def test_the_number_that_counts_is_told_from_the_others(variance, differ):
    n = 8
    found = [significant(compared(runs(variance, seed), seed)) for seed in range(n)]
    assert all(differ <= names for names in found)
    # The others are families at the level of 0.05.
    wrong = sum(len(names - differ) for names in found)
    others = 3 - len(differ)
    assert stats.binom.sf(wrong - 1, n * others, 0.05) > 0.001


def test_conditions_of_one_law_differ_at_the_level():
    n = 60
    names = [same for seed in range(n) for same in significant(compared(null(seed), seed))]
    for same in (RATIO, ROOT, SAME_TIME):
        assert stats.binom.sf(names.count(same) - 1, n, 0.05) > 0.001


def null(seed):
    return runs(lambda *_: 1.0, seed, 60)


# Three conditions of one ratio. Two share more than the others, so that the weights of a member
# could not be given to the three at random without a change of their joint law.
ALIKE = [[1, 0.95, 0.3], [0.95, 1, 0.3], [0.3, 0.3, 1]]


@pytest.mark.parametrize("degrees", [np.inf, 5], ids=["normal", "heavy-tailed"])
def test_conditions_that_are_not_equally_alike_differ_at_the_level(degrees):
    n, members, rng = 600, 60, np.random.default_rng(3)
    found = 0
    for _ in range(n):
        entries = np.linalg.cholesky(ALIKE) @ rng.normal(size=(3, members * 30))
        if degrees < np.inf:  # Student's t
            entries /= np.sqrt(rng.chisquare(degrees, members * 30) / degrees)
        moments = evaluate(FITTED, entries.reshape(-1, *SHAPE)).reshape(3, members, 1, -1)
        same = [
            Run(f"batch{batch}", 0.01 * batch, batch, (10,), each)
            for batch, each in zip((25, 50, 100), moments, strict=True)
        ]
        weights = resampling_weights(members, 2, rng)
        table = comparisons_table(same, SHAPE, (10,), weights, 199, rng)
        found += bool((table["p_adjusted"] <= 0.05).any())
    assert stats.binom.sf(found - 1, n, 0.05) > 0.001
    # Nor is it a test that hardly ever says so.
    assert stats.binom.cdf(found, n, 0.05) > 0.001


def test_a_condition_of_quite_another_law_hides_no_pair():
    trio = [run for run in runs(drift) if run.noise_scale == pytest.approx(0.004)]
    assert len(trio) == 3
    # Entries of the second are a little larger, and those of the third are twice as large.
    larger = [
        replace(run, moments=run.moments * [scale, *[scale**2] * 4])
        for run, scale in zip(trio, (1, 1.1, 2), strict=True)
    ]
    table = compared(larger).query("same == @RATIO and parameter == 'v_rest'")
    assert len(table) == 3 * 2
    assert (table["p_adjusted"] <= 0.05).all()


def test_intervals_are_those_of_the_claim():
    found = [run for run in runs(drift, members=30) if run.noise_scale == pytest.approx(0.004)]
    table = compared(found[:2]).query("same == @RATIO and epoch == 20")
    place = {"layer": "hidden1-hidden2", "n_members": 30}
    conditions = pd.DataFrame(
        {"condition": [run.condition for run in found], "optimiser": "sgd", "dataset": "digits"}
    )
    tables = {
        "conditions": conditions.assign(epochs=20),
        "noise_scale_comparisons": table.assign(**place),
    }
    judged = one_number(Evidence(tables=tables)).places
    numbers = [(place.value, place.low, place.high) for place in judged]
    assert np.array(numbers) == pytest.approx(table[["difference", "low", "high"]].to_numpy())


def test_table_of_parameters_covers_the_law():
    found = runs(lambda *_: 0.0)
    weights = resampling_weights(MEMBERS, 400, np.random.default_rng(0))
    table = parameters_table(found, SHAPE, weights)
    assert len(table) == len(GRID) * len(EPOCHS) * len(COORDINATES)
    rest = table[table["parameter"] == "v_rest"]
    assert (rest["low"] < 1).all()
    assert (rest["high"] > 1).all()


def test_the_summary_takes_errors_off():
    table = compared(runs(drift))
    summary = scaling_table(table, 0.05).set_index(["same", "epoch", "parameter"])
    one = summary.loc[RATIO, 20, "v_rest"]
    assert one["pairs"] == 4
    assert one["typical_difference"] < 2 * one["typical_error"]
    assert summary.loc[ROOT, 20, "v_rest"]["typical_difference"] > 0.3
    assert summary.loc[ROOT, 20, "v_rest"]["significant"] == 2
    # No p-value is as small as that.
    assert (scaling_table(table, 1e-6)["significant"] == 0).all()
