"""Matrices of which the answer is known."""

import numpy as np
import pytest
from scipy import stats

from weightlaws.spectra.analysis import analyse
from weightlaws.spectra.null import simulate_null
from weightlaws.spectra.p_values import rank_p_value
from weightlaws.spectra.statistics import STATISTICS

ENTRIES = {
    "Gaussian": lambda rng, shape: 0.3 * rng.standard_normal(shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
}
_NULLS = {}


def null_of(shape):
    """A null of 500 matrices, simulated once for all tests."""
    if shape not in _NULLS:
        _NULLS[shape] = simulate_null(shape, 1, matrices=500)
    return _NULLS[shape]


def analysed(matrix, seed=0, **options):
    options.setdefault("permutations", 0)
    options.setdefault("sign_flips", 0)
    options.setdefault("bootstrap_replicates", 50)
    return analyse(matrix, np.random.default_rng(seed), null=null_of(matrix.shape), **options)


def haar(size, rank, rng):
    return np.linalg.qr(rng.standard_normal((size, rank)))[0]


def planted(shape, left, right, rng, strength=1.8):
    """Unit noise with orthonormal signals, each so many times as strong as the noise's edge."""
    edge = np.sqrt(shape[0]) + np.sqrt(shape[1])
    return rng.standard_normal(shape) + strength * edge * left @ right.T


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize("shape", [(100, 100), (100, 130), (240, 100)])
def test_random_matrices_are_found_random(entries, shape):
    found = [
        analysed(ENTRIES[entries](np.random.default_rng([k, 77]), shape), k) for k in range(60)
    ]
    p = np.stack([one.table()["p_value"] for one in found])
    for name, values in zip(STATISTICS, p.T, strict=True):
        if not name.startswith(("outliers", "share")):
            # Ten statistics a case, six cases: at this level one false alarm in some thirty runs.
            assert stats.kstest(values, "uniform").pvalue > 5e-4, name
    middle, spread = (
        np.array([null_of(shape).statistics[name].mean() for name in STATISTICS]),
        np.array([null_of(shape).statistics[name].std() for name in STATISTICS]),
    )
    means = np.stack([list(one.values.values()) for one in found]).mean(axis=0)
    error = spread * np.sqrt(1 / 60 + 1 / 500)
    assert (np.abs(means - middle) < 4 * error + 1e-9).all()
    # At most one matrix in a hundred has an outlier.
    assert sum(one.n_outliers > 0 for one in found) <= 4
    assert {one.tail_verdict for one in found} == {"not a power law"}


def test_the_p_values_of_small_ensembles_are_calibrated_too():
    found = [
        analysed(np.random.default_rng([k, 78]).standard_normal((10, 10)), k) for k in range(400)
    ]
    for name in ("bulk_distance", "mean_ratio"):
        p = [rank_p_value(one.values[name], one.null.statistics[name], "greater") for one in found]
        assert stats.kstest(p, "uniform").pvalue > 1e-3
    # Finite size: a 10 x 10 Gaussian matrix has 0.528.
    ratios = np.array([one.mean_ratio for one in found])
    assert ratios.mean() == pytest.approx(0.528, abs=3 * ratios.std() / 20)
    assert {one.tail_verdict for one in found} == {"too few values"}
    assert np.isnan(found[0].brody)
    assert "expected 80 to unfold" in found[0].notes["brody"]


@pytest.mark.parametrize("scales", [0.0, 0.3])
def test_random_matrices_have_learned_nothing(scales):
    # Decisions at a level of 1 in 20: of 120 matrices 6 err, and 15 or more once in 1000 runs.
    learned = informative = 0
    for seed in range(120):
        rng = np.random.default_rng([seed, 79])
        sizes = np.exp(scales * rng.standard_normal((24, 1)))
        one = analysed(sizes * rng.standard_normal((24, 40)), seed, sign_flips=19)
        learned += one.learned_rank > 0
        informative += one.n_informative_vectors > 0
    assert learned <= 14
    assert informative <= 14


def test_dense_signals_are_learned_without_informative_vectors():
    rank, outliers, learned, informative = 5, [], [], []
    for seed in range(20):
        rng = np.random.default_rng([seed, 80])
        matrix = planted((128, 160), haar(128, rank, rng), haar(160, rank, rng), rng)
        one = analysed(matrix, seed, sign_flips=39)
        outliers.append(one.n_outliers)
        learned.append(one.learned_rank)
        informative.append(one.n_informative_vectors)
    assert sum(n == rank for n in outliers) >= 17
    assert sum(n == rank for n in learned) >= 17
    assert sum(n == 0 for n in informative) >= 17


def test_scale_makes_outliers_and_nothing_learned():
    rng = np.random.default_rng(90)
    one = analysed(
        np.exp(0.3 * rng.standard_normal((128, 1))) * rng.standard_normal((128, 128)),
        permutations=39,
        sign_flips=39,
    )
    assert one.n_outliers >= 4
    assert (one.permuted["outliers_above"] < one.n_outliers).all()
    assert one.sign_flipped["outliers_above"].mean() == pytest.approx(one.n_outliers, abs=2)
    assert (one.learned_rank, one.n_informative_vectors) == (0, 0)


def test_a_direction_of_a_third_of_the_neurons_is_informative():
    left, right = np.zeros((128, 1)), np.zeros((160, 1))
    left[:40], right[:40] = 1 / np.sqrt(40), 1 / np.sqrt(40)
    rng = np.random.default_rng(91)
    one = analysed(planted((128, 160), left, right, rng, strength=3), sign_flips=39)
    assert one.learned_rank == 1
    assert one.vectors.informative.tolist() == [True] + [False] * 127
    assert one.informative_from == one.singular_values[0]
    assert one.vectors.p_right[0] == pytest.approx(1 / 20)


def test_a_few_large_entries_are_scale():
    # Four of sixteen signs have the block's rank 1: entries that are large may be so by chance.
    matrix = np.random.default_rng(92).standard_normal((60, 80))
    matrix[:2, :2] = 50
    one = analysed(matrix, sign_flips=39)
    assert one.n_outliers >= 1
    assert (one.learned_rank, one.n_informative_vectors) == (0, 0)


def test_neurons_of_zeros_are_left_out_and_counted():
    matrix = np.random.default_rng(93).standard_normal((128, 128))
    matrix[5:43] = 0
    matrix[:, 7] = 0
    one = analysed(matrix, sign_flips=19, permutations=3)
    assert one.notes["zero_rows"] == "38 of 128 rows are 0 and left out"
    assert one.notes["zero_columns"] == "1 of 128 columns are 0 and left out"
    assert (one.inner, one.null.shape) == ((90, 127), (90, 127))
    assert len(one.singular_values) == 128
    assert (one.singular_values[90:] == 0).all()
    assert one.bulk.shape == (90, 127)
    assert (one.n_outliers, one.learned_rank, one.n_informative_vectors) == (0, 0, 0)
    assert np.isnan(one.vectors.p_left[90:]).all()
    assert (one.table()["p_value"] > 0.005).all()


def test_repeated_neurons_and_symmetry_are_named():
    matrix = np.random.default_rng(94).standard_normal((12, 12))
    assert {"duplicate_rows", "symmetric"}.isdisjoint(analysed(matrix).notes)
    matrix[7], matrix[9], matrix[:, 4] = matrix[2], -matrix[2], 0
    matrix[:, 10] = -matrix[:, 3]
    notes = analysed(matrix).notes
    assert (
        "2 of 12 rows repeat an earlier one, or its negative: 7 is 2, 9 is 2"
        in (notes["duplicate_rows"])
    )
    assert (
        "1 of 12 columns repeat an earlier one, or its negative: 10 is 3"
        in (notes["duplicate_columns"])
    )
    assert "symmetric" in analysed(matrix + matrix.T).notes


def orthogonal(n=128):
    return np.linalg.qr(np.random.default_rng(95).standard_normal((n, n)))[0]


def low_rank(rank):
    rng = np.random.default_rng(96)
    return rng.standard_normal((128, rank)) @ rng.standard_normal((rank, 128))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("matrix", "rank"),
    [
        (orthogonal(), 0),
        (np.eye(128), 0),
        (low_rank(1), 1),
        (low_rank(3), 3),
        (np.full((128, 128), 0.1), 1),
    ],
    ids=["orthogonal", "identity", "rank 1", "rank 3", "equal"],
)
def test_levels_of_rounding_noise_are_not_determined(matrix, rank, dtype):
    one = analysed(matrix.astype(dtype), sign_flips=39, permutations=3)
    for name in ("mean_ratio", "brody", "spacing_distance", "number_variance_1"):
        assert np.isnan(one.values[name])
        assert "differ by no more than rounding" in one.notes[name]
    assert np.isnan(one.brody_window_spread)
    assert one.learned_rank == rank
    assert one.tail_verdict != "power law"
    assert len(one.spacings) == 0
    assert "are 0, or equal to another, to rounding" in one.notes["vectors"]
    # The one direction of equal entries is determined, and no vector of its copies is as even.
    assert one.n_informative_vectors == (matrix[0, 0] == 0.1)
    assert np.isnan(one.vectors.p_left[rank:]).all()
    assert one.table()["p_value"].notna().sum() <= 4


def test_levels_just_above_rounding_are_determined():
    rng = np.random.default_rng(97)
    matrix = orthogonal() + 1e-4 * rng.standard_normal((128, 128))
    assert np.isfinite(analysed(matrix.astype(np.float32)).mean_ratio)


def test_spikes_leave_the_levels_of_the_rest_random():
    """40 spikes in 128 x 128: of the levels left, as of as many random ones, 5 % reject."""
    names, runs = ["bulk_distance", "spacing_distance", "brody", "mean_ratio"], 60
    p = []
    for seed in range(runs):
        rng = np.random.default_rng([seed, 98])
        matrix = planted((128, 128), haar(128, 40, rng), haar(128, 40, rng), rng, strength=10)
        one = analysed(matrix, seed)
        assert one.n_outliers >= 40
        p.append(one.table().set_index("statistic")["p_value"][names])
    rejected = (np.array(p) < 0.05).sum(axis=0)
    # Of 60 three reject, and nine or more once in 300 times.
    assert (rejected <= 8).all()


def test_independent_singular_values_are_found_without_repulsion():
    rng = np.random.default_rng(81)
    values = np.sort(rng.uniform(5, 15, 200))[::-1]
    one = analysed(haar(200, 200, rng) * values @ haar(200, 200, rng).T)
    assert one.mean_ratio == pytest.approx(2 * np.log(2) - 1, abs=0.06)
    assert abs(one.brody) < 3 * one.brody_error + 0.1
    table = one.table().set_index("statistic")["p_value"]
    assert (table[["mean_ratio", "brody", "spacing_distance", "number_variance_5"]] < 0.01).all()
    np.testing.assert_allclose(one.singular_values, values)


def test_heavy_tailed_entries_fail_the_gaussian_null_but_not_their_own_permutations():
    rejected = []
    for seed in range(10):
        matrix = np.random.default_rng([seed, 82]).standard_t(1.8, (100, 100))
        one = analysed(matrix, seed, permutations=39)
        gaussian = one.table().set_index("statistic").loc["bulk_distance", "p_value"]
        own = (1 + (one.permuted["bulk_distance"] >= one.values["bulk_distance"]).sum()) / 40
        rejected.append((gaussian <= 0.01, own <= 0.05))
    gaussian, own = np.sum(rejected, axis=0)
    assert gaussian >= 8
    assert own <= 3


def test_structure_fails_both_nulls():
    rng = np.random.default_rng(83)
    # Rows of very different size: no matrix with its entries in random order is like it.
    matrix = rng.standard_normal((100, 100)) * np.geomspace(0.1, 10, 100)[:, None]
    one = analysed(matrix, permutations=39)
    assert one.table().set_index("statistic").loc["bulk_distance", "p_value"] < 0.01
    assert (one.permuted["bulk_distance"] < one.values["bulk_distance"]).all()


def test_the_verdict_on_the_tail_is_of_the_singular_values():
    power_laws = {"pareto": 0, "log-normal": 0}
    for seed in range(10):
        rng = np.random.default_rng([seed, 84])
        u, v = haar(200, 200, rng), haar(200, 200, rng)
        draws = {"pareto": rng.pareto(2.0, 200) + 1, "log-normal": rng.lognormal(0, 0.8, 200)}
        for name, values in draws.items():
            verdict = analysed(u * np.sort(values)[::-1] @ v.T).tail_verdict
            power_laws[name] += verdict == "power law"
    # Right in some 95 % and 92 % of cases: fewer than seven of ten would come once in 500 times.
    assert power_laws["pareto"] >= 7
    assert power_laws["log-normal"] <= 3


def test_the_hard_edge_of_a_square_matrix_is_no_outlier():
    below = []
    for seed in range(60):
        one = analysed(np.random.default_rng([seed, 85]).standard_normal((100, 100)), seed)
        below.append(one.bulk.below)
    assert sum(n > 0 for n in below) <= 4


def test_ranks_beyond_the_matrix_have_no_vectors():
    rng = np.random.default_rng(86)
    matrix = rng.standard_normal((60, 30)) @ rng.standard_normal((30, 60))
    one = analysed(matrix, sign_flips=19)
    assert np.isfinite(one.vectors.p_left[:30]).all()
    assert np.isnan(one.vectors.p_left[30:]).all()
    assert not one.vectors.informative[30:].any()


def test_scaling_a_matrix_scales_its_sigma_and_nothing_else():
    matrix = np.random.default_rng(87).standard_normal((100, 110))
    one, scaled = (analysed(size * matrix, sign_flips=19) for size in (1, 2.0**-13))
    assert scaled.bulk.sigma == pytest.approx(2.0**-13 * one.bulk.sigma)
    np.testing.assert_allclose([*scaled.values.values()], [*one.values.values()], rtol=1e-6)
    np.testing.assert_allclose(scaled.vectors.p_left, one.vectors.p_left, rtol=1e-6)


def test_the_same_generator_gives_the_same_analysis():
    matrix = np.random.default_rng(88).standard_normal((100, 100))
    one, other = (analysed(matrix, 5, permutations=3, sign_flips=19) for _ in range(2))
    assert one.brody_error == other.brody_error
    np.testing.assert_array_equal(one.permuted["bulk_distance"], other.permuted["bulk_distance"])
    np.testing.assert_array_equal(one.vectors.p_left, other.vectors.p_left)


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (3, 5), (4, 200)])
def test_matrices_too_small_have_reasons(shape):
    one = analyse(
        np.ones(shape) + np.eye(*shape), np.random.default_rng(0), permutations=2, sign_flips=2
    )
    assert np.isnan(one.mean_ratio)
    assert one.n_outliers == 0
    assert one.notes["mean_ratio"] == (f"found {min(shape)} singular values, expected at least 5")
    assert one.tail_verdict == "too few values"
    assert one.bulk is None


def test_a_matrix_of_zeros_is_analysed():
    one = analysed(np.zeros((20, 30)), sign_flips=19)
    assert one.n_informative_vectors == 0
    assert np.isnan(one.learned_rank)
    assert one.notes["learned_rank"] == "all entries are 0"
    assert one.table()["p_value"].isna().all()
    assert np.isnan(one.informative_from)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros(4), r"found shape \(4,\), expected \(out, in\), both at least 1"),
        (np.zeros((0, 4)), r"found shape \(0, 4\)"),
        (np.full((4, 4), np.nan), "found NaN or infinity, expected finite entries"),
    ],
)
def test_what_is_no_matrix_is_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        analyse(matrix, np.random.default_rng(0))


def test_a_null_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"null: found one for shape \(10, 10\), expected \(4, 4"):
        analyse(np.eye(4), np.random.default_rng(0), null=null_of((10, 10)))
