import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published import VALUES

from weightlaws.graphs import PUBLISHED, Graph, canonical, components, enumerate_graphs

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


@pytest.mark.parametrize("edges", [(), ((0,),), ((0, 1, 2),), ((0, -1),)])
def test_edges_are_pairs_of_labels(edges):
    with pytest.raises(ValueError, match=r"expected one or more pairs .* found \("):
        Graph(edges)


def test_degree_is_positive():
    with pytest.raises(ValueError, match="at least 1, found 0"):
        enumerate_graphs(0)
