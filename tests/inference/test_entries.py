import numpy as np
import pytest
from scipy import stats

from weightlaws.inference.entries import entry_densities, normal_shares
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.one_sided import OneSided


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_shares_of_a_mixture_are_those_of_its_normals():
    edges, means, sds = (
        np.linspace(-3, 4, 15),
        np.array([-1.0, 0.5, 2.0]),
        np.array([0.3, 1.0, 2.0]),
    )
    expected = np.mean(
        [np.diff(stats.norm.cdf(edges, *one)) for one in zip(means, sds, strict=True)], 0
    )
    np.testing.assert_allclose(normal_shares(edges, means, sds), expected, rtol=1e-12)


def test_a_normal_without_variance_is_a_point():
    shares = normal_shares(np.array([0.0, 1.0, 2.0]), np.array([0.5, 1.5]), np.array([0.0, 0.0]))
    np.testing.assert_allclose(shares, [0.5, 0.5])


def share_of(law, edges, draws, rng):
    """The shares of entries of many draws of a law."""
    values = law.sample(draws, rng)
    return np.histogram(values, edges)[0] / values.size


@pytest.mark.parametrize("labelled", ["rows", "columns"])
def test_densities_of_laws_are_those_of_what_they_draw(labelled, rng):
    offsets = rng.normal(size=(4, 1)) if labelled == "rows" else rng.normal(size=(1, 6))
    matrices = 0.5 * rng.normal(size=(40, 4, 6)) + rng.normal(size=(40, 1, 6)) + 2 * offsets
    table = entry_densities(matrices, labelled, 20, rng)
    edges = np.append(table["left"], table["right"].iloc[-1])
    laws = {"bipartite": Bipartite.fit(matrices), "one-sided": OneSided.fit(matrices, labelled)}
    for name, law in laws.items():
        found = table[name] * (table["right"] - table["left"])
        np.testing.assert_allclose(found, share_of(law, edges, 10_000, rng), atol=6e-3)


def test_without_labels_there_is_no_one_sided_law(rng):
    assert "one-sided" not in entry_densities(rng.normal(size=(5, 4, 6)), None, 20, rng)


def test_bins_hold_all_entries_but_those_far_out(rng):
    matrices = rng.normal(size=(50, 10, 10)).astype(np.float32)
    matrices[3, 2, 1] = 60
    table = entry_densities(matrices, None, 20, rng)
    assert table["beyond"].iloc[0] == pytest.approx(1 / 5000)
    share = (table["density"] * (table["right"] - table["left"])).sum()
    assert share == pytest.approx(1 - 1 / 5000)
    assert table["left"].iloc[0] < -4


def test_entries_that_do_not_vary_stand_in_one_bin(rng):
    table = entry_densities(np.full((4, 3, 3), 2.0, np.float32), "rows", 20, rng)
    share = table["density"] * (table["right"] - table["left"])
    assert share.max() == pytest.approx(1)
    np.testing.assert_allclose(table["bipartite"], table["density"])


def test_intervals_hold_the_true_density_where_entries_of_a_member_depend(rng):
    """Each member has an offset of its own, so that entries cluster by member."""
    law, held = Bipartite((4, 4), [0.0, 9.0, 1.0, 1.0, 1.0]), []
    for _ in range(60):
        table = entry_densities(law.sample(100, rng), None, 200, rng)
        middle = table[np.abs(table["left"]) < 2]
        edges = np.append(middle["left"], middle["right"].iloc[-1])
        sd = np.sqrt((9 + 3 + 3 + 9) / 16)
        true = np.diff(stats.norm.cdf(edges, 0, sd)) / np.diff(edges)
        held += [((middle["low"] <= true) & (true <= middle["high"])).mean()]
    assert 0.90 < np.mean(held) < 0.97
