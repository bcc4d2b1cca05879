r"""Score matching of an exponential family of invariants: linear equations for the couplings.

With log p(W) = sum_a theta_a T_a(W) + const, the score of a member is, term by term,

    |grad log p|^2 / 2 + laplacian log p = theta' A_n theta / 2 + b_n' theta,
    A_n = sum_ij (d_ij T_a)(d_ij T_b),    b_n = sum_ij d_ij^2 T_a.

The normalising constant has dropped out. The average over members is least where A theta = -b. By
`invariants.gradients` each A_n and b_n is a fixed linear map of invariants of the member: they are
evaluated once, and resampled ensembles, folds and chosen couplings are algebra of small arrays.

Source: Hyvärinen, A. (2005). Estimation of non-normalized statistical models by score matching.
Journal of Machine Learning Research 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from weightlaws.arrays import Floats, Shape
from weightlaws.errors import WeightLawsError
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.gradients import Polynomial, gradient_product, laplacian
from weightlaws.invariants.graphs import Graph

#: The least eigenvalue of A, scaled to a diagonal of ones, that is told from 0. Sums of float64
#: leave some 1e-14 where gradients depend on each other.
DEPENDENT = 1e-11


@dataclass(frozen=True)
class ScoreEquations:
    """The equations of each member.

    Attributes
    ----------
    graphs
        The k invariants of the law.
    values : (n, g)
        The invariants that the gradients' products and Laplacians are made of, a member a row.
    products : (k, k, g)
        What makes A_n of them.
    laplacians : (k, g)
        What makes b_n of them.
    """

    graphs: tuple[Graph, ...]
    values: Floats
    products: Floats
    laplacians: Floats

    @classmethod
    def of(cls, matrices: Floats, graphs: Sequence[Graph]) -> Self:
        """Evaluate the equations of matrices (n, rows, columns)."""
        n, rows, columns = matrices.shape
        graphs = tuple(graphs)
        needed, products, laplacians = _maps(graphs, (rows, columns))
        values = np.concatenate([np.ones((n, 1)), evaluate(needed, matrices)], axis=1)
        return cls(graphs, values, products, laplacians)

    def only(self, chosen: Sequence[int]) -> "ScoreEquations":
        """Return the equations of some of the couplings, by position."""
        places = np.asarray(chosen, dtype=np.int64)
        return ScoreEquations(
            tuple(self.graphs[k] for k in places),
            self.values,
            self.products[np.ix_(places, places)],
            self.laplacians[places],
        )

    def averages(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """Average over members: A (..., k, k) and b (..., k).

        The weights (..., n) of members sum to 1; without any, all count alike.
        """
        values = self.values.mean(axis=0) if weights is None else weights @ self.values
        k, _, g = self.products.shape
        A = (values @ self.products.reshape(k * k, g).T).reshape(*values.shape[:-1], k, k)
        return A, values @ self.laplacians.T

    def solve(self, weights: Floats | None = None) -> Floats:
        """Return the couplings (..., k) of least score, of an ensemble or of weighted ones.

        Raises
        ------
        WeightLawsError
            If the gradients depend on each other linearly, so that no couplings are best.
        """
        A, b = self.averages(weights)
        return -(self._inverse(A) @ b[..., None])[..., 0]

    def residuals(self, couplings: Floats) -> Floats:
        """A_n theta + b_n of each member, (n, k), whose average is 0 at the solution."""
        return np.asarray(self.values @ (couplings @ self.products + self.laplacians).T)

    def scores(self, couplings: Floats) -> Floats:
        """Score of each member, theta' A_n theta / 2 + b_n' theta: (n,)."""
        return np.asarray(
            self.values @ (couplings @ (couplings @ self.products / 2 + self.laplacians))
        )

    def sandwich(self, couplings: Floats) -> Floats:
        """Covariance (k, k) of the couplings A^-1 V A^-1 / n, V that of the residuals.

        It is right for large n whether or not the family holds the true law.

        References
        ----------
        Huber, P. J. (1967). The behavior of maximum likelihood estimates under nonstandard
        conditions. Proceedings of the Fifth Berkeley Symposium 1.
        """
        n = len(self.values)
        influences = self.residuals(couplings) @ self._inverse(self.averages()[0])
        return np.asarray(influences.T @ influences / (n * (n - 1)))

    def _inverse(self, A: Floats) -> Floats:
        """Invert (..., k, k), scaled to a diagonal of ones, as couplings differ in size by far."""
        diagonal = np.diagonal(A, axis1=-2, axis2=-1)
        scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
        scales = scale[..., :, None] * scale[..., None, :]
        eigenvalues, vectors = np.linalg.eigh(A * scales)
        if eigenvalues.min(initial=1) < DEPENDENT:
            worst = vectors.reshape(-1, *vectors.shape[-2:])[eigenvalues[..., 0].argmin(), :, 0]
            involved = [
                graph.name
                for graph, share in zip(self.graphs, worst, strict=True)
                if abs(share) > 0.1
            ]
            raise WeightLawsError(
                "the gradients of the invariants",
                f"a linear dependence among {', '.join(involved)} (eigenvalue "
                f"{eigenvalues.min():.1e} of the matrix of products, scaled to ones)",
                "independent gradients",
                "leave one of these out; graphs with more vertices than rows or columns depend on "
                "others, and more members may help",
            )
        return np.asarray((vectors / eigenvalues[..., None, :]) @ vectors.swapaxes(-1, -2) * scales)


@lru_cache(maxsize=32)
def _maps(graphs: tuple[Graph, ...], shape: Shape) -> tuple[tuple[Graph, ...], Floats, Floats]:
    """Return the graphs to evaluate, and the maps (k, k, g) and (k, g) of 1 and their values."""
    pairs = {
        (a, b): gradient_product(graphs[a], graphs[b])
        for a in range(len(graphs))
        for b in range(a, len(graphs))
    }
    second = [laplacian(graph) for graph in graphs]
    found = {term.graph for terms in [*pairs.values(), *second] for term in terms}
    graphs_found = [graph for graph in found if graph is not None]
    needed = sorted(graphs_found, key=lambda graph: (graph.degree, graph.edges))
    places: dict[Graph | None, int] = {None: 0}
    places |= {graph: k for k, graph in enumerate(needed, start=1)}

    def row(terms: Polynomial) -> Floats:
        coefficients = np.zeros(len(places))
        for (graph, rows, columns), count in terms.items():
            coefficients[places[graph]] += count * float(shape[0]) ** rows * shape[1] ** columns
        return coefficients

    products = np.zeros((len(graphs), len(graphs), len(places)))
    for (a, b), terms in pairs.items():
        products[a, b] = products[b, a] = row(terms)
    laplacians = np.array([row(terms) for terms in second])
    for array in (products, laplacians):
        array.setflags(write=False)
    return tuple(needed), products, laplacians
