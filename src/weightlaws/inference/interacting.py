"""The interacting laws of an ensemble: couplings with errors and path, and scores of all laws."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy import special

from weightlaws.arrays import Floats, Shape, Side
from weightlaws.errors import WeightLawsError
from weightlaws.inference.comparison import held_out, random_folds
from weightlaws.inference.intervals import mean_and_error, student_interval
from weightlaws.inference.score_matching import (
    Scored,
    bootstrap_couplings,
    coupling_path,
    fit_normalisable_path,
    fit_path,
    held_out_scores,
)
from weightlaws.invariants.graphs import Graph
from weightlaws.laws.candidates import candidates
from weightlaws.laws.hard_edges import hard_edge
from weightlaws.laws.interacting import Interacting, bipartite_graphs, standard_deviation
from weightlaws.laws.names import CHOSEN, INDEPENDENT, INTERACTING, NORMALISABLE

#: Members for each coupling that is fitted.
PER_COUPLING = 10

#: The quartics of the law of few members: the single trace tr (W W^T)^2, the fourth powers of the
#: norms of rows and of columns, and of entries.
QUARTICS = ("ia.ib.ja.jb", "ia.ia.ib.ib", "ia.ia.ja.ja", "ia.ia.ia.ia")

_NUMBERS = (
    *("coupling", "standard_error", "low", "high", "z", "p", "p_adjusted"),
    *("step", "path_gain", "path_gain_standard_error", "scale"),
)


def law_graphs(shape: Shape, n_members: int) -> tuple[Graph, ...]:
    """The invariants of the interacting law that so many members can tell of.

    All of degree 1 to 4, if there are `PER_COUPLING` members for each; else those of degree 1 and 2
    with the `QUARTICS`.
    """
    everything = bipartite_graphs(4, shape)
    if n_members >= PER_COUPLING * len(everything):
        return everything
    return tuple(g for g in everything if g.degree <= 2 or g.name in QUARTICS)


def too_few(graphs: Sequence[Graph], n_members: int) -> str:
    """Say that members are too few for the couplings of these graphs, or nothing."""
    if n_members >= PER_COUPLING * len(graphs):
        return ""
    return f"{n_members} members are too few for {len(graphs)} couplings: {PER_COUPLING} for each"


def unfit(matrices: Floats, initial_law: str = "", epoch: int | None = None) -> str:
    """Say why score matching is wrong for matrices (n, rows, columns), or nothing if it is not."""
    try:
        standard_deviation(matrices)
    except WeightLawsError as error:
        return str(error)
    return hard_edge(matrices, initial_law, epoch)


def couplings_of(
    matrices: Floats, n_replicates: int, folds: int, rng: np.random.Generator, note: str = ""
) -> pd.DataFrame:
    """Fit the interacting law of `law_graphs` to an ensemble, and look for the couplings it needs.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    n_replicates
        Ensembles of the bootstrap.
    folds
        Parts of the members that are held out in turn.
    rng
        Draws both.
    note
        Why no law can be fitted, if that is known.

    Returns
    -------
    DataFrame
        One row a coupling: ``invariant``, ``formula``, ``degree``; ``coupling``, in units of
        ``scale``, and its ``standard_error`` by the sandwich formula; ``low`` and ``high``, the
        95 % interval of Student's t by the bootstrap; ``z``; ``p`` of a normal z, and
        ``p_adjusted`` of the family of couplings of degree 3 and 4; ``step``, at which it joins the
        path of `score_matching.coupling_path`, and ``path_gain`` with its standard error;
        ``normalisable``: what is known of the law. Numbers are NaN where there is no law, and
        ``note`` says why.
    """
    n, rows, columns = matrices.shape
    graphs = law_graphs((rows, columns), n)
    note = note or too_few(graphs, n)
    table = pd.DataFrame(
        {
            "invariant": [graph.name for graph in graphs],
            "formula": [graph.formula for graph in graphs],
            "degree": [graph.degree for graph in graphs],
            **dict.fromkeys(_NUMBERS, np.nan),
            "normalisable": "",
            "note": note,
        }
    )
    if note:
        return table
    try:
        law = Interacting.fit(matrices, graphs=graphs)
        drawn = bootstrap_couplings(matrices, graphs, n_replicates, rng)
        path = coupling_path(matrices, [g for g in graphs if g.degree > 2], folds, rng)
    except WeightLawsError as error:
        return table.assign(note=str(error))
    found = law.couplings
    for name in ("coupling", "standard_error", "p_adjusted"):
        table[name] = found[name]
    table["scale"] = law.scale
    errors = drawn["standard_error"].to_numpy()
    table["low"], table["high"] = student_interval(found["coupling"].to_numpy(), errors, n)
    table["z"] = table["coupling"] / table["standard_error"]
    table["p"] = 2 * special.ndtr(-table["z"].abs())
    steps = path.set_index("graph").reindex(table["invariant"])
    table["step"] = steps["step"].to_numpy()
    table["path_gain"] = steps["gain"].to_numpy()
    table["path_gain_standard_error"] = steps["gain_standard_error"].to_numpy()
    return table.assign(normalisable=law.normalisable.note)


def scores_of(
    matrices: Floats, labelled: Side | None, folds: int, seed: Sequence[int], note: str = ""
) -> pd.DataFrame:
    """Score laws on the members of an ensemble that they were not fitted to.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    labelled
        The side whose labels training can tell apart, or None, as in `candidates`.
    folds
        Parts of the members that are held out in turn.
    seed
        Of their division, and of that within the search for couplings.
    note
        Why no law can be scored, if that is known.

    Returns
    -------
    DataFrame
        One row a Gaussian law, then the interacting law of `law_graphs`, the one with chosen
        couplings, and that of these couplings fitted as a density: ``law``; ``n_parameters``;
        ``score``, the mean Hyvärinen score of a held-out member, entries in units of their standard
        deviation, and ``standard_error``; ``gain``, by how much it is lower than that of the
        independent law, ``gain_standard_error``, and its 95 % interval of Student's t, ``low`` to
        ``high``; ``log_likelihood`` in nats, where a law has one, and
        ``log_likelihood_standard_error``; ``note``: why there is no score, or in how many folds
        couplings had to be held back to have a density. Members count as independent.
    """
    n, rows, columns = matrices.shape
    gaussian = candidates((rows, columns), labelled)
    graphs = law_graphs((rows, columns), n)
    few = too_few(graphs, n)
    cubic = [graph for graph in graphs if graph.degree > 2]
    constrained = list[bool]()

    # The same divisions, and so the same couplings, as those of the free fit.
    of_free, of_density = (np.random.default_rng([*seed, 1]) for _ in range(2))

    def density(others: Floats) -> Interacting:
        law = fit_normalisable_path(others, cubic, folds, of_density)
        constrained.append(law.constrained)
        return law

    interacting: dict[str, Callable[[Floats], Scored]] = {
        INTERACTING: partial(Interacting.fit, graphs=graphs),
        CHOSEN: partial(fit_path, candidates=cubic, folds=folds, rng=of_free),
        NORMALISABLE: density,
    }
    fits: dict[str, Callable[[Floats], Scored]] = {**gaussian}
    if not few:
        fits |= interacting
    scored = {} if note else held_out_scores(matrices, fits, folds, np.random.default_rng(seed))
    fold = random_folds(n, folds, np.random.default_rng(seed))  # the same
    likely = held_out(matrices, labelled, fold[None])
    counts = {law: one.n_parameters for law, one in likely.items()}
    counts |= {law: one.n_parameters for law, one in scored.items()}
    nothing = np.full(n, np.nan)
    base = scored[INDEPENDENT].scores if scored else nothing
    table = []
    for law in (*gaussian, *interacting):
        scores = scored[law].scores if law in scored else nothing
        gains = np.full(n, np.nan) if law == INDEPENDENT else base - scores
        likelihoods = likely[law].log_likelihood[0] if law in likely else nothing
        score, error = mean_and_error(scores)
        gain, gain_error = mean_and_error(gains)
        low, high = student_interval(np.array(gain), np.array(gain_error), n)
        likelihood, likelihood_error = mean_and_error(likelihoods)
        why = scored[law].note if law in scored else ""
        if law == NORMALISABLE and not why and any(constrained):
            why = f"the constraint binds in {sum(constrained)} of {folds} folds"
        table.append(
            {
                "law": law,
                "n_parameters": counts.get(law, np.nan),
                "score": score,
                "standard_error": error,
                "gain": gain,
                "gain_standard_error": gain_error,
                "low": float(low),
                "high": float(high),
                "log_likelihood": likelihood,
                "log_likelihood_standard_error": likelihood_error,
                "note": note or (why if law in gaussian else few or why),
            }
        )
    return pd.DataFrame(table)
