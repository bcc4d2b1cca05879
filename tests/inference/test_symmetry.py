from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats
from support.rounding import assert_sums_close

from weightlaws.inference import symmetry
from weightlaws.inference.symmetry import (
    SYMMETRIES,
    p_value,
    randomisation_tests,
    randomised_statistics,
)
from weightlaws.inference.symmetry_names import SYMMETRY_TESTS
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.likelihood_ratios import BIPARTITE_FITTED
from weightlaws.laws.pigmm import FITTED, PIGMM


def heavy_tailed(rng, *shape):
    return rng.standard_t(5, size=shape)


def rows_exchangeable(rng, n, size):
    """As labelled in columns, in means and scales, and as dependent as may be otherwise."""
    labels = np.arange(size)
    member, row = 1 + heavy_tailed(rng, n, 1, 1) ** 2, heavy_tailed(rng, n, size, 1)
    entries = heavy_tailed(rng, n, size, size) * (1 + row**2) * (1 + labels)
    return member * (entries + row * labels + labels**2) + heavy_tailed(rng, n, 1, 1)


def columns_exchangeable(rng, n, size):
    return rows_exchangeable(rng, n, size).swapaxes(1, 2)


def entries_exchangeable(rng, n, size):
    """Members each on a scale and with a mean of their own."""
    member = 1 + heavy_tailed(rng, n, 1, 1) ** 2
    return member * heavy_tailed(rng, n, size, size) + heavy_tailed(rng, n, 1, 1)


def p_values(name, draw, n_ensembles, n, size, n_randomisations):
    rng, p = np.random.default_rng(1), []
    for _ in range(n_ensembles):
        matrices = draw(rng, n, size)
        p.append(p_value(randomised_statistics(matrices, SYMMETRIES[name], n_randomisations, rng)))
    return np.array(p)


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("row means", rows_exchangeable),
        ("row spreads", rows_exchangeable),
        ("column means", columns_exchangeable),
        ("column spreads", columns_exchangeable),
        ("diagonal", rows_exchangeable),
        ("diagonal", columns_exchangeable),
        ("entries", entries_exchangeable),
    ],
)
def test_p_values_are_uniform_under_any_law_with_the_symmetry(name, draw):
    n_ensembles = 1000
    p = p_values(name, draw, n_ensembles, 6, 4, 39)
    # Uniform on multiples of 1/40, and so, spread over these steps, on all numbers.
    spread = p - np.random.default_rng(2).random(n_ensembles) / 40
    # These fail for one seed in 1000 and in 5000.
    assert stats.kstest(spread, "uniform").pvalue > 1e-3
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], n_ensembles, 0.05) / n_ensembles
    assert low <= np.mean(p < 0.05 + 1e-9) <= high


def ratios(name, matrices):
    """Likelihood ratios of ensembles (ensembles, n, D, D)."""
    test, shape = SYMMETRIES[name], matrices.shape[1:]
    centred = matrices - matrices.mean((1, 2, 3), keepdims=True)
    items = np.stack([test.items(matrix) for matrix in centred.reshape(-1, *shape[1:])])
    features = test.features(items, shape)
    return test.statistic(features.reshape(len(matrices), shape[0], -1).mean(1), shape)


def rejections(name, draw):
    """Share of ensembles of 100 members that the chi-square p-value rejects at 5 %."""
    test, rng, n = SYMMETRIES[name], np.random.default_rng(3), 100
    matrices = np.stack([draw(rng, n, 5) for _ in range(400)])
    p = [test.p_gaussian(value, (n, 5, 5)) for value in ratios(name, matrices)]
    return np.mean(np.array(p) < 0.05)


def test_chi_square_holds_for_gaussian_entries_only():
    """0.05 has a standard error of 0.011."""
    gaussian = lambda rng, n, size: rng.normal(size=(n, size, size))  # noqa: E731
    tailed = lambda rng, n, size: heavy_tailed(rng, n, size, size)  # noqa: E731
    for name in ("diagonal", "entries"):
        assert rejections(name, gaussian) < 0.1
        assert rejections(name, entries_exchangeable) > 0.3
    assert rejections("diagonal", tailed) > 0.12
    assert rejections("diagonal", rows_exchangeable) > 0.3
    # Heavy tails of independent entries move all variances of the bipartite law alike.
    assert rejections("entries", tailed) < 0.1


LABELS = np.arange(6) - 2.5


def plant(violation, rng, n, size):
    entries = heavy_tailed(rng, n, size, size)
    row, labels = heavy_tailed(rng, n, size, 1), LABELS[:size]
    return {
        "row means": entries + 0.3 * labels[:, None],
        "column means": entries + 0.3 * labels,
        "row scales": entries * np.exp(0.3 * labels[:, None]),
        "column scales": entries * np.exp(0.3 * labels),
        "shifted diagonal": entries + np.eye(size),
        "tied transpose": entries + 0.5 * entries.swapaxes(1, 2),
        "common to a row": entries + 0.7 * row,
    }[violation]


ROWS, COLUMNS = ("row means", "row spreads"), ("column means", "column spreads")


@pytest.mark.parametrize(
    ("violation", "found", "spared"),
    [
        ("row means", "row means", ("row spreads", *COLUMNS, "diagonal")),
        ("column means", "column means", ("column spreads", *ROWS, "diagonal")),
        ("row scales", "row spreads", (*COLUMNS, "diagonal")),
        ("column scales", "column spreads", (*ROWS, "diagonal")),
        ("shifted diagonal", "diagonal", (*ROWS, *COLUMNS)),
        ("tied transpose", "diagonal", (*ROWS, *COLUMNS)),
        ("common to a row", "entries", (*ROWS, *COLUMNS, "diagonal")),
    ],
)
def test_planted_violations_are_found_by_their_test_alone(violation, found, spared):
    def draw(rng, n, size):
        return plant(violation, rng, n, size)

    assert p_values(found, draw, 1, 60, 6, 999) == 0.001
    for name in spared:
        p = p_values(name, draw, 100, 4, 4, 19)
        # Of 100 p-values 5 are expected at most 0.05, and above 15 in one of 30 000 cases.
        assert np.sum(p < 0.05 + 1e-9) <= 15


def test_permuting_one_side_is_permuting_both_for_the_diagonal():
    matrix = np.random.default_rng(4).normal(size=(4, 4))
    orders = np.array(list(permutations(range(4))))
    # Invariants of all 24 x 24 pairs of orders of rows and columns.
    both = evaluate(FITTED, matrix[orders[:, None, :, None], orders[:, None, :]])
    rows = evaluate(FITTED, matrix[orders])
    columns = evaluate(FITTED, matrix.T[orders].swapaxes(1, 2))

    def in_order(values):
        return values[np.lexsort(np.round(values, 6).T)]

    terms = evaluate(FITTED, np.abs(matrix[orders])).max(0)
    assert_sums_close(in_order(rows), in_order(columns), terms)
    repeated = np.repeat(in_order(rows), 24, axis=0)
    assert_sums_close(in_order(both.reshape(-1, 13)), repeated, terms)


@pytest.mark.parametrize("size", [4, 7, 10, 40])
def test_features_of_steps_and_of_entries_are_invariants_of_each_copy(size):
    rng = np.random.default_rng(25)
    matrix = heavy_tailed(rng, size, size) + 0.3
    copies = np.stack([np.roll(matrix, -step, axis=0) for step in range(size)])
    terms = evaluate(FITTED, np.abs(copies))
    # A transform adds up to log2 of its length in roundings of the norm, of all its values.
    found = SYMMETRIES["diagonal"].around(matrix, np.arange(size))
    assert_sums_close(found, evaluate(FITTED, copies), terms, units=100)
    entries = rng.permuted(np.tile(matrix.ravel(), (5, 1)), axis=1)
    found = SYMMETRIES["entries"].features(entries, (3, size, size))
    square = entries.reshape(-1, size, size)
    expected = evaluate(BIPARTITE_FITTED, square)
    assert_sums_close(found, expected, evaluate(BIPARTITE_FITTED, np.abs(square)))


def test_all_steps_at_once_are_the_copies_one_by_one():
    matrices = heavy_tailed(np.random.default_rng(26), 5, 6, 6)
    fast, seeds = SYMMETRIES["diagonal"], (27, 28, 29)
    slow = replace(fast, around=None)
    for seed in seeds:
        found, expected = (
            randomised_statistics(matrices, test, 199, np.random.default_rng(seed))
            for test in (fast, slow)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-8)
        assert p_value(found) == p_value(expected)


def test_copies_are_steps_around_a_circle_and_equal_statistics_count_as_equal():
    """Against all 24^3 ways to permute the entries of three 2 x 2 matrices.

    The ratio treats rows, columns and the rest of these alike, of one dimension each, and their
    signs do not count: each of its values occurs 6 * 4^3 times, but for rounding.
    """
    test, shape = SYMMETRIES["entries"], (3, 2, 2)
    orders = np.array(list(permutations(range(4))))
    # In a random circle of four things a random step leaves all with chance 1/4. Else it is one of
    # nine: six cycles of length 4, and three pairs of exchanges.
    unmoved = (orders == range(4)).sum(1)
    assert (unmoved == 0).sum() == 9
    chance = np.where(unmoved == 4, 1 / 4, np.where(unmoved == 0, 1 / 12, 0.0))
    weights = np.einsum("i,j,k", chance, chance, chance).ravel()

    def permuted(matrices):
        ways = [matrix.ravel()[orders].reshape(-1, 2, 2) for matrix in matrices]
        return np.array(list(product(*ways)))

    ensembles = permuted(np.random.default_rng(5).normal(size=shape))
    by_value = np.argsort(ratios("entries", ensembles))
    n_randomisations, n_circles = 100, 200
    for k in (0, 5, 20, 33, 34, 35):
        # Of its class the ensemble that rounding made the largest.
        own = ensembles[by_value[384 * k + 383]]
        values = ratios("entries", permuted(own))
        assert np.mean(values >= values[0] - 1e-6) == pytest.approx(1 - k / 36)
        share = weights[values >= values[0] - 1e-6].sum()
        found = [
            p_value(randomised_statistics(own, test, n_randomisations, np.random.default_rng(seed)))
            for seed in range(n_circles)
        ]
        expected = (1 + n_randomisations * share) / (1 + n_randomisations)
        error = np.std(found, ddof=1) / np.sqrt(n_circles)
        assert abs(np.mean(found) - expected) <= 4 * error


def test_an_ensemble_like_all_its_copies_has_p_one():
    constant = np.random.default_rng(7).normal(size=(5, 1, 1)) + np.zeros((5, 3, 4))
    for name in (*ROWS, *COLUMNS):
        statistics = randomised_statistics(constant, SYMMETRIES[name], 99, np.random.default_rng(8))
        assert p_value(statistics) == 1


def bipartite_density(matrices):
    """Log-density of an ensemble under its bipartite fit, by projections of the whole vector."""
    n, rows, columns = matrices.shape
    mean_row, mean_column = (
        np.full((rows, rows), 1 / rows),
        np.full((columns, columns), 1 / columns),
    )
    sides = product(
        [mean_row, np.eye(rows) - mean_row], [mean_column, np.eye(columns) - mean_column]
    )
    flat, covariance = (matrices - matrices.mean()).reshape(n, -1), 0
    for row, column in sides:
        projection = np.kron(row, column)
        norm = np.einsum("na,ab,nb", flat, projection, flat) / n
        covariance = covariance + norm / np.trace(projection) * projection
    return stats.multivariate_normal(cov=covariance).logpdf(flat).sum()


def check_deviance(found, larger, smaller):
    """Check twice a difference of log-densities, which is some 1e-2 of them.

    Their covariances are decomposed to some 1e2 roundings.
    """
    terms = 2 * (abs(larger) + abs(smaller))
    assert_sums_close(found, 2 * (larger - smaller), terms, units=1000)


def test_ratio_of_the_diagonal_is_that_of_whole_densities():
    matrices = heavy_tailed(np.random.default_rng(9), 12, 4, 4) + 0.5 * np.eye(4) + 3
    law = PIGMM.fit(matrices)
    density = stats.multivariate_normal(law.mean().ravel(), law.covariance())
    whole, bipartite = density.logpdf(matrices.reshape(12, -1)).sum(), bipartite_density(matrices)
    expected = 2 * (whole - bipartite)
    found = randomisation_tests(matrices, 1, np.random.default_rng(0)).set_index("test")
    check_deviance(found.loc["diagonal", "statistic"], whole, bipartite)
    assert found.loc["diagonal", "p_gaussian"] == pytest.approx(stats.chi2.sf(expected, 8))


@pytest.mark.parametrize("shape", [(12, 4, 4), (7, 3, 5), (9, 2, 2)])
def test_ratio_of_entries_is_that_of_whole_densities(shape):
    matrices = heavy_tailed(np.random.default_rng(10), *shape) + 3
    independent = stats.norm(matrices.mean(), matrices.std()).logpdf(matrices).sum()
    bipartite = bipartite_density(matrices)
    expected = 2 * (bipartite - independent)
    found = randomisation_tests(matrices, 1, np.random.default_rng(0)).set_index("test")
    check_deviance(found.loc["entries", "statistic"], bipartite, independent)
    assert found.loc["entries", "p_gaussian"] == pytest.approx(stats.chi2.sf(expected, 3))


def test_labels_are_tested_by_friedmans_statistic():
    ranks = np.random.default_rng(11).permuted(np.tile(np.arange(5.0), (8, 1)), axis=1)
    matrices = np.repeat(ranks[:, :, None], 3, axis=2)
    expected = stats.friedmanchisquare(*ranks.T).statistic
    for name, ensemble in (("row means", matrices), ("column means", matrices.swapaxes(1, 2))):
        statistics = randomised_statistics(ensemble, SYMMETRIES[name], 1, np.random.default_rng(0))
        assert statistics[0] == pytest.approx(expected, rel=1e-12)


def test_gaussian_p_values_of_labels_are_those_of_the_two_way_layout():
    matrices = np.random.default_rng(12).normal(size=(9, 4, 6))
    found = randomisation_tests(matrices, 1, np.random.default_rng(0)).set_index("test")
    measures = {
        "row means": matrices.mean(2),
        "row spreads": matrices.var(2),
        "column means": matrices.mean(1),
        "column spreads": matrices.var(1),
    }
    for name, values in measures.items():
        n, p = values.shape
        label = values.mean(0, keepdims=True) - values.mean()
        residual = values - values.mean(1, keepdims=True) - label
        ratio = n * np.sum(label**2) / (p - 1) / (np.sum(residual**2) / ((n - 1) * (p - 1)))
        expected = stats.f.sf(ratio, p - 1, (n - 1) * (p - 1))
        assert found.loc[name, "p_gaussian"] == pytest.approx(expected, rel=1e-10)


def test_randomisation_and_theory_agree_on_gaussian_entries():
    matrices = np.random.default_rng(13).normal(size=(300, 4, 4))
    found = randomisation_tests(matrices, 999, np.random.default_rng(14))
    # A p-value of 1000 copies has a standard error of 0.016. Permuted entries keep the total, on
    # which the chi-square of "entries" counts too.
    found = found[found["test"] != "entries"]
    np.testing.assert_allclose(found["p"], found["p_gaussian"], atol=0.08)


def test_seeds_decide_and_chunks_do_not(monkeypatch):
    matrices = heavy_tailed(np.random.default_rng(15), 4, 5, 5)
    first = randomisation_tests(matrices, 99, np.random.default_rng(16))
    assert list(first["test"]) == list(SYMMETRIES)
    assert list(first["permuted"]) == ["rows"] * 2 + ["columns"] * 2 + ["rows", "entries"]
    monkeypatch.setattr(symmetry, "CHUNK", 60)
    second = randomisation_tests(matrices, 99, np.random.default_rng(16))
    numbers = ["statistic", "p", "p_gaussian"]
    np.testing.assert_allclose(second[numbers], first[numbers], rtol=1e-9)
    other = randomisation_tests(matrices, 99, np.random.default_rng(17))
    # Sums go around another circle, so that they round differently.
    np.testing.assert_allclose(other["statistic"], first["statistic"], rtol=1e-12)
    assert not np.array_equal(other["p"], first["p"])


def test_every_test_has_words():
    assert list(SYMMETRY_TESTS) == list(SYMMETRIES)


def test_units_and_the_mean_entry_do_not_matter():
    matrices = heavy_tailed(np.random.default_rng(18), 10, 5, 5)
    first = randomisation_tests(matrices, 99, np.random.default_rng(19))
    moved = randomisation_tests(1e-3 * matrices + 1e3, 99, np.random.default_rng(19))
    # Of 1e6 times the spread, ten digits are left.
    np.testing.assert_allclose(moved["statistic"], first["statistic"], rtol=1e-6)
    np.testing.assert_array_equal(moved["p"], first["p"])


@pytest.mark.parametrize("shape", [(5, 4, 6), (5, 3, 3)])
def test_the_diagonal_is_that_of_squares_above_3(shape):
    matrices = heavy_tailed(np.random.default_rng(20), *shape).astype(np.float32)
    found = randomisation_tests(matrices, 9, np.random.default_rng(21))
    assert list(found["test"]) == [name for name in SYMMETRIES if name != "diagonal"]
    assert found["p"].between(0.1, 1).all()


def test_what_cannot_be_tested_is_refused():
    rng, matrices = np.random.default_rng(22), np.ones((5, 4, 4))
    for shape, message in (
        ((4, 4), r"\(n, rows, columns\), found float64 of shape \(4, 4\)"),
        ((2, 4, 4), r"at least 3 matrices .* found shape \(2, 4, 4\)"),
        ((5, 1, 4), r"at least 2 rows and 2 columns, found shape \(5, 1, 4\)"),
    ):
        with pytest.raises(ValueError, match=message):
            randomisation_tests(np.ones(shape), 9, rng)
    with pytest.raises(ValueError, match=r"expected real matrices .* found complex128"):
        randomisation_tests(matrices + 0j, 9, rng)
    with pytest.raises(ValueError, match="at least one randomisation, found 0"):
        randomisation_tests(matrices, 0, rng)
    with pytest.raises(ValueError, match="finite matrices, found 80 entries"):
        randomisation_tests(np.nan * matrices, 9, rng)


def test_singular_fits_are_no_numbers_and_said():
    rng = np.random.default_rng(23)
    square, oblong = rng.normal(size=(9, 4, 4)), rng.normal(size=(9, 4, 5))
    singular = {
        "part VH of the 13-parameter law": square + square.swapaxes(1, 2),
        "part rows of the bipartite law": oblong
        - oblong.mean(2, keepdims=True)
        + square[:, :1, :1],
        "part total of the bipartite law": oblong - oblong.mean((1, 2), keepdims=True),
        "part entries of the independent law": np.ones((9, 4, 5)),
    }
    for message, matrices in singular.items():
        found = randomisation_tests(matrices, 9, rng).set_index("test")
        said = found[found["note"].str.contains(message)]
        assert len(said) == 1, message
        assert said[["statistic", "p", "p_gaussian"]].isna().all(axis=None)
        assert found.loc["row spreads", "p"] > 0
