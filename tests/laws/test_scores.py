import numpy as np
import pytest
from support.laws import FIVE, one_sided

from weightlaws.laws import IID, PIGMM, Bipartite, Interacting, OneSided
from weightlaws.laws.scores import hyvarinen_score


def moments(law, shape):
    """Mean (R*C,) and covariance (R*C, R*C) of a law by the moments of unit matrices."""
    size = shape[0] * shape[1]
    if isinstance(law, PIGMM):
        return law.mean().ravel(), law.covariance()
    i, j = np.divmod(np.arange(size), shape[1])
    rows, columns = i[:, None] == i, j[:, None] == j
    if isinstance(law, OneSided):
        label, same = (i, columns) if law.labelled == "rows" else (j, rows)
        A, B = law.covariances
        return law.means[label], A[np.ix_(label, label)] + same * B[np.ix_(label, label)]
    if isinstance(law, IID):
        return np.full(size, law.parameters[0]), law.parameters[1] * np.eye(size)
    total = np.full((size, size), 1 / size)
    row = rows / shape[1] - total
    column = columns / shape[0] - total
    parts = [total, row, column, np.eye(size) - total - row - column]
    covariance = sum(v * part for v, part in zip(law.parameters[1:], parts, strict=True))
    return np.full(size, law.parameters[0]), covariance


def pigmm():
    drawn = np.random.default_rng(1).normal(size=(60, 5, 5)) + 0.3 * np.eye(5)
    return PIGMM.fit(drawn @ (np.eye(5) + 0.4))


@pytest.mark.parametrize(
    "law",
    [
        IID((3, 5), [0.3, 1.7]),
        Bipartite((4, 6), FIVE),
        pigmm(),
        one_sided((3, 5), "rows"),
        one_sided((3, 5), "columns"),
    ],
    ids=lambda law: f"{type(law).__name__}-{getattr(law, 'labelled', '')}",
)
def test_a_gaussian_law_against_its_full_covariance(law):
    matrices = np.random.default_rng(2).normal(size=(7, *law.shape))
    mean, covariance = moments(law, law.shape)
    precision = np.linalg.inv(covariance)
    slopes = (matrices.reshape(7, -1) - mean) @ precision
    expected = np.square(slopes).sum(axis=1) / 2 - np.trace(precision)
    np.testing.assert_allclose(hyvarinen_score(law, matrices), expected, rtol=1e-10)


def test_the_true_law_scores_lower_than_others():
    law = Bipartite((4, 6), FIVE)
    matrices = law.sample(4000, np.random.default_rng(3))
    true = hyvarinen_score(law, matrices)
    for other in (IID.fit(matrices), Bipartite((4, 6), [0.4, 1.3, 0.8, 0.6, 0.6])):
        gain = hyvarinen_score(other, matrices) - true
        assert gain.mean() > 5 * gain.std() / np.sqrt(4000)


@pytest.mark.parametrize(
    ("law", "part"),
    [
        (IID((2, 3), [1.0, 0.0]), "the entries"),
        (Bipartite((4, 6), [0.0, 1.0, 0.0, 1.0, 1.0]), "the row sums"),
        (PIGMM(5, [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]), "V3"),
        (OneSided.fit(np.random.default_rng(0).normal(size=(3, 4, 6))), "too few for 4 labels"),
    ],
)
def test_a_law_without_a_density_has_no_score(law, part):
    with pytest.raises(np.linalg.LinAlgError, match=part):
        hyvarinen_score(law, np.zeros((1, *law.shape)))


def test_another_law_is_refused():
    with pytest.raises(TypeError, match="expected a law with a density"):
        hyvarinen_score("bipartite", np.zeros((1, 2, 2)))


def test_an_interacting_law_of_degree_two_scores_as_the_gaussian_law():
    matrices = Bipartite((4, 6), FIVE).sample(50, np.random.default_rng(4))
    expected = hyvarinen_score(Bipartite.fit(matrices), matrices)
    found = hyvarinen_score(Interacting.fit(matrices, degree=2), matrices)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
