from functools import partial

import numpy as np
import pytest
from support.laws import BIPARTITE, FIVE, planted

from weightlaws.inference.score_matching import (
    bootstrap_couplings,
    coupling_path,
    fit_normalisable_path,
    fit_path,
    held_out_scores,
)
from weightlaws.laws import IID, PIGMM, Bipartite, Interacting
from weightlaws.laws.interacting import bipartite_graphs

CANDIDATES = BIPARTITE[5:]


def test_bootstrap_errors_are_those_of_the_sandwich():
    matrices = planted(1000, (6, 5), 0.0, 0.2, np.random.default_rng(0))
    table = bootstrap_couplings(matrices, BIPARTITE, 400, np.random.default_rng(1))
    law = Interacting.fit(matrices)
    np.testing.assert_allclose(table.coupling, law.parameters, rtol=1e-10)
    ratio = table.standard_error / law.couplings.standard_error
    assert ratio.mean() == pytest.approx(1, abs=0.08)
    assert ratio.std() < 0.1
    found = table.set_index("graph").p_adjusted
    assert found["ia.ia.ia.ia"] == pytest.approx(1 / 401)
    assert found[:5].isna().all()
    assert (found.drop("ia.ia.ia.ia")[5:] > 0.01).all()


def test_a_path_finds_the_planted_couplings_first():
    matrices = planted(1000, (6, 5), 0.06, 0.1, np.random.default_rng(2))
    path = coupling_path(matrices, CANDIDATES, 5, np.random.default_rng(3))
    assert path.graph.tolist() == ["ia.ia.ia.ia", "ia.ia.ia"]
    assert path.step.tolist() == [1, 2]
    assert (path.gain > 2 * path.gain_standard_error).all()
    np.testing.assert_allclose(path.total_gain, path.gain.cumsum())
    scale = matrices.std()
    true = np.array([-0.1 * scale**4, 0.06 * scale**3])
    assert (np.abs(path.coupling - true) < 4 * path.standard_error).all()
    law = fit_path(matrices, CANDIDATES, 5, np.random.default_rng(3))
    assert [graph.name for graph in law.graphs[5:]] == path.graph.tolist()
    np.testing.assert_array_equal(law.parameters[5:], path.coupling)


def test_nothing_joins_the_path_of_a_gaussian_law():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        path = coupling_path(Bipartite((5, 6), FIVE).sample(300, rng), CANDIDATES, 5, rng)
        assert path.empty
        assert [*path.columns][:3] == ["step", "graph", "gain"]


def test_a_path_of_cubics_is_bounded_by_fourth_powers():
    matrices = planted(1500, (6, 5), 0.03, 0.002, np.random.default_rng(10))
    arguments = matrices, CANDIDATES, 5
    free = fit_path(*arguments, np.random.default_rng(3))
    assert [graph.name for graph in free.graphs[5:]] == ["ia.ia.ia"]
    law = fit_normalisable_path(*arguments, np.random.default_rng(3))
    assert [graph.name for graph in law.graphs[5:]] == ["ia.ia.ia", "ia.ia.ia.ia"]
    assert law.normalisable.normalisable
    assert law.parameters[5] == pytest.approx(free.parameters[5], rel=0.1)


def test_a_path_that_is_a_density_stays():
    matrices = planted(1000, (6, 5), 0.06, 0.1, np.random.default_rng(2))
    laws = (
        fit(matrices, CANDIDATES, 5, np.random.default_rng(3))
        for fit in (fit_path, fit_normalisable_path)
    )
    free, law = laws
    assert not law.constrained
    np.testing.assert_array_equal(law.parameters, free.parameters)


def test_a_path_has_gaussian_terms_already():
    with pytest.raises(ValueError, match=r"degree 3 and more, found ia\.ia$"):
        coupling_path(np.ones((9, 3, 3)), [BIPARTITE[1]], 3, np.random.default_rng(0))


def test_gains_of_a_path_are_those_of_held_out_fits():
    matrices = planted(300, (4, 5), 0.0, 0.3, np.random.default_rng(4))
    path = coupling_path(matrices, CANDIDATES, 4, np.random.default_rng(5))
    assert path.graph[0] == "ia.ia.ia.ia"
    start = bipartite_graphs(2, (4, 5))
    fourth = next(graph for graph in CANDIDATES if graph.name == "ia.ia.ia.ia")
    fits = {
        "Gaussian": partial(Interacting.fit, graphs=start),
        "one": partial(Interacting.fit, graphs=[*start, fourth]),
    }
    found = held_out_scores(matrices, fits, 4, np.random.default_rng(5))
    gain = found["Gaussian"].scores - found["one"].scores
    assert path.gain[0] == pytest.approx(gain.mean(), rel=1e-8)
    assert path.gain_standard_error[0] == pytest.approx(gain.std(ddof=1) / 300**0.5, rel=1e-8)


def test_held_out_members_prefer_their_own_law():
    matrices = planted(600, (5, 5), 0.0, 0.3, np.random.default_rng(6))
    rng = np.random.default_rng(8)
    fits = {"i.i.d.": IID.fit, "bipartite": Bipartite.fit, "diagonal": PIGMM.fit}
    fits["interacting"] = partial(fit_path, candidates=CANDIDATES, folds=4, rng=rng)
    found = held_out_scores(7 * matrices, fits, 5, np.random.default_rng(7))
    assert [each.n_parameters for each in found.values()][:3] == [2, 5, 13]
    assert not any(each.note for each in found.values())
    means = {name: each.scores.mean() for name, each in found.items()}
    assert min(means, key=means.get) == "interacting"
    # In units of the standard deviation an independent normal law has half of -25.
    assert means["i.i.d."] == pytest.approx(-12.5, abs=0.3)
    gain = found["i.i.d."].scores - found["interacting"].scores
    assert gain.mean() > 5 * gain.std() / 600**0.5


def test_a_law_without_a_density_is_left_out_with_a_note():
    matrices = np.repeat(np.random.default_rng(9).normal(size=(40, 1, 5)), 4, axis=1)
    found = held_out_scores(
        matrices, {"i.i.d.": IID.fit, "bipartite": Bipartite.fit}, 4, np.random.default_rng(0)
    )
    assert "the row sums is singular" in found["bipartite"].note
    assert np.isnan(found["bipartite"].scores).all()
    assert np.isfinite(found["i.i.d."].scores).all()
