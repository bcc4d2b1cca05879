"""How well the interacting law of an ensemble predicts members that it was not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.errors import WeightLawsError
from weightlaws.inference.interacting import law_graphs, too_few
from weightlaws.inference.score_matching import fit_normalisable_path
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import Graph
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.hamiltonian import means, r_hat
from weightlaws.laws.interacting import R_HAT, Interacting, bipartite_graphs

#: Draws from each law. Their means have errors of some 0.016 SD; those of 1000 members have 0.03.
DRAWS = 4000

#: How many times as many are drawn, after a longer warm-up, where chains have not mixed.
MORE = 4

#: Entries of the largest matrices that are drawn: at 64 x 64 a sample takes about a minute.
MOST_ENTRIES = 64 * 64

_LAWS = ("bipartite", "interacting")
_NUMBERS = (
    *("n_fits", "observed", "standard_error"),
    *("bipartite", "deviation_bipartite", "error_bipartite"),
    *("interacting", "deviation_interacting", "error_interacting", "monte_carlo_error", "r_hat"),
    *("n_others", "n_better", "rms_deviation_bipartite", "rms_deviation_interacting"),
    *("rms_error_bipartite", "rms_error_interacting"),
)


@dataclass(frozen=True)
class _Half:
    """Laws fitted to one half of the members, and the other half; arrays are (graph,)."""

    law: Interacting
    observed: Floats
    bipartite: Floats
    interacting: Floats
    monte_carlo_error: Floats
    r_hat: Floats


def predictions_of(
    matrices: Floats, folds: int, rng: np.random.Generator, note: str = ""
) -> pd.DataFrame:
    """Compare invariants of members with the predictions of laws fitted to other members.

    Members are divided at random into two halves, and laws are fitted to each: the bipartite
    Gaussian law, and the interacting one of `score_matching.fit_normalisable_path`, with couplings
    chosen among those of `interacting.law_graphs`. They predict the other half: the bipartite law
    exactly, the interacting one by `DRAWS` draws.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    folds
        Parts of a half, each held out once, by which couplings are chosen.
    rng
        Divides the members, and draws.
    note
        Why no law can be fitted, if that is known.

    Returns
    -------
    DataFrame
        One row a bipartite invariant of degree 1 to 4: ``invariant``, ``formula``, ``degree``;
        ``n_fits``, how many of the two interacting laws have a coupling for it. ``observed`` is the
        mean over members, ``bipartite`` and ``interacting`` are the means of both predictions, and
        ``deviation_bipartite`` and ``deviation_interacting`` observed minus predicted, in SD over
        members; ``standard_error`` of the observed mean and ``monte_carlo_error`` of the
        interacting laws' in the same unit; ``r_hat`` of their chains, the larger. In these means
        chance differences of the halves cancel. ``error_bipartite`` and ``error_interacting`` keep
        them: the root mean square over the halves of a half's mean minus the prediction by the
        other one, in SD; of a true law it is some 2 / sqrt(n). Of the ``n_others`` invariants of
        degree 3 and 4 that no law was fitted to, ``n_better`` deviate less from the interacting
        law, and ``rms_deviation_bipartite`` to ``rms_error_interacting`` are the root mean squares.
        ``normalisable``: what is known of the laws, and ``constrained``: of how many the
        couplings were held back for it. Numbers are NaN where there is no law, and those of the
        interacting law where chains do not mix; ``note`` says why.
    """
    n, rows, columns = matrices.shape
    graphs = bipartite_graphs(4, (rows, columns))
    table = pd.DataFrame(
        {
            "invariant": [graph.name for graph in graphs],
            "formula": [graph.formula for graph in graphs],
            "degree": [graph.degree for graph in graphs],
            **dict.fromkeys(_NUMBERS, np.nan),
            "normalisable": "",
            "constrained": 0,
            "note": "",
        }
    )
    candidates = law_graphs((rows, columns), n)
    note = note or too_few(candidates, n) or _not_drawn(rows, columns)
    if note:
        return table.assign(note=note)
    values = evaluate(graphs, matrices)
    cubic = [graph for graph in candidates if graph.degree > 2]
    first, second = np.array_split(rng.permutation(n), 2)
    halves = []
    try:
        for fitted_to, others in ((first, second), (second, first)):
            law = fit_normalisable_path(matrices[fitted_to], cubic, folds, rng)
            bipartite = Bipartite.fit(matrices[fitted_to]).expectation(graphs)
            predicted = _predicted(law, graphs, rng, bipartite)
            halves.append(_Half(law, values[others].mean(axis=0), bipartite, *predicted))
    except WeightLawsError as error:
        return table.assign(note=str(error))
    sd = values.std(axis=0, ddof=1)
    fits = np.array([[graph in half.law.graphs for graph in graphs] for half in halves])
    table["n_fits"] = fits.sum(axis=0).astype(float)
    table["observed"] = values.mean(axis=0)
    table["standard_error"] = 1 / np.sqrt(n)
    r_hats = np.fmax(*(half.r_hat for half in halves))
    table["r_hat"] = r_hats
    squares = sum(np.square(half.monte_carlo_error) for half in halves)
    table["monte_carlo_error"] = np.sqrt(squares) / 2 / sd
    for name in _LAWS:
        predictions = np.stack([getattr(half, name) for half in halves])
        errors = (np.stack([half.observed for half in halves]) - predictions) / sd
        table[name] = predictions.mean(axis=0)
        table[f"deviation_{name}"] = (table["observed"] - table[name]) / sd
        table[f"error_{name}"] = np.sqrt(np.square(errors).mean(axis=0))
    if np.isnan(r_hats).all():
        note = "no coupling is chosen: the interacting law is the bipartite one"
    elif np.nanmax(r_hats) > R_HAT:
        worst = int(np.nanargmax(r_hats))
        note = f"chains have not mixed: R-hat {r_hats[worst]:.2f} of {graphs[worst].name}"
    return table.assign(
        **_of_others(table[(table["n_fits"] == 0) & (table["degree"] > 2)]),
        normalisable="; ".join(dict.fromkeys(half.law.normalisable.note for half in halves)),
        constrained=sum(half.law.constrained for half in halves),
        note=note,
    )


def _not_drawn(rows: int, columns: int) -> str:
    if min(rows, columns) < 2:
        return "the bipartite law needs two rows and two columns"
    if rows * columns > MOST_ENTRIES:
        return f"matrices of more than {MOST_ENTRIES} entries take too long to draw"
    return ""


def _predicted(
    law: Interacting, graphs: Sequence[Graph], rng: np.random.Generator, bipartite: Floats
) -> tuple[Floats, Floats, Floats]:
    """Means, Monte Carlo errors and R-hats (graph,) of draws; means are NaN without mixing.

    A law without interactions is the bipartite one, whose means are known.
    """
    if all(graph.degree <= 2 for graph in law.graphs):
        return bipartite, np.zeros(len(graphs)), np.full(len(graphs), np.nan)
    values = evaluate(graphs, law.chains(DRAWS, rng).matrices)
    if _r_hats(values).max() > R_HAT:
        # As many draws as before are left out, for chains that have not forgotten their start.
        chains = law.chains((1 + MORE) * DRAWS, rng).matrices
        values = evaluate(graphs, chains[:, chains.shape[1] // (1 + MORE) :])
    r_hats = _r_hats(values)
    if r_hats.max() > R_HAT:
        nothing = np.full(len(graphs), np.nan)
        return nothing, nothing, r_hats
    return *means(values), r_hats


def _r_hats(values: Floats) -> Floats:
    return np.array([r_hat(values[..., k]) for k in range(values.shape[-1])])


def _of_others(table: pd.DataFrame) -> dict[str, float]:
    """Sum up the rows of invariants that no law was fitted to."""
    bipartite, interacting = (table[f"deviation_{name}"].abs() for name in _LAWS)
    # Predictions of the same law are neither better nor worse.
    differ = interacting.notna().any() and (bipartite != interacting).any()
    return {
        "n_others": float(len(table)),
        "n_better": float((interacting < bipartite).sum()) if differ else np.nan,
        **{
            f"rms_{kind}_{name}": float(np.sqrt(np.square(table[f"{kind}_{name}"]).mean()))
            for kind in ("deviation", "error")
            for name in _LAWS
        },
    }
