from itertools import permutations, product
from math import gcd

import numpy as np
import pytest
from scipy import stats
from support.rounding import assert_sums_close

from weightlaws.inference import symmetry, symmetry_copies
from weightlaws.inference.symmetry import (
    ENOUGH,
    randomisation_tests,
    sequential_p,
    symmetries,
)
from weightlaws.inference.symmetry_names import SYMMETRY_TESTS
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.likelihood_ratios import BIPARTITE_FITTED
from weightlaws.laws.pigmm import FITTED, PIGMM
from weightlaws.storage.matrices import Matrices


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


def on_a_torus(name, monkeypatch):
    """Let small matrices be on a torus where a test is called so, and return its name."""
    if name.endswith(" on a torus"):
        monkeypatch.setattr(symmetry, "LEAST_TORUS", 2)
    return name.removesuffix(" on a torus")


def p_values(name, draw, n_ensembles, n, size, n_randomisations):
    rng, p = np.random.default_rng(1), []
    for _ in range(n_ensembles):
        found = randomisation_tests(draw(rng, n, size), n_randomisations, rng, [name])
        p.append(found["p"].item())
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
        ("entries on a torus", entries_exchangeable),
        ("entries on a torus", lambda rng, n, size: entries_exchangeable(rng, n, size)[:, :2]),
    ],
)
def test_p_values_are_uniform_under_any_law_with_the_symmetry(name, draw, monkeypatch):
    name = on_a_torus(name, monkeypatch)
    n_ensembles, most = 1000, 39
    p = p_values(name, draw, n_ensembles, 6, 4, most)
    # Each value that p can take is as likely as it lies above the one below.
    whole = [(1 + reached) / (1 + most) for reached in range(ENOUGH)]
    values = np.array([0.0, *whole, *(ENOUGH / np.arange(most, ENOUGH - 1, -1))])
    step = np.abs(p[:, None] - values).argmin(1)
    np.testing.assert_allclose(p, values[step], rtol=1e-12)
    spread = p - np.random.default_rng(2).random(n_ensembles) * (p - values[step - 1])
    # These fail for one seed in 1000 and in 5000.
    assert stats.kstest(spread, "uniform").pvalue > 1e-3
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], n_ensembles, 0.05) / n_ensembles
    assert low <= np.mean(p < 0.05 + 1e-9) <= high


GRAPHS = {"diagonal": FITTED, "entries": BIPARTITE_FITTED}


def p_in_theory(name, matrices):
    """P-value in theory of an ensemble's likelihood ratio."""
    test, features = (
        symmetries(matrices.shape)[name],
        evaluate(GRAPHS[name], matrices - matrices.mean()),
    )
    found = test.statistic(features.mean(0, keepdims=True))[0]
    return test.p_gaussian(found)


def rejections(name, draw):
    """Share of ensembles of 100 members that the chi-square p-value rejects at 5 %."""
    rng, n = np.random.default_rng(3), 100
    p = [p_in_theory(name, draw(rng, n, 5)) for _ in range(400)]
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
        ("common to a row", "entries on a torus", ()),
    ],
)
def test_planted_violations_are_found_by_their_test_alone(violation, found, spared, monkeypatch):
    found = on_a_torus(found, monkeypatch)

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
def test_steps_of_rows_are_invariants_of_each_copy(size):
    matrices = heavy_tailed(np.random.default_rng(25), 3, size, size) + 0.3
    copies = np.stack([np.roll(matrices, -step, axis=1) for step in range(size)], axis=1)
    terms = evaluate(FITTED, np.abs(copies))
    # A transform adds up to log2 of its length in roundings of the norm, of all its values.
    found = symmetry_copies.stepped_rows(matrices)
    assert_sums_close(found, evaluate(FITTED, copies), terms, units=100)


def squared_sums(matrices):
    """Sum the squared row sums and the squared column sums of matrices (..., rows, columns)."""
    return np.stack([np.square(matrices.sum(axis)).sum(-1) for axis in (-1, -2)], axis=-1)


@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (5, 5), (6, 6), (4, 8), (9, 6)])
def test_lines_are_what_linear_maps_of_the_places_make_of_rows_and_columns(shape):
    size, matrix = gcd(*shape), heavy_tailed(np.random.default_rng(26), *shape) + 0.3
    maps = np.array([*product(range(size), repeat=4)]).reshape(-1, 2, 2)
    units = np.gcd(maps[:, 0, 0] * maps[:, 1, 1] - maps[:, 0, 1] * maps[:, 1, 0], size) == 1
    rows, columns = np.einsum("mxy,yij->xmij", maps[units], np.indices((size, size))) % size
    tiles = matrix.reshape(shape[0] // size, size, shape[1] // size, size)
    # The maps, rows and columns within tiles come first, then the rows and columns of tiles.
    copies = np.moveaxis(tiles, (1, 3), (0, 1))[rows, columns].transpose(0, 3, 1, 4, 2)
    expected = squared_sums(copies.reshape(-1, *shape))
    orbit, pairs = symmetry_copies.line_sums(matrix[None]), symmetry_copies.lines(size) * size
    found = symmetry_copies.along_lines(orbit, np.arange(pairs)[:, None], size)
    np.testing.assert_allclose(found[:, 0], np.square(matrix).sum())
    np.testing.assert_allclose(found[:, 3], matrix.sum() ** 2)
    np.testing.assert_allclose(found[0, 1:3], squared_sums(matrix))
    # Multiples by a unit map lines onto lines: so many maps make one pair.
    alike = units.sum() // pairs
    order = [np.lexsort(np.round(values, 9).T) for values in (expected, found[:, 1:3])]
    repeated = np.repeat(found[order[1], 1:3], alike, axis=0)
    np.testing.assert_allclose(expected[order[0]], repeated)


@pytest.mark.parametrize(("n", "copies"), [(3, 5), (40, 70)])
def test_averages_are_those_of_the_copies_one_by_one(n, copies):
    rng = np.random.default_rng(27)
    vectors, tables = heavy_tailed(rng, n, 9), heavy_tailed(rng, n, 9, 4)
    numbers = rng.integers(9, size=(copies, n))
    found = symmetry_copies.stepped_vectors(vectors, numbers)
    rolled = [[np.roll(v, -s) for v, s in zip(vectors, row, strict=True)] for row in numbers]
    np.testing.assert_allclose(found[:, :-1], np.mean(rolled, axis=1), atol=1e-12)
    np.testing.assert_allclose(found[:, -1], np.square(rolled).sum(2).mean(1))
    rows = [[table[k] for table, k in zip(tables, row, strict=True)] for row in numbers]
    expected = np.mean(rows, axis=1)
    np.testing.assert_allclose(symmetry_copies.chosen(tables, numbers), expected, atol=1e-12)


def test_entries_of_oblong_matrices_step_around_a_circle():
    rng = np.random.default_rng(28)
    matrices, circle = heavy_tailed(rng, 4, 3, 5), rng.permutation(15)
    rows, columns, steps = rng.permutation(3), rng.permutation(5), rng.integers(15, size=(7, 4))
    ensemble = symmetry_copies.Ensemble(
        Matrices.of(matrices), (4, 3, 5), 0.2, rows, columns, circle
    )
    copies = np.empty((7, 4, 15))
    for copy, member in np.ndindex(7, 4):
        own = matrices[member][np.ix_(rows, columns)].ravel() - 0.2
        copies[copy, member, circle] = np.roll(own[circle], -steps[copy, member])
    copies = copies.reshape(7, 4, 3, 5)
    squares, totals = np.square(copies).sum((2, 3)), copies.sum((2, 3)) ** 2
    both = squared_sums(copies)
    expected = np.stack([squares, both[..., 0], both[..., 1], totals], axis=-1).mean(1)
    np.testing.assert_allclose(symmetry_copies.stepped_entries(ensemble, steps), expected)


def test_copies_on_a_torus_are_permutations_and_equal_statistics_count_as_equal(monkeypatch):
    """Against all 24^3 ways to permute the entries of three 2 x 2 matrices.

    The ratio treats rows, columns and the rest of these alike, of one dimension each, and their
    signs do not count: each of its values occurs 6 * 4^3 times, but for rounding. The six linear
    maps of the four places make each of the six divisions into rows, columns and the rest.
    """
    monkeypatch.setattr(symmetry, "LEAST_TORUS", 2)
    test, shape = symmetries((3, 2, 2))["entries"], (3, 2, 2)
    orders = np.array(list(permutations(range(4))))

    def permuted(matrices):
        ways = [matrix.ravel()[orders].reshape(-1, 2, 2) for matrix in matrices]
        return np.array(list(product(*ways)))

    ensembles = permuted(np.random.default_rng(5).normal(size=shape))
    centred = ensembles - ensembles[0].mean()
    squares, total = np.square(centred).sum((2, 3)), centred.sum((2, 3)) ** 2
    both = squared_sums(centred)
    features = np.stack([squares, both[..., 0], both[..., 1], total], axis=-1)
    values = test.statistic(features.mean(1))
    by_value = np.argsort(values)
    n_randomisations, n_seeds = 100, 200
    for k in (0, 34, 35):
        # Of its class the ensemble that rounding made the largest.
        own = ensembles[by_value[384 * k + 383]]
        share = np.mean(values >= values[by_value[384 * k]] - 1e-6)
        assert share == pytest.approx(1 - k / 36)
        found = [
            randomisation_tests(own, n_randomisations, np.random.default_rng(seed), ["entries"])
            for seed in range(n_seeds)
        ]
        p = np.array([table["p"].item() for table in found])
        whole = np.array([table["randomisations"].item() for table in found]) == n_randomisations
        assert whole.any() == (k > 30)
        # Copies until the tenth that reaches it follow a negative binomial law.
        ends = np.arange(ENOUGH, n_randomisations + 1)
        chances = stats.nbinom.pmf(ends - ENOUGH, ENOUGH, share)
        rest = np.arange(ENOUGH)
        expected = (ENOUGH / ends) @ chances + ((rest + 1) / (n_randomisations + 1)) @ (
            stats.binom.pmf(rest, n_randomisations, share)
        )
        error = np.std(p, ddof=1) / np.sqrt(n_seeds)
        assert abs(p.mean() - expected) <= 4 * error + 1e-12


def test_drawing_stops_at_the_tenth_copy_that_reaches_the_statistic():
    """Against a count copy by copy, whatever is drawn beyond."""
    rng = np.random.default_rng(29)
    for own in (-1.0, 0.5, 1.5, 2.5, 5.0):
        statistics = np.array([own, *rng.normal(size=300)])
        reached, n = 0, 0
        while n < 300 and reached < 10:
            n += 1
            reached += statistics[n] >= own
        expected = reached / n if reached == 10 else (1 + reached) / (1 + n)
        assert sequential_p(statistics) == (pytest.approx(expected), n)
        assert sequential_p(statistics[: n + 1]) == (pytest.approx(expected), n)


def test_p_is_that_of_all_copies_where_drawing_does_not_stop(monkeypatch):
    rng = np.random.default_rng(30)
    for strength in (0.0, 0.2, 0.4):
        matrices = heavy_tailed(rng, 40, 6, 6) + strength * LABELS[:, None]
        stopped = randomisation_tests(matrices, 199, np.random.default_rng(31))
        with monkeypatch.context() as patch:
            patch.setattr(symmetry, "ENOUGH", 1000)
            whole = randomisation_tests(matrices, 199, np.random.default_rng(31))
        assert (whole["randomisations"] == 199).all()
        np.testing.assert_array_equal(stopped["statistic"], whole["statistic"])
        last = stopped["randomisations"] == 199
        assert last.any()
        np.testing.assert_array_equal(stopped["p"][last], whole["p"][last])
        # Both estimate one chance, the one from ten copies, the other from all.
        error = whole["p"] / np.sqrt(10)
        assert (abs(stopped["p"] - whole["p"]) <= 4 * error).all()
        assert (stopped["p"][~last] > ENOUGH / 200).all()


def test_an_ensemble_like_all_its_copies_has_p_one():
    constant = np.random.default_rng(7).normal(size=(5, 1, 1)) + np.zeros((5, 3, 4))
    found = randomisation_tests(constant, 99, np.random.default_rng(8), [*ROWS, *COLUMNS])
    assert (found["p"] == 1).all()
    assert (found["randomisations"] == ENOUGH).all()


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
        found = randomisation_tests(ensemble, 1, np.random.default_rng(0), [name])
        assert found["statistic"].item() == pytest.approx(expected, rel=1e-12)


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


def test_randomisation_and_theory_agree_on_gaussian_entries(monkeypatch):
    monkeypatch.setattr(symmetry, "ENOUGH", 1000)
    matrices = np.random.default_rng(13).normal(size=(300, 4, 4))
    found = randomisation_tests(matrices, 999, np.random.default_rng(14))
    # A p-value of 1000 copies has a standard error of 0.016. Permuted entries keep the total, on
    # which the chi-square of "entries" counts too.
    found = found[found["test"] != "entries"]
    np.testing.assert_allclose(found["p"], found["p_gaussian"], atol=0.08)


@pytest.mark.parametrize("shape", [(4, 5, 5), (4, 3, 5)])
def test_seeds_decide_and_batches_do_not(monkeypatch, shape):
    matrices = heavy_tailed(np.random.default_rng(15), *shape)
    first = randomisation_tests(matrices, 99, np.random.default_rng(16))
    permuted = dict(zip(first["test"], first["permuted"], strict=True))
    expected = {name: "columns" if "column" in name else "rows" for name in SYMMETRY_TESTS}
    expected["entries"] = "entries"
    assert permuted == {name: expected[name] for name in symmetries(shape)}
    numbers = ["statistic", "p", "randomisations", "p_gaussian"]
    for module, name, value in (
        (symmetry, "_FIRST", 7),
        (symmetry, "_MOST", 13),
        (symmetry_copies, "AT_WORK", 60),
        (symmetry_copies, "_ADDED", 40),
    ):
        monkeypatch.setattr(module, name, value)
        found = randomisation_tests(matrices, 99, np.random.default_rng(16))
        np.testing.assert_allclose(
            found[numbers].astype(float), first[numbers].astype(float), rtol=1e-9
        )
    other = randomisation_tests(matrices, 99, np.random.default_rng(17))
    # Sums go around another circle, so that they round differently.
    np.testing.assert_allclose(other["statistic"], first["statistic"], rtol=1e-9)
    assert (other["p"] != first["p"]).any()
    some = Matrices(shape[1:], lambda: iter([matrices[:1], matrices[1:]]), np.ones(4, dtype=bool))
    parts = randomisation_tests(some, 99, np.random.default_rng(16))
    np.testing.assert_array_equal(parts["p"], first["p"])
    for name in first["test"]:
        alone = randomisation_tests(matrices, 99, np.random.default_rng(16), [name])
        np.testing.assert_array_equal(alone["p"], first["p"][first["test"] == name])


def test_every_test_has_words():
    assert list(SYMMETRY_TESTS) == list(symmetries((3, 4, 4)))


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
    assert list(found["test"]) == [name for name in SYMMETRY_TESTS if name != "diagonal"]
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
