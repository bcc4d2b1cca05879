"""Interacting laws and an ensemble: errors by bootstrap, a path of couplings, held-out scores.

All of it rests on `laws.score_equations`: the invariants of the members are evaluated once, and
resampled ensembles and folds are weights of members.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.errors import WeightLawsError
from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.inference.comparison import random_folds
from weightlaws.inference.intervals import mean_and_error
from weightlaws.inference.max_t import adjusted_p_values
from weightlaws.invariants.graphs import Graph
from weightlaws.laws.base import check_matrices
from weightlaws.laws.interacting import Interacting, bipartite_graphs, standard_deviation
from weightlaws.laws.normalisability import DEFINITE, FOURTH_POWERS
from weightlaws.laws.score_equations import ScoreEquations
from weightlaws.laws.scores import hyvarinen_score

#: Standard errors of its gain on held-out members that a coupling needs to join a path. With many
#: members a superfluous coupling has as much only if it is 4.4 standard errors from 0.
ERRORS_TO_JOIN = 2.0


def bootstrap_couplings(
    matrices: npt.ArrayLike,
    graphs: Sequence[Graph],
    n_replicates: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Fit couplings, with errors from ensembles of members drawn with replacement.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    graphs
        The invariants of the law.
    n_replicates
        Resampled ensembles.
    rng
        Draws them.

    Returns
    -------
    DataFrame
        One row a graph: ``graph``, its name; ``coupling``, in units of the standard deviation of
        the ensemble's entries; ``standard_error``; ``p_adjusted``, by step-down max-T in one family
        of the couplings of degree 3 and more, whose hypothesis is 0; NaN for the Gaussian part.

    Raises
    ------
    WeightLawsError
        As `Interacting.fit` does.
    """
    matrices = check_matrices(matrices)
    scale = standard_deviation(matrices)
    equations = ScoreEquations.of(matrices / scale, graphs)
    couplings = equations.solve()
    drawn = equations.solve(resampling_weights(len(matrices), n_replicates, rng))
    errors = drawn.std(axis=0, ddof=1)
    tested = np.array([graph.degree > 2 for graph in graphs])
    observed = np.where(tested, np.abs(couplings / errors), np.nan)
    return pd.DataFrame(
        {
            "graph": [graph.name for graph in graphs],
            "coupling": couplings,
            "standard_error": errors,
            "p_adjusted": adjusted_p_values(observed, np.abs((drawn - couplings) / errors)),
        }
    )


def coupling_path(
    matrices: npt.ArrayLike,
    candidates: Sequence[Graph],
    folds: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Add couplings to the Gaussian part one by one, the one that helps held-out members most.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member.
    candidates
        Invariants of degree 3 and more. The path starts from those of degrees 1 and 2.
    folds
        Of members; each is scored by couplings that were fitted to the others.
    rng
        Divides the members into folds.

    Returns
    -------
    DataFrame
        One row a coupling in the order in which they join: ``step`` from 1; ``graph``, its name;
        ``gain``, by how much it lowers the score of a held-out member, the entries in units of
        their standard deviation; ``gain_standard_error``; ``total_gain``, over the Gaussian part,
        and ``total_gain_standard_error``; ``coupling`` and ``standard_error``, of the law with all
        couplings of the path, fitted to all members. Empty if no coupling gains `ERRORS_TO_JOIN`
        of its standard errors. The gains were looked for: a fresh sample gives a little less.

    Raises
    ------
    ValueError
        If the folds are not from 2 to n, or a candidate is of degree 1 or 2.
    WeightLawsError
        As `Interacting.fit` does.
    """
    law, steps = _path(check_matrices(matrices), candidates, folds, rng)
    last = law.couplings.set_index("graph").loc[[step.graph.name for step in steps]]
    total_gains = np.zeros(len(np.asarray(matrices)))
    rows: list[dict[str, object]] = []
    for number, step in enumerate(steps, start=1):
        total_gains = total_gains + step.gains
        gain, error = mean_and_error(step.gains)
        total, total_error = mean_and_error(total_gains)
        rows.append(
            {
                "step": number,
                "graph": step.graph.name,
                "gain": gain,
                "gain_standard_error": error,
                "total_gain": total,
                "total_gain_standard_error": total_error,
                "coupling": last.coupling.iloc[number - 1],
                "standard_error": last.standard_error.iloc[number - 1],
            }
        )
    return pd.DataFrame(rows, columns=_PATH)


_PATH = ["step", "graph", "gain", "gain_standard_error", "total_gain"]
_PATH += ["total_gain_standard_error", "coupling", "standard_error"]


def fit_path(
    matrices: npt.ArrayLike,
    candidates: Sequence[Graph],
    folds: int,
    rng: np.random.Generator,
) -> Interacting:
    """Fit the law with the couplings of `coupling_path`.

    With all but the matrices bound it is a fit for `held_out_scores`: the couplings are then chosen
    without the members that are scored.
    """
    return _path(check_matrices(matrices), candidates, folds, rng)[0]


def fit_normalisable_path(
    matrices: npt.ArrayLike,
    candidates: Sequence[Graph],
    folds: int,
    rng: np.random.Generator,
) -> Interacting:
    """Fit the law with the couplings of `coupling_path`, as a density that can be sampled.

    If it is none, and no quartic of the path could bound its other terms, the fourth powers of
    entries join.

    Raises
    ------
    WeightLawsError
        As `Interacting.fit_normalisable` does.
    """
    law = fit_path(matrices, candidates, folds, rng)
    if law.normalisable.normalisable:
        return law
    graphs = law.graphs if DEFINITE & {*law.graphs} else (*law.graphs, FOURTH_POWERS)
    return Interacting.fit_normalisable(matrices, graphs=graphs)


@dataclass(frozen=True)
class _Step:
    """A coupling that joined, and by how much it lowers the score of each member, (n,)."""

    graph: Graph
    gains: Floats


def _path(
    matrices: Floats, candidates: Sequence[Graph], folds: int, rng: np.random.Generator
) -> tuple[Interacting, list[_Step]]:
    if low := [graph.name for graph in candidates if graph.degree < 3]:
        raise ValueError(f"expected candidates of degree 3 and more, found {', '.join(low)}")
    shape = (matrices.shape[1], matrices.shape[2])
    start = bipartite_graphs(2, shape)
    gaussian = Interacting.fit(matrices, graphs=start)
    graphs = (*start, *candidates)
    equations = ScoreEquations.of(matrices / gaussian.scale, graphs)
    fold = random_folds(len(matrices), folds, rng)
    held = [fold == k for k in range(folds)]
    others = np.stack([~mine / np.count_nonzero(~mine) for mine in held])
    A, b = equations.averages(others)
    A_held, b_held = equations.averages(np.stack([mine / len(mine) for mine in held]))

    def solved(chosen: list[int]) -> Floats:
        """Couplings (folds, k) by the other folds, 0 where not chosen."""
        couplings = np.zeros((folds, len(graphs)))
        rows = np.ix_(range(folds), chosen, chosen)
        couplings[:, chosen] = -np.linalg.solve(A[rows], b[:, chosen, None])[..., 0]
        return couplings

    def held_out(couplings: Floats) -> Floats:
        scores = np.empty(len(matrices))
        for mine, own in zip(held, couplings, strict=True):
            scores[mine] = equations.scores(own)[mine]
        return scores

    chosen, steps = list(range(len(start))), list[_Step]()
    scores = held_out(solved(chosen))
    while len(chosen) < len(graphs):
        means = {}
        for k in {*range(len(graphs))} - {*chosen}:
            own = solved([*chosen, k])
            means[k] = np.einsum("fa,fab,fb->", own, A_held, own) / 2 + np.vdot(own, b_held)
        best = min(means, key=lambda k: means[k])
        improved = held_out(solved([*chosen, best]))
        gain, error = mean_and_error(scores - improved)
        if gain <= ERRORS_TO_JOIN * error:
            break
        steps.append(_Step(graphs[best], scores - improved))
        chosen, scores = [*chosen, best], improved
    return gaussian.fitted(equations.only(chosen)), steps


class Scored(Protocol):
    """A law that `laws.scores.hyvarinen_score` takes."""

    @property
    def n_parameters(self) -> int:
        """The number of parameters that a fit estimates."""


@dataclass(frozen=True)
class HeldOutScores:
    """How well a law fitted to other members describes each member.

    Attributes
    ----------
    n_parameters
        Of the law.
    scores
        Hyvärinen score of each member, (n,), the entries in units of the standard deviation of all;
        lower is better. All NaN if a fit has no density.
    note
        Why there is none, or empty.
    """

    n_parameters: int
    scores: Floats
    note: str


def held_out_scores(
    matrices: npt.ArrayLike,
    fits: Mapping[str, Callable[[Floats], Scored]],
    folds: int,
    rng: np.random.Generator,
) -> dict[str, HeldOutScores]:
    """Cross-validate laws by the Hyvärinen score, which needs no normalising constant.

    Parameters
    ----------
    matrices : (n, rows, columns)
        One matrix a member. They are divided by the standard deviation of all entries, so that
        scores of layers and epochs compare.
    fits
        By law, the function that fits it to matrices: Gaussian laws as `laws.candidates` gives
        them, `Interacting.fit`, or a partial `fit_path`.
    folds
        From 2 to n.
    rng
        Divides the members into folds.

    Returns
    -------
    dict of HeldOutScores
        In the order of the laws. Differences between laws are within members, and so are paired.

    Raises
    ------
    ValueError
        If the matrices are not real (n, rows, columns), or the folds not from 2 to n.
    """
    matrices = check_matrices(matrices)
    matrices = matrices / standard_deviation(matrices)
    n = len(matrices)
    fold = random_folds(n, folds, rng)
    found = {name: HeldOutScores(0, np.full(n, np.nan), "") for name in fits}
    for k in range(folds):
        others, mine = matrices[fold != k], fold == k
        for name, fit in fits.items():
            if found[name].note:  # a mean over some members compares with nothing
                continue
            scores, n_parameters, note = found[name].scores, found[name].n_parameters, ""
            try:
                law = fit(others)
                n_parameters = law.n_parameters
                scores[mine] = hyvarinen_score(law, matrices[mine])
            except (np.linalg.LinAlgError, WeightLawsError) as error:
                scores[:], note = np.nan, str(error)
            found[name] = HeldOutScores(n_parameters, scores, note)
    return found
