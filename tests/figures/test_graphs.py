from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from support.figures import STYLE

from weightlaws.figures.graphs import draw_graph, gallery
from weightlaws.figures.style import Style, save
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.graphs import Graph, canonical, enumerate_graphs

BIPARTITE = [graph for degree in range(1, 5) for graph in enumerate_graphs(degree, bipartite=True)]
GRAPHS = [*catalogue("complete"), *BIPARTITE]


def drawn(graph):
    """Return the polygons of a picture by what they are: arrows, dots, squares."""
    axes = Figure().add_axes((0, 0, 1, 1))
    draw_graph(axes, graph)
    (collection,) = axes.collections
    kinds = {"arrows": [], "dots": [], "squares": []}
    for path, colour in zip(collection.get_paths(), collection.get_facecolor(), strict=True):
        if colour[0] == 0:  # black
            kinds["dots" if len(path) > 5 else "squares"].append(path)
        elif colour[0] < 1:
            kinds["arrows"].append(path)
    return kinds


def read(graph):
    """Read a graph from its picture: where the blunt end and the tip of each arrow are."""
    kinds = drawn(graph)
    vertices = [path.vertices[:-1].mean(axis=0) for path in kinds["dots"] + kinds["squares"]]
    edges = []
    for arrow in kinds["arrows"]:
        outline = arrow.vertices[:-1]
        ends = (outline[0] + outline[-1]) / 2, outline[len(outline) // 2]
        edges.append([int(np.argmin([np.hypot(*(end - v)) for v in vertices])) for end in ends])
    n_dots = len(kinds["dots"])
    if graph.bipartite:
        assert all(i < n_dots <= j for i, j in edges)
        edges = [(i, j - n_dots) for i, j in edges]
    assert len(vertices) == graph.n_vertices
    return canonical(Graph(tuple(edges), graph.bipartite))


def test_the_graph_can_be_read_from_its_picture():
    for graph in [*GRAPHS, *enumerate_graphs(5)[::25], *enumerate_graphs(5, bipartite=True)[::5]]:
        assert read(graph) == graph


def test_nothing_overlaps_and_all_is_inside():
    side = (np.arange(60) + 0.5) / 60
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    for graph in GRAPHS:
        kinds = drawn(graph)
        corners = np.concatenate([path.vertices for paths in kinds.values() for path in paths])
        assert corners.min() > 0, graph.name
        assert corners.max() < 1, graph.name
        for group in (kinds["arrows"], kinds["dots"] + kinds["squares"]):
            covered = np.sum([path.contains_points(points) for path in group], axis=0)
            assert covered.max() <= 1, graph.name


def test_every_labelling_gives_the_same_picture():
    one, other = Graph(((0, 0), (0, 1), (2, 3))), Graph(((5, 1), (4, 3), (4, 4)))
    for kind, paths in drawn(one).items():
        for path, same in zip(paths, drawn(other)[kind], strict=True):
            np.testing.assert_array_equal(path.vertices, same.vertices)


def test_the_gallery_names_every_graph_by_degree():
    graphs = catalogue("complete")
    figure = gallery(graphs[::-1], STYLE)
    words = [text.get_text() for text in figure.findobj(Text)]
    assert {graph.name for graph in graphs} <= set(words)
    assert {f"I{k}" for k in range(1, 53)} <= set(words)
    headings = [word for word in words if word.startswith("degree")]
    assert headings == [f"degree {k}: {n} graphs" for k, n in ((1, 2), (2, 11), (3, 52), (4, 296))]
    (axes,) = figure.axes
    assert len(axes.collections) == len(graphs)


@pytest.mark.parametrize("graphs", [catalogue("published"), BIPARTITE])
def test_the_gallery_saves_the_same_bytes_twice(graphs, tmp_path):
    for name in ("first.svg", "second.svg"):
        save(gallery(graphs, STYLE), tmp_path / name, STYLE)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_names_in_the_gallery_keep_apart():
    for style in (STYLE, Style(column_width=1.0, font_scale=2.0)):
        figure = gallery(catalogue("complete"), style)
        with style.in_use():
            figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
        rows = {}
        for box in boxes:
            rows.setdefault(round(box.y0), []).append((box.x0, box.x1))
        for row in rows.values():
            row.sort()
            assert all(end < start for (_, end), (start, _) in pairwise(row))


def test_a_gallery_needs_graphs():
    with pytest.raises(ValueError, match="expected at least one graph, found none"):
        gallery([], STYLE)
