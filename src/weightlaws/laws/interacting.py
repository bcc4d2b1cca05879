r"""Interacting laws of matrices: exponential families of permutation-invariant polynomials.

    log p(W) = sum_a theta_a T_a(W / s) + const

The T_a are invariants, linear and quadratic ones for the Gaussian part and cubics and quartics for
interactions. Couplings are in units of s, the standard deviation of all entries of the matrices
that were fitted: so those of layers, epochs and widths compare. The family is closed under a change
of units, as a coupling of degree d changes by s^d.

A fit is by score matching, which needs no normalising constant and is linear algebra here. With
linear and quadratic graphs alone it is the maximum likelihood of the Gaussian law.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.arrays import Floats, Shape
from weightlaws.errors import WeightLawsError
from weightlaws.invariants.catalogue import graphs_of
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.gradients import gradient, laplacian
from weightlaws.invariants.graphs import Graph, canonical, enumerate_graphs
from weightlaws.laws.base import ParametricLaw, check_matrices
from weightlaws.laws.hamiltonian import Chains, effective_size, means, r_hat, run
from weightlaws.laws.hard_edges import hard_edge
from weightlaws.laws.normalisability import Verdict, constrained_couplings, verdict
from weightlaws.laws.score_equations import ScoreEquations

#: Chains of a sample, and the draws of each that there are at least, for R-hat to be known.
N_CHAINS, LEAST_DRAWS = 50, 40

#: The largest R-hat of a sample: at 1.05 a tenth of the variance is between chains.
R_HAT = 1.05

# Points of the integral over the joint normal law of the estimates. It is a fixed rule of
# integration: its points are the same in every call.
_POINTS, _RULE = 20_000, 0


def bipartite_graphs(degree: int, shape: Shape) -> tuple[Graph, ...]:
    """Return the bipartite invariants up to a degree that are independent for a shape.

    A graph with more vertices than rows, or columns, is a sum of graphs with fewer. At 4 x 4 and
    above none is left out up to degree 4: there are 1 + 4 + 10 + 33.
    """
    return tuple(
        graph
        for d in range(1, degree + 1)
        for graph in enumerate_graphs(d, bipartite=True)
        if len(graph.labels[0]) <= shape[0] and len(graph.labels[1]) <= shape[1]
    )


class Interacting(ParametricLaw):
    r"""A law log p(W) = sum_a theta_a T_a(W / s) + const of matrices (rows, columns).

    Parameters
    ----------
    shape
        Rows and columns of the matrices.
    graphs
        The k invariants T_a; those of square matrices that are not bipartite need squares.
    couplings : (k,)
        The theta_a, in units of s.
    scale
        The unit s; of a fit, the standard deviation of all entries of all matrices.

    Raises
    ------
    ValueError
        If the shape is not positive, a graph does not go with it or is there twice, the couplings
        are not k finite numbers, or the scale is not positive.

    Examples
    --------
    Entries of the density exp(-w^2 / 2 - w^4 / 20), drawn by rejection, as 2000 matrices of 4 x 3:

    >>> rng = np.random.default_rng(0)
    >>> normal = rng.normal(size=60_000)
    >>> entries = normal[rng.uniform(size=60_000) < np.exp(-(normal**4) / 20)]
    >>> matrices = entries[:24_000].reshape(2000, 4, 3)
    >>> squares, fourths = Graph(((0, 0),) * 2, True), Graph(((0, 0),) * 4, True)
    >>> law = Interacting.fit(matrices, graphs=[squares, fourths])
    >>> law.couplings[["graph", "coupling", "standard_error"]].round(3)
             graph  coupling  standard_error
    0        ia.ia    -0.364           0.011
    1  ia.ia.ia.ia    -0.026           0.002
    """

    def __init__(
        self,
        shape: Shape,
        graphs: Sequence[Graph],
        couplings: npt.ArrayLike,
        scale: float = 1.0,
    ) -> None:
        super().__init__(shape, couplings, len(graphs))
        self._graphs = tuple(canonical(graph) for graph in graphs)
        if len({*self._graphs}) < len(self._graphs):
            raise ValueError(f"expected different graphs, found {[g.name for g in self._graphs]}")
        if self.shape[0] != self.shape[1] and not all(graph.bipartite for graph in graphs):
            raise ValueError(f"expected only bipartite graphs for the shape {self.shape}")
        if not (np.isfinite(scale) and scale > 0):
            raise ValueError(f"expected a positive scale, found {scale}")
        self._scale = float(scale)
        self._covariance = np.full((len(graphs), len(graphs)), np.nan)
        self._constrained = False

    def __repr__(self) -> str:
        names = [graph.name for graph in self.graphs]
        return f"Interacting(shape={self.shape}, graphs={names}, scale={self.scale:g})"

    @classmethod
    def fit(
        cls, matrices: npt.ArrayLike, degree: int = 4, graphs: Sequence[Graph] | None = None
    ) -> Self:
        """Fit to matrices (n, rows, columns), n >= 2, by score matching.

        Parameters
        ----------
        matrices : (n, rows, columns)
            One matrix a member.
        degree
            All bipartite invariants up to it that are independent for the shape, if no graphs are
            given.
        graphs
            The invariants of the law.

        Raises
        ------
        WeightLawsError
            If the sample shows a hard edge, does not vary, or does not determine the couplings.
        ValueError
            If the matrices are not real (n, rows, columns), or the graphs do not go with them.
        """
        matrices = check_matrices(matrices)
        _, rows, columns = matrices.shape
        scale = standard_deviation(matrices)
        if reason := hard_edge(matrices):
            raise WeightLawsError(
                "the sample of matrices",
                reason,
                "a density that falls to 0 where it ends",
                "score matching is wrong here: take an epoch after the start, or a Gaussian law",
            )
        shape = (rows, columns)
        chosen = bipartite_graphs(degree, shape) if graphs is None else tuple(graphs)
        law = cls(shape, chosen, np.zeros(len(chosen)), scale)
        return law.fitted(ScoreEquations.of(matrices / scale, law.graphs))

    def fitted(self, equations: ScoreEquations) -> Self:
        """Return the law of the same shape and scale that solves the equations of its graphs."""
        couplings = equations.solve()
        law = type(self)(self.shape, equations.graphs, couplings, self.scale)
        law._covariance = equations.sandwich(couplings)
        return law

    @classmethod
    def fit_normalisable(
        cls, matrices: npt.ArrayLike, degree: int = 4, graphs: Sequence[Graph] | None = None
    ) -> Self:
        """Fit as `fit` does, among the laws whose quartic terms fall in all directions.

        Where `fit` gives a normalisable law it is that one. Elsewhere couplings lie on the border,
        where no error is stated: `couplings` has NaN for it.

        Raises
        ------
        WeightLawsError
            As `fit` does, or if the highest degree is not 4.
        """
        law = cls.fit(matrices, degree, graphs)
        if law.normalisable.normalisable:
            return law
        matrices = check_matrices(matrices) / law.scale
        equations = ScoreEquations.of(matrices, law.graphs)
        couplings = constrained_couplings(equations, law.shape)
        law = cls(law.shape, law.graphs, couplings, law.scale)
        law._constrained = True
        return law

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """The invariants T_a, in canonical form."""
        return self._graphs

    @property
    def scale(self) -> float:
        """The unit s of the entries that couplings refer to."""
        return self._scale

    @property
    def covariance(self) -> Floats:
        """Covariance (k, k) of the couplings by the sandwich formula; NaN without a fit."""
        return self._covariance

    @property
    def constrained(self) -> bool:
        """Whether `fit_normalisable` put the couplings on the border of the laws it allows."""
        return self._constrained

    @cached_property
    def couplings(self) -> pd.DataFrame:
        """The couplings with their errors, one row a graph.

        ``graph`` is its name. ``standard_error`` is by the sandwich formula, with the unit s taken
        as given. ``p_adjusted`` tests whether the coupling is 0, in one family of all couplings of
        degree 3 and more: how likely the largest of as many correlated normal variables exceeds
        this one's z. NaN for the Gaussian part, and without a fit.

        References
        ----------
        Hothorn, T., Bretz, F. & Westfall, P. (2008). Simultaneous inference in general parametric
        models. Biometrical Journal 50.
        """
        errors = np.sqrt(np.diag(self.covariance))
        p_adjusted = np.full(len(errors), np.nan)
        tested = [k for k, graph in enumerate(self.graphs) if graph.degree > 2]
        if tested and np.isfinite(errors).all():
            z = np.abs(self.parameters / errors)[tested]
            correlation = self.covariance / np.outer(errors, errors)
            values, vectors = np.linalg.eigh(correlation[np.ix_(tested, tested)])
            normal = np.random.default_rng(_RULE).standard_normal((_POINTS, len(tested)))
            largest = np.abs(normal @ (vectors * np.sqrt(values.clip(0))).T).max(axis=1)
            beyond = _POINTS - np.searchsorted(np.sort(largest), z)
            p_adjusted[tested] = (1 + beyond) / (1 + _POINTS)
        return pd.DataFrame(
            {
                "graph": [graph.name for graph in self.graphs],
                "coupling": self.parameters,
                "standard_error": errors,
                "p_adjusted": p_adjusted,
            }
        )

    @cached_property
    def normalisable(self) -> Verdict:
        """Whether the law is a density: the verdict, what is proved of it, and in words why."""
        return verdict(self.shape, self.graphs, self.parameters)

    def gradient(self, matrices: npt.ArrayLike) -> Floats:
        """Return the gradient of log p (n, rows, columns) by the entries of matrices."""
        matrices = check_matrices(matrices, self.shape) / self.scale
        return gradient(self.graphs, self.parameters, matrices)[1] / self.scale

    def hyvarinen_score(self, matrices: npt.ArrayLike) -> Floats:
        """Score matrices (n, rows, columns), as `scores.hyvarinen_score` does: (n,)."""
        matrices = check_matrices(matrices, self.shape) / self.scale
        slopes = gradient(self.graphs, self.parameters, matrices)[1]
        # Not by the products of graphs: of degree 6, they would take ten times the work.
        scores = np.einsum("nij,nij->n", slopes, slopes) / 2
        curvature: dict[Graph | None, float] = {}
        for graph, coupling in zip(self.graphs, self.parameters, strict=True):
            for (part, rows, columns), count in laplacian(graph).items():
                power = float(self.shape[0]) ** rows * self.shape[1] ** columns
                curvature[part] = curvature.get(part, 0.0) + coupling * count * power
        scores += curvature.pop(None, 0.0)
        graphs = tuple(graph for graph in curvature if graph is not None)
        scores += evaluate(graphs, matrices) @ np.array([curvature[graph] for graph in graphs])
        return np.asarray(scores / self.scale**2)

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n matrices, (n, rows, columns), from chains that have forgotten their start.

        Raises
        ------
        WeightLawsError
            If the law is not normalisable, or R-hat of an invariant of the law is above `R_HAT`.
        """
        chains = self.chains(n, rng)
        self.require_mixed(chains)
        # The last draws, of all chains alike.
        drawn = chains.matrices.swapaxes(0, 1).reshape(-1, *self.shape)
        return drawn[len(drawn) - n :]

    def chains(self, n: int, rng: np.random.Generator) -> Chains:
        """Run Hamiltonian Monte Carlo for n draws or more, of `N_CHAINS` chains.

        Raises
        ------
        WeightLawsError
            If the law is not normalisable.
        """
        if self.normalisable.normalisable is False:
            raise WeightLawsError(
                "an interacting law",
                self.normalisable.note,
                "a law with a finite integral",
                "fit it by Interacting.fit_normalisable, or with fewer couplings",
            )

        def target(matrices: Floats) -> tuple[Floats, Floats]:
            return gradient(self.graphs, self.parameters, matrices)

        start = rng.standard_normal((N_CHAINS, *self.shape))
        drawn = run(target, start, max(LEAST_DRAWS, -(-n // N_CHAINS)), rng)
        return Chains(drawn.matrices * self.scale, drawn.accepted)

    def diagnostics(self, chains: Chains) -> pd.DataFrame:
        """Say how well chains have mixed, one row an invariant.

        They are those of the law, and of degrees 1 and 2 at least: an even law has modes that its
        own do not tell apart. ``graph`` is its name, ``r_hat`` 1 where all chains are alike, and
        ``effective_size`` the number of independent draws that its mean is worth.
        """
        graphs = list(dict.fromkeys((*bipartite_graphs(2, self.shape), *self.graphs)))
        values = evaluate(graphs, chains.matrices / self.scale)
        return pd.DataFrame(
            {
                "graph": [graph.name for graph in graphs],
                "r_hat": [r_hat(values[..., k]) for k in range(len(graphs))],
                "effective_size": [effective_size(values[..., k]) for k in range(len(graphs))],
            }
        )

    def require_mixed(self, chains: Chains) -> None:
        """Refuse, by a WeightLawsError, chains with an R-hat above `R_HAT`."""
        table = self.diagnostics(chains)
        name, worst = max(zip(table["graph"], table["r_hat"], strict=True), key=lambda row: row[1])
        if worst > R_HAT:
            raise WeightLawsError(
                "the chains of an interacting law",
                f"R-hat {worst:.2f} of {name}",
                f"at most {R_HAT:g}",
                "the law may have several modes, or hardly fall in some direction: fit it with "
                "fewer couplings, or ask for more draws",
            )

    def expectation(
        self, graphs: Iterable[Graph | str], n: int, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """Estimate expectations of invariants, or of those of some names, from n draws.

        Returns
        -------
        two arrays (len(graphs),)
            The means, and their Monte Carlo standard errors by the effective sample sizes.

        Raises
        ------
        WeightLawsError
            As `sample` does.
        """
        rows, columns = self.shape
        graphs = graphs_of(graphs, bipartite=rows != columns)
        chains = self.chains(n, rng)
        self.require_mixed(chains)
        return means(evaluate(graphs, chains.matrices))


def standard_deviation(matrices: Floats) -> float:
    """Return the standard deviation of all entries: the unit of couplings.

    Raises
    ------
    WeightLawsError
        If there are fewer than two matrices, or the entries do not vary.
    """
    scale = float(matrices.std())
    if len(matrices) < 2 or scale <= 1e-12 * np.abs(matrices).max():
        raise WeightLawsError(
            "the sample of matrices",
            f"{len(matrices)} of standard deviation {scale:.3g}",
            "two or more matrices, whose entries vary",
            "give more members, or another layer",
        )
    return scale
