"""The catalogues of invariants of a study, in the order of all stored values and tables."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from weightlaws.invariants.graphs import PUBLISHED, Graph, canonical, components, enumerate_graphs

if TYPE_CHECKING:  # pandas is slow to import, and the graphs do without it
    import pandas as pd

CATALOGUES = ("published", "complete")
_NUMBERS = {graph: number for number, graph in PUBLISHED.items()}


@cache
def catalogue(kind: str) -> tuple[Graph, ...]:
    """Return the graphs of a catalogue.

    Parameters
    ----------
    kind
        ``published``: the 52 of arXiv:2510.05218, I1 to I52. ``complete``: these, then the other
        309 of degrees 3 and 4 in the order of `enumerate_graphs`, so all 361 up to degree 4.

    Returns
    -------
    tuple of Graph
        In canonical form.

    Raises
    ------
    ValueError
        If there is no such catalogue.
    """
    if kind not in CATALOGUES:
        raise ValueError(f"expected a catalogue of {CATALOGUES}, found {kind!r}")
    published = tuple(PUBLISHED.values())
    if kind == "published":
        return published
    everything = (graph for degree in (1, 2, 3, 4) for graph in enumerate_graphs(degree))
    return *published, *(graph for graph in everything if graph not in _NUMBERS)


def published_number(graph: Graph) -> str:
    """Return the number of a canonical graph in arXiv:2510.05218, I1 to I52; of others nothing."""
    return _NUMBERS.get(graph, "")


def invariants_table(graphs: Iterable[Graph]) -> "pd.DataFrame":
    """Describe invariants, one row each.

    Parameters
    ----------
    graphs
        In canonical form.

    Returns
    -------
    DataFrame
        Columns ``invariant`` (the graph's name), ``published`` (its number there, or nothing),
        ``degree``, ``vertices``, ``components`` (connected ones) and ``formula``.

    Raises
    ------
    ValueError
        If a graph has too many vertices to be named.
    """
    import pandas as pd

    rows = [
        {
            "invariant": graph.name,
            "published": published_number(graph),
            "degree": graph.degree,
            "vertices": graph.n_vertices,
            "components": len(components(graph)),
            "formula": graph.formula,
        }
        for graph in graphs
    ]
    return pd.DataFrame(rows)


def graph_of(name: str) -> Graph:
    """Return the canonical graph of a name such as ``ii.ij.jk``."""
    return canonical(Graph(tuple((ord(edge[0]), ord(edge[1])) for edge in name.split("."))))
