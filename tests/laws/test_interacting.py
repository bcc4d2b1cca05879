import numpy as np
import pytest
from support.laws import BIPARTITE, FIVE, planted

from weightlaws.errors import WeightLawsError
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import Graph, enumerate_graphs
from weightlaws.laws import IID, Bipartite, Interacting
from weightlaws.laws.hamiltonian import r_hat
from weightlaws.laws.interacting import bipartite_graphs
from weightlaws.laws.score_equations import ScoreEquations

SQUARES, FOURTHS = (Graph(((0, 0),) * k, bipartite=True) for k in (2, 4))
CUBES = Graph(((0, 0),) * 3, bipartite=True)
TRACE = Graph(((0, 0), (0, 1), (1, 0), (1, 1)), bipartite=True)  # tr (W W^T)^2
FORMS = [BIPARTITE.index(graph) for graph in (SQUARES, CUBES, FOURTHS)]


def slopes(law, matrices):
    """The gradient of a bipartite law's log-density."""
    mean, total, row, column, rest = law.parameters
    about = matrices - mean
    rows, columns = about.mean(2, keepdims=True), about.mean(1, keepdims=True)
    all_ = rows.mean(1, keepdims=True)
    parts = [(all_, total), (rows - all_, row), (columns - all_, column)]
    parts += [(about - rows - columns + all_, rest)]
    return -sum(part / variance for part, variance in parts)


@pytest.mark.parametrize("shape", [(10, 10), (4, 6), (5, 2), (2, 2)])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 40.0])
def test_quadratic_terms_alone_are_maximum_likelihood(shape, unit):
    matrices = unit * Bipartite(shape, FIVE).sample(100, np.random.default_rng(0))
    found = Interacting.fit(matrices, degree=2)
    assert found.n_parameters == 5
    expected = slopes(Bipartite.fit(matrices), matrices)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found.gradient(matrices), expected, rtol=0, atol=1e-10 * scale)


def test_one_row_has_only_graphs_of_one_row():
    matrices = planted(300, (1, 4), 0.0, 0.05, np.random.default_rng(1))
    law = Interacting.fit(matrices)
    assert {len(graph.labels[0]) for graph in law.graphs} == {1}
    assert np.isfinite(law.parameters).all()


def test_all_graphs_count_where_there_are_rows_and_columns_enough():
    assert bipartite_graphs(4, (4, 4)) == tuple(BIPARTITE)
    assert len(bipartite_graphs(4, (10, 784))) == 48
    assert len(bipartite_graphs(4, (3, 4))) < 48


@pytest.mark.parametrize("shape", [(2, 3), (3, 4)])
def test_the_graphs_of_a_small_shape_are_independent(shape):
    matrices = np.random.default_rng(2).normal(size=(500, *shape))
    assert np.isfinite(Interacting.fit(matrices).couplings.standard_error).all()


def test_graphs_that_depend_on_each_other_are_refused():
    matrices = np.random.default_rng(3).normal(size=(50, 1, 6))
    same = [SQUARES, Graph(((0, 0), (1, 0)), bipartite=True)]
    with pytest.raises(WeightLawsError, match=r"linear dependence among ia\.ia, ia\.ja"):
        Interacting.fit(matrices, graphs=same)


@pytest.mark.parametrize(
    ("matrices", "found"),
    [
        (np.random.default_rng(4).uniform(-1, 1, (200, 10, 10)), "hard edge"),
        (np.ones((20, 4, 4)), "deviation 0"),
        (np.random.default_rng(4).normal(size=(1, 4, 4)), "1 of standard"),
    ],
    ids=["uniform", "constant", "single"],
)
def test_a_sample_that_cannot_be_fitted(matrices, found):
    with pytest.raises(WeightLawsError, match=found):
        Interacting.fit(matrices, degree=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((3, 4), [SQUARES, SQUARES], [1, 1]), "different graphs"),
        (((3, 4), [Graph(((0, 0),))], [1]), "only bipartite graphs"),
        (((3, 4), [SQUARES], [1, 2]), "expected parameters of shape"),
        (((3, 4), [SQUARES], [np.nan]), "finite"),
        (((3, 4), [SQUARES], [1], 0.0), "positive scale"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Interacting(*arguments)


def test_planted_couplings_are_found_and_no_others():
    z, families = [], []
    for seed in range(12):
        matrices = planted(1000, (6, 5), 0.03, 0.05, np.random.default_rng(seed))
        law = Interacting.fit(matrices)
        table = law.couplings
        powers = [law.scale**graph.degree for graph in law.graphs]
        true = np.zeros(48)
        true[FORMS] = [-0.5, 0.03, -0.05]
        z.append((table.coupling - true * powers) / table.standard_error)
        families.append(table.p_adjusted[[*set(range(5, 48)) - {*FORMS}]].min() < 0.05)
        assert table.p_adjusted[:5].isna().all()
    z = np.array(z)
    # The unit varies too, so that of the squares' coupling only the size is right.
    others = np.delete(z, FORMS[0], axis=1)
    assert (np.abs(others) > 1.96).mean() < 0.1
    assert others.std() == pytest.approx(1, abs=0.15)
    assert np.abs(z[:, FORMS]).max() < 3.5
    assert sum(families) <= 3  # of 12 at the level 0.05: more has a chance of 2 in 1000


def test_a_strong_coupling_is_significant_in_its_family():
    matrices = planted(1000, (6, 5), 0.0, 0.3, np.random.default_rng(5))
    graphs = [*BIPARTITE[:5], CUBES, FOURTHS]
    table = Interacting.fit(matrices, graphs=graphs).couplings.set_index("graph")
    assert table.p_adjusted["ia.ia.ia.ia"] < 1e-3
    assert table.p_adjusted["ia.ia.ia"] > 0.01


def test_units_do_not_matter():
    matrices = planted(200, (4, 5), 0.0, 0.1, np.random.default_rng(6))
    law, other = Interacting.fit(matrices), Interacting.fit(100 * matrices)
    np.testing.assert_allclose(other.parameters, law.parameters, rtol=1e-8, atol=1e-10)
    assert other.scale == pytest.approx(100 * law.scale)
    scores = law.hyvarinen_score(matrices)
    np.testing.assert_allclose(other.hyvarinen_score(100 * matrices), scores / 1e4, rtol=1e-8)


@pytest.mark.parametrize(
    ("graphs", "shape"),
    [
        (BIPARTITE, (4, 5)),
        (BIPARTITE[:1], (2, 2)),
        ([*enumerate_graphs(1), *enumerate_graphs(2), *enumerate_graphs(3)[:9]], (5, 5)),
    ],
)
def test_scores_are_those_of_the_equations(graphs, shape):
    rng = np.random.default_rng(7)
    matrices = rng.normal(size=(6, *shape))
    couplings = rng.normal(size=len(graphs))
    law = Interacting(shape, graphs, couplings, scale=2.0)
    equations = ScoreEquations.of(matrices / 2, graphs)
    np.testing.assert_allclose(
        law.hyvarinen_score(matrices), equations.scores(couplings) / 4, rtol=1e-10
    )
    A, b = equations.averages()
    mean = couplings @ A @ couplings / 2 + b @ couplings
    assert equations.scores(couplings).mean() == pytest.approx(mean, rel=1e-10)
    np.testing.assert_allclose(equations.residuals(couplings).mean(0), A @ couplings + b, rtol=1e-8)


def test_samples_of_independent_entries():
    law = Interacting((3, 4), [SQUARES, FOURTHS], [-0.5, -0.05])
    found, errors = law.expectation([SQUARES, FOURTHS], 20_000, np.random.default_rng(8))
    grid = np.linspace(-8, 8, 20_001)
    density = np.exp(-(grid**2) / 2 - grid**4 / 20)
    expected = [12 * (density * grid**k).sum() / density.sum() for k in (2, 4)]
    assert (np.abs(found - expected) < 4 * errors).all()
    assert (errors < 0.02 * found).all()


def test_samples_of_a_gaussian_law_with_unequal_variances():
    gaussian = Bipartite((4, 6), [0.4, 9.0, 0.2, 3.0, 1.0])
    fitted = Interacting.fit(gaussian.sample(2000, np.random.default_rng(9)), degree=2)
    drawn = fitted.sample(3000, np.random.default_rng(10))
    assert drawn.shape == (3000, 4, 6)
    expected = gaussian.parameters
    found = Bipartite.fit(drawn).parameters
    np.testing.assert_allclose(found, expected, rtol=0.15)
    chains = fitted.chains(2000, np.random.default_rng(11))
    assert 0.6 < chains.accepted < 0.95
    table = fitted.diagnostics(chains)
    assert (table.r_hat < 1.03).all()
    assert (table.effective_size > 400).all()


def test_small_couplings_change_expectations_to_first_order():
    gaussian, shape = IID((3, 4), [0.0, 1.0]), (3, 4)
    added, small = [CUBES, TRACE], np.array([0.003, -0.001])
    law = Interacting(shape, [SQUARES, *added], [-0.5, *small])

    def beside(a, b):
        """The product of two invariants."""
        rows, columns = (1 + max(side) for side in zip(*a.edges, strict=True))
        shifted = tuple((i + rows, j + columns) for i, j in b.edges)
        return Graph((*a.edges, *shifted), bipartite=True)

    graphs = [SQUARES, TRACE, Graph(((0, 0),), bipartite=True), FOURTHS]
    means = gaussian.expectation(graphs)
    joint = np.array([gaussian.expectation([beside(g, a) for a in added]) for g in graphs])
    first = (joint - np.outer(means, gaussian.expectation(added))) @ small
    found, errors = law.expectation(graphs, 40_000, np.random.default_rng(12))
    assert (np.abs(found - means) > 5 * errors)[[0, 1, 3]].all()
    # The second order is about a tenth of it.
    assert (np.abs(found - means - first) < 4 * errors + 0.1 * np.abs(first)).all()


def test_a_law_that_grows_is_not_sampled():
    law = Interacting((3, 4), [SQUARES, FOURTHS], [-0.5, 0.05])
    with pytest.raises(WeightLawsError, match="not normalisable"):
        law.sample(10, np.random.default_rng(0))


def test_a_gaussian_law_with_a_direction_that_grows_is_not_sampled():
    total = Graph(((0, 0), (1, 1)), bipartite=True)
    law = Interacting((4, 5), [SQUARES, total], [-0.5, 0.6 / 20])
    with pytest.raises(WeightLawsError, match=r"the largest eigenvalue .* is 0\.1"):
        law.chains(100, np.random.default_rng(0))


def test_chains_that_stay_in_their_modes_are_refused():
    # Each entry has two wells, -30 (w^2 - 1)^2. No invariant of the law tells them apart.
    law = Interacting((2, 2), [SQUARES, FOURTHS], [60.0, -30.0])
    with pytest.raises(WeightLawsError, match="R-hat"):
        law.sample(100, np.random.default_rng(0))
    chains = law.chains(100, np.random.default_rng(0))
    assert r_hat(evaluate([BIPARTITE[0]], chains.matrices)[..., 0]) > 1.5


def test_a_fit_that_is_not_normalisable_is_made_so():
    matrices = np.random.default_rng(13).normal(size=(60, 3, 3))
    free = Interacting.fit(matrices)
    assert free.normalisable.normalisable is False
    law = Interacting.fit_normalisable(matrices)
    assert law.normalisable.normalisable
    assert law.couplings.standard_error.isna().all()
    scores = [each.hyvarinen_score(matrices).mean() for each in (free, law)]
    gaussian = Interacting.fit(matrices, degree=2).hyvarinen_score(matrices).mean()
    assert scores[0] < scores[1]
    assert scores[1] < gaussian + 0.1
    assert law.sample(50, np.random.default_rng(14)).shape == (50, 3, 3)


def test_a_normalisable_fit_stays():
    matrices = planted(500, (4, 4), 0.0, 0.2, np.random.default_rng(15))
    graphs = [SQUARES, FOURTHS]
    law = Interacting.fit_normalisable(matrices, graphs=graphs)
    free = Interacting.fit(matrices, graphs=graphs)
    np.testing.assert_array_equal(law.parameters, free.parameters)
    assert law.couplings.standard_error.notna().all()


def test_a_cubic_law_cannot_be_made_normalisable():
    matrices = np.random.default_rng(16).normal(size=(100, 3, 3))
    with pytest.raises(WeightLawsError, match="quartics as the highest degree"):
        Interacting.fit_normalisable(matrices, degree=3)
