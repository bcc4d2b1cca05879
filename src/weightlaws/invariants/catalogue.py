"""The catalogues of invariants of a study, in the order of all stored values and tables."""

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from weightlaws.invariants.graphs import PUBLISHED, Graph, canonical, components, enumerate_graphs

if TYPE_CHECKING:  # pandas is slow to import, and the graphs do without it
    import pandas as pd

CATALOGUES = ("published", "complete")
_NUMBERS = {graph: number for number, graph in PUBLISHED.items()}
# The letters of `Graph.name`: rows of bipartite graphs are from i on, and their columns before.
_EDGES = re.compile(r"[i-z]{2}(\.[i-z]{2})*|(?P<bipartite>[i-z][a-h](\.[i-z][a-h])*)")


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
    """Return the canonical graph of a name as tables have it.

    Parameters
    ----------
    name
        Such as ``ii.ij.jk``, of a bipartite graph ``ia.ib.ja``, or a published number, ``I45``.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if name in PUBLISHED:
        return PUBLISHED[name]
    if found := _EDGES.fullmatch(name):
        edges = tuple((ord(edge[0]), ord(edge[1])) for edge in name.split("."))
        return canonical(Graph(edges, bipartite=found["bipartite"] is not None))
    raise ValueError(
        f"found invariant {name!r}, expected a name such as 'ii.ij.jk' or, of a bipartite one, "
        "'ia.ib.ja', or a number from 'I1' to 'I52'"
    )


def graphs_of(invariants: Iterable[Graph | str], *, bipartite: bool = False) -> tuple[Graph, ...]:
    """Return graphs, of which some may be given by their names.

    Parameters
    ----------
    invariants
        Graphs, or names as `graph_of` reads them.
    bipartite
        Whether bipartite graphs are wanted: then ``ij.ik`` counts as ``ia.ib``.

    Raises
    ------
    ValueError
        If a name is none, or names a graph that is not bipartite where such are wanted.
    """
    found = (each if isinstance(each, Graph) else graph_of(each) for each in invariants)
    return tuple(_bipartite(graph) if bipartite else graph for graph in found)


def _bipartite(graph: Graph) -> Graph:
    """Tell rows from columns in a graph of which no vertex is both."""
    if graph.bipartite:
        return graph
    both = {row for row, _ in graph.edges} & {column for _, column in graph.edges}
    if both:
        raise ValueError(
            f"expected only bipartite graphs, found {graph.name}, in which an index is of a row "
            "and of a column; only laws of square matrices without labels know of it"
        )
    return canonical(Graph(graph.edges, bipartite=True))
