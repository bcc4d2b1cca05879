"""Laws to test with, and expectations by brute force."""

import numpy as np

from weightlaws.invariants.graphs import enumerate_graphs
from weightlaws.laws.one_sided import OneSided

BIPARTITE = [graph for k in range(1, 5) for graph in enumerate_graphs(k, bipartite=True)]
# A mean and four variances without an equality that would hide an exchange.
FIVE = [0.4, 1.3, 0.8, 0.6, 0.5]


def one_sided(shape, labelled, seed=0):
    """A law whose A has eigenvalues of both signs."""
    rng = np.random.default_rng(seed)
    M, n = shape if labelled == "rows" else shape[::-1]
    factors = rng.normal(size=(2, M, 2 * M))
    B, C = factors @ factors.swapaxes(1, 2) / M
    upper = np.triu_indices(M)
    parameters = np.concatenate([rng.normal(size=M), ((C - B) / n)[upper], B[upper]])
    return OneSided(shape, parameters, labelled)


def isserlis(graph, mean, covariance):
    """Sum Isserlis' theorem over every assignment of the vertices.

    mean is (rows, columns), covariance (rows, columns, rows, columns).
    """
    rows, columns = graph.labels
    if graph.bipartite:
        sizes = [mean.shape[0]] * len(rows) + [mean.shape[1]] * len(columns)
    else:
        sizes = [len(mean)] * len(rows)
    # Open grids: a term has axes of length 1 for the vertices that it does not join.
    grids = np.indices(sizes, sparse=True)
    row = dict(zip(rows, grids, strict=False))
    column = dict(zip(columns, grids[len(rows) :], strict=True)) if graph.bipartite else row

    def term(edges):
        if not edges:
            return 1.0
        (i, j), *others = edges
        total = mean[row[i], column[j]] * term(others)
        for n, (k, l) in enumerate(others):  # noqa: E741
            rest = others[:n] + others[n + 1 :]
            total = total + covariance[row[i], column[j], row[k], column[l]] * term(rest)
        return total

    return np.sum(term(list(graph.edges)))


def planted(n, shape, cubic, quartic, rng):
    """Draw n matrices of entries of density exp(-w^2 / 2 + cubic w^3 - quartic w^4)."""
    grid = np.linspace(-8, 8, 20_001)
    density = np.exp(-(grid**2) / 2 + cubic * grid**3 - quartic * grid**4)
    return np.interp(rng.uniform(size=(n, *shape)), np.cumsum(density) / density.sum(), grid)
