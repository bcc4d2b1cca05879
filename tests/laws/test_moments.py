import numpy as np
import pytest

from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.graphs import common_form
from weightlaws.laws.moments import bipartite_invariants, moments
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, ONE_SIDED

CASES = [
    (INDEPENDENT, (4, 7), None),
    (BIPARTITE, (4, 7), None),
    (BIPARTITE, (5, 5), None),
    (DIAGONAL, (5, 5), None),
    (ONE_SIDED, (4, 7), "rows"),
    (ONE_SIDED, (4, 7), "columns"),
]


@pytest.mark.parametrize(("law", "shape", "labelled"), CASES)
def test_averages_of_statistics_predict_what_the_fitted_law_expects(law, shape, labelled):
    rng = np.random.default_rng(1)
    matrices = rng.normal(0.3, 1, (40, *shape)) + rng.normal(size=(40, shape[0], 1))
    found = moments(law, shape, labelled, catalogue("complete"))
    statistics = found.statistics(matrices)
    expected = found.fit(matrices).expectation(found.graphs)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        found.predict(statistics.mean(axis=0)), expected, rtol=1e-9, atol=1e-12 * scale
    )
    halves = np.stack([statistics[::2].mean(axis=0), statistics[1::2].mean(axis=0)])
    expected = [
        found.fit(half).expectation(found.graphs) for half in (matrices[::2], matrices[1::2])
    ]
    np.testing.assert_allclose(found.predict(halves), expected, rtol=1e-9, atol=1e-12 * scale)


def test_a_law_predicts_what_its_symmetry_makes_distinct_and_its_fit_does_not_set():
    counts = {
        law: len(moments(law, (5, 5), "rows", catalogue("complete")).graphs)
        for law in (INDEPENDENT, BIPARTITE, DIAGONAL, ONE_SIDED)
    }
    assert counts == {INDEPENDENT: 46, BIPARTITE: 43, DIAGONAL: 348, ONE_SIDED: 43}
    higher = moments(BIPARTITE, (5, 5), None, ()).graphs
    assert [sum(graph.degree == k for graph in higher) for k in (3, 4)] == [10, 33]


def test_an_invariant_has_one_name_under_all_laws():
    names = moments(BIPARTITE, (5, 5), None, ()).names
    complete = [graph.name for graph in catalogue("complete")]
    assert len(set(names)) == 43
    assert set(names) < set(complete)
    assert common_form(bipartite_invariants()[0]).name == "ij"


@pytest.mark.parametrize(
    ("law", "shape", "labelled"),
    [("no law", (5, 5), None), (DIAGONAL, (4, 5), None), (ONE_SIDED, (4, 5), None)],
)
def test_a_law_that_does_not_exist_for_a_shape_is_refused(law, shape, labelled):
    with pytest.raises(ValueError, match=f"found law '{law}'"):
        moments(law, shape, labelled, ())
