from dataclasses import replace

import numpy as np
import pytest

from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.inference.distance_job import DistanceSpec, distances
from weightlaws.inference.layer_fit import fit_layer
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.noise_floor import noise_floor
from weightlaws.laws.pigmm import PIGMM, parameters_from_moments
from weightlaws.laws.wasserstein import squared_distance
from weightlaws.training.initial_law import initial_law

SIZE, MEMBERS = 6, 50
GRAPHS = catalogue("published")
WEIGHTS = resampling_weights(MEMBERS, 200, np.random.default_rng(9))


def model_of(weights, members=MEMBERS):
    invariants = {"weights": weights, "invariants": "published", "layers": ["hidden1-hidden2"]}
    return {"invariants": invariants, "members": members, "seed": 5, "bootstrap_replicates": 200}


def model(initialisation, dataset="digits", size=SIZE, members=MEMBERS):
    weights = {
        "dataset": {"dataset": dataset},
        "shapes": {"hidden1-hidden2": [size, size], "hidden2-output": [10, size]},
        "initialisation": {"law": initialisation},
        "epochs": 3,
        "snapshots": {"hidden1-hidden2": [0, 3]},
    }
    return model_of(weights, members)


def distances_table(fits, models):
    return distances(fits, DistanceSpec.parse({"models": models, "seed": 5, "draws": 400}))


def fits(seed, initialisation, size=SIZE, weights=WEIGHTS):
    """Two snapshots: the initial law itself, and one with a mean added."""
    scale = {"gaussian": 1, "uniform": 1 / 3}[initialisation] / size
    start = PIGMM.iid(size, scale).sample(weights.shape[1], np.random.default_rng(seed))
    matrices = np.stack([start, start + 0.3], axis=1)
    invariants = evaluate(GRAPHS, matrices)
    return {
        "hidden1-hidden2": fit_layer(
            invariants.swapaxes(0, 1), GRAPHS, size, initial_law(initialisation), weights
        )
    }


@pytest.fixture(scope="module")
def study():
    models = {
        "a": model("gaussian"),
        "b": model("uniform"),
        "other size": model("gaussian", size=5),
        "other data": model("gaussian", dataset="mnist"),
    }
    fitted = {
        "a": fits(1, "gaussian"),
        "b": fits(2, "uniform"),
        "other size": fits(3, "gaussian", size=5),
        "other data": fits(4, "gaussian"),
    }
    return fitted, models, distances_table(fitted, models)


def test_every_condition_is_measured_from_both_starts_at_each_epoch(study):
    _, _, table = study
    starts = table[table["reference"].isin(["initial law", "start"])]
    assert len(starts) == 4 * 2 * 2
    assert set(starts["epoch"]) == {0, 3}


def test_distances_are_those_of_the_fitted_laws(study):
    fitted, _, table = study
    rows = table.set_index(["reference", "condition", "epoch"])
    laws = [PIGMM(SIZE, f) for f in fitted["b"]["hidden1-hidden2"].parameters]
    initial = PIGMM.iid(SIZE, 1 / 3 / SIZE)
    for reference, epoch, law in (
        ("initial law", 0, initial),
        ("initial law", 3, initial),
        ("start", 3, laws[0]),
    ):
        row = rows.loc[(reference, "b", epoch)]
        expected = squared_distance(laws[0] if epoch == 0 else laws[1], law)
        assert row["w2_squared"] == pytest.approx(expected, rel=1e-12)
        assert row["w2"] == pytest.approx(np.sqrt(expected), rel=1e-12)
    # A mean of 0.3 in 36 entries, and nothing else, moves the law by 0.3 * 6.
    assert rows.loc[("start", "b", 3), "w2"] == pytest.approx(1.8, rel=1e-9)
    # The root of a sum of squares of rounding errors, of some 1e-16 each.
    assert rows.loc[("start", "b", 0), "w2"] == pytest.approx(0, abs=1e-14)


def test_the_start_lies_within_its_noise_floor_and_the_end_beyond(study):
    rows = study[2].set_index(["reference", "condition", "epoch"]).loc["initial law"]
    for condition in ("a", "b", "other size", "other data"):
        start, end = rows.loc[(condition, 0)], rows.loc[(condition, 3)]
        # One ensemble in twenty lies above the 95 % point, but none far.
        assert 0.5 * start["w2_floor_mean"] < start["w2"] < 1.3 * start["w2_floor_95"]
        assert end["w2"] > 3 * end["w2_floor_95"]
        assert start["w2_floor_95"] == pytest.approx(np.sqrt(start["w2_squared_floor_95"]))


def test_only_conditions_with_one_layer_size_and_data_set_are_compared(study):
    fitted, _, table = study
    between = table[~table["reference"].isin(["initial law", "start"])]
    assert between[["reference", "condition", "epoch"]].to_numpy().tolist() == [["a", "b", 3]]
    laws = [PIGMM(SIZE, fitted[c]["hidden1-hidden2"].parameters[-1]) for c in ("a", "b")]
    assert between["w2_squared"].item() == pytest.approx(squared_distance(*laws), rel=1e-12)
    one_sample = table[(table["condition"] == "a") & (table["reference"] == "initial law")]
    # Two estimated laws are about sqrt(2) further apart than one from a known law.
    ratio = between["w2_floor_mean"].item() / one_sample["w2_floor_mean"].iloc[0]
    assert 1.2 < ratio < 1.7


def test_a_row_does_not_depend_on_the_other_conditions(study):
    fitted, models, table = study
    alone = distances_table({"b": fitted["b"]}, {"b": models["b"]})
    same = table[(table["condition"] == "b") & (table["reference"] != "a")]
    assert alone.equals(same.reset_index(drop=True))


def of(names, models):
    """The models of some conditions."""
    return {name: models[name] for name in names}


def laws_without_one(fit, snapshot):
    """Fits without one member each, by a loop."""
    statistics = fit.statistics[:, snapshot]
    means = [np.delete(statistics, k, axis=0).mean(axis=0) for k in range(len(statistics))]
    return [PIGMM(SIZE, parameters_from_moments(mean, SIZE)) for mean in means]


def error_of(squared):
    return np.sqrt((len(squared) - 1) * np.var(squared))


def test_standard_errors_leave_the_same_member_out_of_both_laws(study):
    fitted, _, table = study
    rows = table.set_index(["reference", "condition", "epoch"])
    a, b = (fitted[condition]["hidden1-hidden2"] for condition in ("a", "b"))
    pairs = {
        ("start", "b", 3): (laws_without_one(b, 0), laws_without_one(b, 1)),
        ("a", "b", 3): (laws_without_one(a, 1), laws_without_one(b, 1)),
    }
    for place, laws in pairs.items():
        squared = [squared_distance(f, g) for f, g in zip(*laws, strict=True)]
        row = rows.loc[place]
        # Differences of values of order 1 and of 1e-3, each with a rounding of some 1e-15.
        expected = pytest.approx(error_of(squared), rel=1e-10, abs=1e-13)
        assert row["w2_squared_standard_error"] == expected
        bias = (MEMBERS - 1) * (np.mean(squared) - row["w2_squared"])
        expected = row["w2_squared"] - bias
        assert row["w2_squared_corrected"] == pytest.approx(expected, rel=1e-10, abs=1e-12)
    # The same shift of every member: between epochs of one ensemble it has no error at all.
    assert rows.loc[("start", "b", 3), "w2_squared_standard_error"] < 1e-13
    assert rows.loc[("initial law", "b", 3), "w2_squared_standard_error"] > 1e-3


def test_a_distance_without_movement_is_0_and_so_is_its_floor(study):
    fitted, models, table = study
    squares = [column for column in table if column.startswith("w2_squared")]
    start = table[(table["reference"] == "start") & (table["epoch"] == 0)]
    assert len(start) == 4
    # Squares of rounding errors of 1e-15, and N - 1 times these.
    np.testing.assert_allclose(start[squares], 0, atol=1e-26)
    # Two conditions whose members are the same networks.
    twins = distances_table({"a": fitted["a"], "b": fitted["a"]}, of("ab", models))
    (between,) = twins[twins["reference"] == "a"][squares].to_numpy()
    np.testing.assert_allclose(between, 0, atol=1e-26)


def test_a_diverged_member_changes_no_sides(study):
    """Members 0 to 48 of one condition, and 1 to 49 of the other: 48 are on both sides."""
    fitted, models, _ = study
    one, other = (
        {"hidden1-hidden2": some_members(fit["hidden1-hidden2"], kept)}
        for fit, kept in ((fitted["a"], range(49)), (fitted["b"], range(1, 50)))
    )
    found = (
        distances_table({"a": one, "b": other}, of("ab", models)).set_index("reference").loc["a"]
    )
    both = (fit["hidden1-hidden2"] for fit in (fitted["a"], fitted["b"]))
    same = [some_members(fit, range(1, 49)) for fit in both]
    pair = {name: {"hidden1-hidden2": fit} for name, fit in zip("ab", same, strict=True)}
    expected = distances_table(pair, of("ab", models)).set_index("reference").loc["a"]
    for name in ("corrected", "low", "high", "floor_mean", "floor_95"):
        assert found[f"w2_squared_{name}"] == expected[f"w2_squared_{name}"]
    assert found["w2_squared"] != expected["w2_squared"]


def some_members(fit, kept):
    """The fit to some of the members."""
    kept = list(kept)
    statistics = fit.statistics[kept]
    parameters = parameters_from_moments(statistics.mean(axis=0), SIZE)
    return replace(fit, parameters=parameters, statistics=statistics, members=fit.members[kept])


def test_ensembles_of_different_sizes_are_compared_as_independent_ones(study):
    """One is left out of each in turn, and the floor is of one small and one large."""
    fitted, _, table = study
    few = resampling_weights(12, 200, np.random.default_rng(9))
    both = {"a": fitted["a"], "few": fits(6, "gaussian", weights=few)}
    models = {"a": model("gaussian"), "few": model("gaussian", members=12)}
    row = distances_table(both, models).set_index("reference").loc["a"]
    a, b = (both[name]["hidden1-hidden2"] for name in both)
    whole = [PIGMM(SIZE, fit.parameters[-1]) for fit in (a, b)]
    without = (
        [squared_distance(f, whole[1]) for f in laws_without_one(a, 1)],
        [squared_distance(whole[0], g) for g in laws_without_one(b, 1)],
    )
    expected = np.hypot(*map(error_of, without))
    assert row["w2_squared_standard_error"] == pytest.approx(expected, rel=1e-10)
    equal = table.set_index(["reference", "condition"]).loc[("a", "b")]
    # Most of the noise is that of 12 members: 1/12 + 1/50 against that of the law of 50.
    ratio = row["w2_squared_floor_mean"] / floor_of_a_law(fitted, 50)
    assert ratio == pytest.approx((1 / 12 + 1 / 50) / (1 / 50), rel=0.2)
    assert equal["w2_squared_floor_mean"] < row["w2_squared_floor_mean"]


def floor_of_a_law(fitted, n):
    law = fitted["a"]["hidden1-hidden2"].parameters[-1]
    return noise_floor(law, SIZE, n, 400, np.random.default_rng(11)).mean()


def test_ensembles_that_were_trained_elsewhere_are_measured_from_each_other(study):
    fitted, models, _ = study
    weights = {
        "shapes": {"hidden1-hidden2": [SIZE, SIZE]},
        "epochs": 0,
        "snapshots": {"hidden1-hidden2": [0]},
    }
    own = model_of(weights)
    models = {"a": models["a"], "own": own, "other": own}
    start = PIGMM.iid(SIZE, 1).sample(MEMBERS, np.random.default_rng(7))
    invariants = evaluate(GRAPHS, start[:, None])
    fit = {"hidden1-hidden2": fit_layer(invariants.swapaxes(0, 1), GRAPHS, SIZE, None, WEIGHTS)}
    fits_of = {"a": fitted["a"], "own": fit, "other": fit}
    table = distances_table(fits_of, models)
    mine = table[table["condition"] != "a"]
    assert mine[["reference", "condition", "epoch"]].to_numpy().tolist() == [
        ["start", "own", 0],
        ["start", "other", 0],
        ["own", "other", 0],
    ]
    assert np.isnan(fit["hidden1-hidden2"].deviation_start).all()
