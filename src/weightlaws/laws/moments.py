"""How laws are fitted to averages, and what they predict: for many ensembles at once.

A fit needs only averages of a few statistics of the matrices. So resampled and simulated ensembles,
and ensembles without one member, are fitted by array arithmetic on averages, without matrices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy.typing as npt

from weightlaws.arrays import Floats, Shape, Side
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import Graph, common_form, enumerate_graphs
from weightlaws.laws import bipartite, iid, one_sided, wick
from weightlaws.laws.candidates import Fit
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, ONE_SIDED
from weightlaws.laws.pigmm import (
    FITTED,
    PIGMM,
    numbers_from_parameters,
    parameters_from_moments,
)


@dataclass(frozen=True)
class Moments:
    """A law's fit by moments, and the invariants that it predicts.

    Attributes
    ----------
    fit
        From matrices (n, rows, columns) to the law of greatest likelihood.
    statistics
        From matrices (n, rows, columns) to what a fit needs of each, (n, k).
    predict
        From averages of the statistics (..., k) to the fitted law's expectations, (..., graph).
    graphs
        The invariants that the law's symmetry makes distinct and that its fit does not set.
    """

    fit: Fit
    statistics: Callable[[npt.ArrayLike], Floats]
    predict: Callable[[Floats], Floats]
    graphs: tuple[Graph, ...]

    @property
    def names(self) -> list[str]:
        """Names of the graphs; an invariant has one name under all laws."""
        return [common_form(graph).name for graph in self.graphs]


@cache
def bipartite_invariants() -> tuple[Graph, ...]:
    """Return the 48 invariants of degrees 1 to 4 under independent permutations of both sides."""
    return tuple(graph for k in (1, 2, 3, 4) for graph in enumerate_graphs(k, bipartite=True))


def without(fitted: tuple[Graph, ...]) -> tuple[Graph, ...]:
    """Return the invariants of `bipartite_invariants` that a fit does not set."""
    return tuple(graph for graph in bipartite_invariants() if graph not in fitted)


def moments(law: str, shape: Shape, labelled: Side | None, diagonal: tuple[Graph, ...]) -> Moments:
    """Return the fit by moments of a law of `names.LAWS`.

    Parameters
    ----------
    law
        Its name.
    shape
        Rows and columns of the matrices.
    labelled
        The labelled side, of the one-sided law.
    diagonal
        The invariants that the 13-parameter law predicts, `pigmm.FITTED` first.

    Raises
    ------
    ValueError
        If there is no such law, or it does not exist for the shape.
    """
    if law == DIAGONAL and shape[0] == shape[1]:
        return _diagonal(shape[0], diagonal[len(FITTED) :])
    if law == ONE_SIDED and labelled is not None:
        return _one_sided(shape, labelled)
    if law in _OF_SHAPE:
        return _OF_SHAPE[law](shape)
    raise ValueError(f"found law {law!r} with side {labelled} labelled, for matrices of {shape}")


def _diagonal(size: int, graphs: tuple[Graph, ...]) -> Moments:
    def predict(averages: Floats) -> Floats:
        numbers = numbers_from_parameters(parameters_from_moments(averages, size), size)
        return wick.expectation(graphs, size, numbers)

    return Moments(PIGMM.fit, partial(evaluate, FITTED), predict, graphs)


def _one_sided(shape: Shape, labelled: Side) -> Moments:
    graphs = without(bipartite.FITTED)
    M, n = one_sided.sides(shape, labelled)

    def predict(averages: Floats) -> Floats:
        law = one_sided.covariances_from_moments(averages, M, n)
        return one_sided.expectation(graphs, n, law, labelled)

    fit = partial(one_sided.OneSided.fit, labelled=labelled)
    statistics = partial(one_sided.sufficient_statistics, labelled=labelled)
    return Moments(fit, statistics, predict, graphs)


def _independent(shape: Shape) -> Moments:
    graphs = without(iid.FITTED)

    def predict(averages: Floats) -> Floats:
        return iid.expectation(graphs, shape, iid.parameters_from_moments(averages, shape))

    return Moments(iid.IID.fit, partial(evaluate, iid.FITTED), predict, graphs)


def _bipartite(shape: Shape) -> Moments:
    graphs = without(bipartite.FITTED)

    def predict(averages: Floats) -> Floats:
        parameters = bipartite.parameters_from_moments(averages, shape)
        return bipartite.expectation(graphs, shape, parameters)

    return Moments(bipartite.Bipartite.fit, partial(evaluate, bipartite.FITTED), predict, graphs)


# Laws of matrices of any shape, without labels.
_OF_SHAPE: dict[str, Callable[[Shape], Moments]] = {
    INDEPENDENT: _independent,
    BIPARTITE: _bipartite,
}
