import itertools

import numpy as np
import pytest
from scipy import stats

from weightlaws.inference.network_test import held_out_gain, independence_tests, neurons
from weightlaws.laws.network import NetworkLaw

WIDTHS = (5, 4, 3, 2)


def independent(n, rng, widths=WIDTHS):
    """Entries far from Gaussian, with a mean, and members of different scales."""
    shapes = zip(widths[1:], widths, strict=False)
    scale = rng.uniform(0.5, 2, size=(n, 1, 1))
    return [0.2 + scale * rng.standard_t(4, size=(n, *shape)) for shape in shapes]


def judge(layers, rng, n_permutations=199):
    return independence_tests({0: neurons(layers)}, n_permutations, rng)


def test_scores_by_brute_force():
    rng = np.random.default_rng(0)
    layers = independent(30, rng)
    layers[2] += 0.2 * layers[1].sum(2)[:, None, :]
    table = judge(layers, rng).set_index(["statistic", "hidden"])
    assert [*table.index] == [
        *itertools.product(["sums"], ["hidden1", "hidden2"]),
        *itertools.product(["labels"], ["hidden1", "hidden2"]),
        *itertools.product(["norms"], ["hidden1", "hidden2"]),
    ]
    for name, power in [("sums", 1), ("norms", 2)]:
        for k in (1, 2):
            x, y = (layers[k - 1] ** power).sum(2), (layers[k] ** power).sum(1)
            x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
            # The variance over all permutations of one member, one after the other.
            orders = [list(order) for order in itertools.permutations(range(x.shape[1]))]
            variance = sum(
                np.var([a @ b[order] for order in orders]) for a, b in zip(x, y, strict=True)
            )
            row = table.loc[name, f"hidden{k}"]
            assert row["z"] == pytest.approx((x * y).sum() / np.sqrt(variance), rel=1e-10)
            expected = np.corrcoef(x.ravel(), y.ravel())[0, 1]
            assert row["correlation"] == pytest.approx(expected, rel=1e-10)
            assert row["p_gaussian"] == pytest.approx(2 * stats.norm.sf(abs(row["z"])), rel=1e-10)


@pytest.mark.parametrize("width", [2, 4])
def test_p_values_are_uniform_under_independence(width):
    """Members of different scales and heavy tails: the level is exact all the same."""
    rng = np.random.default_rng(1)
    p, families = [], []
    for _ in range(400):
        networks = {e: neurons(independent(6, rng, (3, width, width, 2))) for e in (0, 1)}
        table = independence_tests(networks, 39, rng)
        p.append(table["p"])
        families.append(table.groupby("statistic")["p_adjusted"].min())
    # 400 tests each; below 0.1 with chance 0.1, up to 4 standard errors of 0.015, of 12 tests.
    below = (np.array(p) <= 0.1).mean(axis=0)
    assert len(below) == 12
    assert below.max() < 0.16
    if width > 2:  # where permutations seldom tie, p is not larger than it need be
        assert below.min() > 0.04
    assert (np.array(families) <= 0.1).mean(axis=0).max() < 0.16


@pytest.mark.parametrize(
    ("statistic", "hidden"), [*itertools.product(["sums", "labels", "norms"], [1, 2])]
)
def test_what_joins_layers_is_found_by_its_statistic(statistic, hidden):
    rng = np.random.default_rng(2)
    layers = independent(200, rng)
    before, after = layers[hidden - 1], layers[hidden]
    if statistic == "sums":
        after += 0.3 * before.sum(2)[:, None, :]
    elif statistic == "norms":
        # Signs make all products of first degree 0 on average.
        signs = rng.choice([-1, 1], size=after.shape)
        layers[hidden] = signs * np.square(before).sum(2)[:, None, :] ** 0.5
    elif hidden == 1:  # one input or class, at the cost of another
        after += 0.5 * (before[:, :, 0] - before[:, :, 1])[:, None, :]
    else:
        after[:, 0] += 0.5 * before.sum(2)
        after[:, 1] -= 0.5 * before.sum(2)
    table = judge(layers, rng).set_index(["hidden", "statistic"])
    found = table.loc[f"hidden{hidden}"]
    assert found.loc[statistic, "p_adjusted"] == 1 / 200
    other = {"sums": "norms", "norms": "sums", "labels": "sums"}[statistic]
    if statistic != "sums":  # a sum that is passed on makes large norms go together, too
        assert found.loc[other, "p"] > 0.01
    assert table.loc[f"hidden{3 - hidden}", "p"].min() > 0.005


def test_epochs_share_permutations_and_members():
    rng = np.random.default_rng(3)
    layers = independent(40, rng)
    once = independence_tests({3: neurons(layers)}, 99, np.random.default_rng(4))
    twice = independence_tests(
        {3: neurons(layers), 5: neurons(layers)}, 99, np.random.default_rng(4)
    )
    for epoch in (3, 5):
        part = twice[twice["epoch"] == epoch].drop(columns="epoch").reset_index(drop=True)
        # The same statistics twice are no larger family.
        np.testing.assert_array_equal(part["p_adjusted"], once["p_adjusted"])
        np.testing.assert_array_equal(part["p"], once["p"])
    with pytest.raises(ValueError, match="the same members and neurons at all epochs"):
        independence_tests({0: neurons(layers), 1: neurons(independent(41, rng))}, 9, rng)
    with pytest.raises(ValueError, match="two or more permutations, found 1"):
        judge(layers, rng, 1)


def test_a_side_that_does_not_vary_has_no_test():
    rng = np.random.default_rng(5)
    layers = independent(30, rng)
    layers[2] = np.broadcast_to(layers[2][:, :, :1], layers[2].shape)
    table = judge(layers, rng).set_index(["statistic", "hidden"])
    assert table.loc[[("sums", "hidden2"), ("norms", "hidden2")], "p"].isna().all()
    assert table.loc[("labels", "hidden2"), ["z", "p", "p_adjusted"]].isna().all()
    assert table.loc[("sums", "hidden1")].notna().all()


@pytest.mark.parametrize("inputs", ["exchangeable", "labelled"])
def test_gain_of_a_law_that_joins_layers(inputs):
    rng = np.random.default_rng(6)
    n, widths = 600, (3, 5, 4, 2)
    shapes = zip(widths[1:], widths, strict=False)
    layers = [rng.normal(size=(n, *shape)) for shape in shapes]
    x = layers[0].sum(2) / np.sqrt(3)
    layers[1] += 0.3 * (x - x.mean(1, keepdims=True))[:, None, :]
    table = held_out_gain(layers, 5, rng, inputs).set_index("part")
    # The correlation of unit normals a and b + 0.3 sqrt(4) a, in 4 copies.
    expected = 2 * np.log(1 + 0.6**2)
    gain, error = table.loc["hidden1", ["gain", "standard_error"]]
    assert abs(gain - expected) < 4 * error
    assert table.loc["hidden1", "low"] < expected < table.loc["hidden1", "high"]
    # What is not there costs about half a nat a parameter over the members of a fit.
    cost = table["n_parameters"] / (2 * 0.8 * n)
    for part in ("totals", "hidden2"):
        gain, error = table.loc[part, ["gain", "standard_error"]]
        assert abs(gain + cost[part]) < 4 * error
    assert table.loc["all", "gain"] == pytest.approx(table["gain"].iloc[:-1].sum(), rel=1e-10)
    law = NetworkLaw.fit(layers, inputs)
    assert table.loc["all", "n_parameters"] == law.n_parameters - law.independent().n_parameters


def test_no_gain_without_a_density():
    layers = independent(12, np.random.default_rng(7), (9, 3, 3, 8))
    table = held_out_gain(layers, 4, np.random.default_rng(8), "labelled")
    assert table["gain"].isna().all()
    assert table["note"].str.contains("9 members are too few for 18 totals").all()
    with pytest.raises(ValueError, match="from 2 to 12 folds"):
        held_out_gain(layers, 13, np.random.default_rng(8))
