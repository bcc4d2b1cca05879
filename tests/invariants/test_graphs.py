import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.published import VALUES

from weightlaws.invariants.graphs import PUBLISHED, Graph, canonical, components, enumerate_graphs

edge_lists = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("bipartite", "counts"), [(False, [2, 11, 52, 296, 1724]), (True, [1, 4, 10, 33, 91])]
)
def test_enumeration_counts(bipartite, counts):
    for degree, count in enumerate(counts, start=1):
        graphs = enumerate_graphs(degree, bipartite)
        assert len(graphs) == len(set(graphs)) == count
        assert {graph.degree for graph in graphs} == {degree}
        assert {graph.bipartite for graph in graphs} == {bipartite}


@pytest.mark.parametrize(("bipartite", "labels"), [(False, 6), (True, 3)])
def test_enumeration_is_all_edge_lists_up_to_relabelling(bipartite, labels):
    edges = list(itertools.product(range(labels), repeat=2))
    lists = itertools.combinations_with_replacement(edges, 3)
    graphs = {canonical(Graph(edge_list, bipartite)) for edge_list in lists}
    assert graphs == set(enumerate_graphs(3, bipartite))


@pytest.mark.parametrize("bipartite", [False, True])
def test_enumerated_graphs_and_their_components_are_canonical(bipartite):
    for graph in enumerate_graphs(4, bipartite):
        assert canonical(graph) == graph
        assert all(canonical(part) == part for part in components(graph))


@settings(deadline=None)
@given(edge_lists, st.booleans(), st.data())
def test_canonical_ignores_labels_and_edge_order(edges, bipartite, data):
    rows = data.draw(st.permutations(range(6)))
    columns = data.draw(st.permutations(range(6))) if bipartite else rows
    relabelled = data.draw(st.permutations([(2 * rows[i], 2 * columns[j]) for i, j in edges]))
    assert canonical(Graph(relabelled, bipartite)) == canonical(Graph(edges, bipartite))


@settings(deadline=None)
@given(edge_lists, st.booleans())
def test_components_are_connected_and_make_up_the_graph(edges, bipartite):
    graph = Graph(edges, bipartite)
    parts = components(graph)
    assert sum(part.degree for part in parts) == graph.degree
    assert sum(part.n_vertices for part in parts) == graph.n_vertices
    assert all(len(components(part)) == 1 for part in parts)


def test_orientation_and_loops_tell_graphs_apart():
    chain, fork, join = ([(0, 1), (1, 2)], [(0, 1), (0, 2)], [(0, 1), (2, 1)])
    assert len({canonical(Graph(edges)) for edges in (chain, fork, join)}) == 3
    assert canonical(Graph([(0, 0), (0, 1)])) != canonical(Graph([(0, 0), (1, 0)]))


def test_many_exchangeable_vertices_take_no_factorial_time():
    star = [(0, leaf) for leaf in range(1, 30)]
    assert canonical(Graph(star[::-1])).n_vertices == 30


def test_bipartite_labels_are_separate():
    graph = Graph(((0, 0),), bipartite=True)
    assert graph.n_vertices == 2
    assert graph.arcs == ((0, 1),)
    assert graph.labels == ([0], [0])
    assert Graph(((0, 0),)).n_vertices == 1


def test_published_table():
    assert list(PUBLISHED) == [graph["name"] for graph in VALUES["invariants"]]
    for entry in VALUES["invariants"]:
        assert PUBLISHED[entry["name"]] == canonical(Graph(entry["edges"]))


def test_published_graphs_are_a_subset_by_number_of_vertices():
    subset = {
        graph
        for k in range(1, 5)
        for graph in enumerate_graphs(k)
        if k <= 2 or graph.n_vertices in (1, 2, 2 * k - 1, 2 * k)
    }
    assert set(PUBLISHED.values()) == subset


def graph_of(name):
    """Read a name."""
    edges = [tuple(map(ord, edge)) for edge in name.split(".")]
    bipartite = any(column < ord("i") for _, column in edges)
    return canonical(Graph(tuple(edges), bipartite))


@pytest.mark.parametrize("bipartite", [False, True])
def test_names_tell_graphs_apart_and_can_be_read(bipartite):
    graphs = [graph for degree in range(1, 6) for graph in enumerate_graphs(degree, bipartite)]
    assert len({graph.name for graph in graphs}) == len(graphs)
    assert all(graph_of(graph.name) == graph for graph in graphs)


# Stored tables carry these names, so they never change.
@pytest.mark.parametrize(
    ("edges", "bipartite", "name", "formula"),
    [
        ([(0, 0)], False, "ii", "sum_i W_ii"),
        ([(0, 0), (0, 1)], False, "ii.ij", "sum_ij W_ii W_ij"),
        ([(0, 1), (1, 2), (2, 0)], False, "ij.jk.ki", "sum_ijk W_ij W_jk W_ki"),
        ([(7, 7), (7, 2), (7, 2)], False, "ii.ij.ij", "sum_ij W_ii W_ij^2"),
        ([(0, 0), (2, 3), (0, 0)], False, "ii.ii.jk", "sum_ijk W_ii^2 W_jk"),
        ([(0, 1), (2, 3), (4, 5)], False, "ij.kl.mn", "sum_ijklmn W_ij W_kl W_mn"),
        ([(0, 0)], True, "ia", "sum_ia W_ia"),
        ([(0, 0), (1, 0), (0, 1)], True, "ia.ja.jb", "sum_ijab W_ia W_ja W_jb"),
        ([(0, 0), (3, 1), (3, 1), (3, 1)], True, "ia.jb.jb.jb", "sum_ijab W_ia W_jb^3"),
    ],
)
def test_names_and_formulas(edges, bipartite, name, formula):
    graph = Graph(tuple(edges), bipartite)
    assert (graph.name, graph.formula) == (name, formula)


@settings(deadline=None)
@given(edge_lists, st.booleans())
def test_all_labellings_share_name_and_formula(edges, bipartite):
    graph = Graph(tuple(edges), bipartite)
    assert graph.name == canonical(graph).name
    assert graph.formula == canonical(graph).formula
    assert graph_of(graph.name) == canonical(graph)


@pytest.mark.parametrize(
    ("most", "bipartite", "message"),
    [
        (17, False, "expected at most 18 vertices to name i to z, found more in a graph of 19"),
        (8, True, "expected at most 8 vertices to name a to h, found more in a graph of 10"),
    ],
)
def test_names_end_with_the_letters(most, bipartite, message):
    star = [(0, leaf) for leaf in range(1, most + 2)]
    assert len(Graph(tuple(star[:most]), bipartite).name.split(".")) == most
    with pytest.raises(ValueError, match=message):
        Graph(tuple(star), bipartite).name  # noqa: B018


@pytest.mark.parametrize("edges", [(), ((0,),), ((0, 1, 2),), ((0, -1),)])
def test_edges_are_pairs_of_labels(edges):
    with pytest.raises(ValueError, match=r"expected one or more pairs .* found \("):
        Graph(edges)


def test_degree_is_positive():
    with pytest.raises(ValueError, match="at least 1, found 0"):
        enumerate_graphs(0)
