import numpy as np
import pytest
from support.laws import planted

from weightlaws.laws.hard_edges import LEVEL, edge_p_value, hard_edge


def linear_end(n, rng):
    """Entries whose density falls to 0 linearly: the hypothesis."""
    return (1 - np.sqrt(rng.uniform(size=n))).reshape(-1, 10, 10)


def test_the_level():
    rng = np.random.default_rng(0)
    p = np.array([edge_p_value(linear_end(20_000, rng)) for _ in range(1000)])
    # Normal only in the middle: far out the statistic is skewed to the safe side.
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    assert (p < LEVEL).mean() <= 3e-3


@pytest.mark.parametrize("n", [100, 1000])
def test_edges_are_found_at_the_start_and_smooth_tails_are_not(n):
    rng = np.random.default_rng(1)
    assert "hard edge" in hard_edge(rng.uniform(-0.3, 0.3, size=(n, 10, 10)))
    assert hard_edge(rng.normal(size=(n, 10, 10))) == ""
    assert hard_edge(rng.standard_t(4, size=(n, 10, 10))) == ""
    assert hard_edge(planted(n, (10, 10), 0.0, 1.0, rng)) == ""


def test_too_few_entries_show_nothing():
    assert np.isnan(edge_p_value(np.random.default_rng(2).uniform(size=(1, 10, 10))))
    assert np.isnan(edge_p_value(np.ones((10, 10, 10))))


def test_a_known_start_needs_no_sample():
    matrices = np.random.default_rng(3).normal(size=(2, 3, 3))
    assert hard_edge(matrices, "uniform", 0) == "the uniform start has a hard edge"
    assert hard_edge(matrices, "uniform", 1) == ""
    assert hard_edge(matrices, "gaussian", 0) == ""
