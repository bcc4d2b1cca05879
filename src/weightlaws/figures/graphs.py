"""Pictures of the graphs that name the invariants, and a sheet of many of them.

A picture is made of filled polygons. Their unit is about the length of an edge. Then they are
scaled to a square. So lines and arrow heads keep their proportions at any size.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, pairwise, permutations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.transforms import BboxTransformTo, ScaledTranslation, Transform
from numpy.typing import NDArray

from weightlaws.figures.style import Room, Style, canvas
from weightlaws.invariants.catalogue import published_number
from weightlaws.invariants.graphs import Edge, Graph, canonical, components

Points = NDArray[np.float64]  # (points, 2)
Polygon = tuple[Points, str]  # with its colour

_VERTEX, _EDGE, _INSIDE = "black", "0.35", "white"
_RADIUS = 0.1  # of a vertex
_LINE = 0.04  # width of an edge
_HEAD_LENGTH, _HEAD_WIDTH = 0.22, 0.17
_SPACING = 0.95  # between neighbours on a circle
_SPOKE = 0.85  # from a vertex in the centre to the circle
_GAP = 0.24  # between components
_LOOP = 0.72  # how far a loop's curve is pulled from its vertex
_PETAL = np.radians(27)  # between the axis of a loop and its ends, at most
_FAN = np.radians(40)  # between parallel edges where they leave a vertex
_SMALLEST = 1.5  # side of the square that a graph with little to draw is drawn in

# The sheet, in widths of a picture's cell.
_COLUMNS = 10
_HEADING, _CELL = 0.55, 1.36  # heights
_PICTURE = 0.84


def draw_graph(axes: Axes, graph: Graph) -> None:
    """Draw a graph in square axes; half an inch is enough.

    A factor W_ij is an arrow from i to j, and each labelling of a graph gives the same picture.
    Vertices are dots; of a bipartite graph rows are dots and columns open squares. Connected
    components stand side by side.

    Parameters
    ----------
    axes
        They show nothing else afterwards, and their limits are the unit square.
    graph
        Of any degree; the layout is made for up to five edges.
    """
    _add(axes, graph, (0.5, 0.5), 0.96)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_axis_off()


def beside_panel(panel: Axes, graph: Graph, y: float, side: float, gap: float = 0.0) -> None:
    """Draw a graph in a square left of a panel.

    Parameters
    ----------
    panel
        It keeps its own axes.
    graph
        Of any degree.
    y
        Where the square's middle is, from 0 at the panel's lower edge to 1 at its upper.
    side
        Of the square, in inches.
    gap
        Between the square and the panel, in inches.
    """
    place = ScaledTranslation(0, y, BboxTransformTo(panel.bbox))
    _add(panel, graph, (-0.55 * side - gap, 0), 0.96 * side, panel.figure.dpi_scale_trans + place)


def gallery(graphs: Iterable[Graph], style: Style) -> Figure:
    """Draw a sheet of graphs, grouped by degree, each with its name and published number.

    Parameters
    ----------
    graphs
        In canonical form; within a degree they keep their order.
    style
        Of the study.

    Raises
    ------
    ValueError
        If there are no graphs, or one has too many vertices to be named.
    """
    graphs = sorted(graphs, key=lambda graph: graph.degree)
    if not graphs:
        raise ValueError("expected at least one graph, found none")
    counts = Counter(graph.degree for graph in graphs)
    n_columns = min(_COLUMNS, max(counts.values()))
    height = sum(_HEADING + _CELL * -(-count // n_columns) for count in counts.values())
    room = Room(left=1, right=1, between=0, ticks=0)
    cell = style.across(n_columns, room)
    size = n_columns * cell, height * cell
    with canvas(style, "Invariants and their graphs", (1, 1), size, room) as (figure, panels):
        panel, y = panels[0, 0], 0.0
        for degree, count in counts.items():
            panel.text(
                0.08,
                y - 0.65 * _HEADING,
                f"degree {degree}: {count} graph{'s' * (count > 1)}",
                weight="bold",
            )
            y -= _HEADING
            group = [graph for graph in graphs if graph.degree == degree]
            for k, graph in enumerate(group):
                row, column = divmod(k, n_columns)
                _add_cell(panel, graph, column, y - _CELL * row)
            y -= _CELL * (row + 1)
        panel.set(xlim=(0, n_columns), ylim=(-height, 0), aspect="equal")
        panel.set_axis_off()
    return figure


def _add_cell(axes: Axes, graph: Graph, left: float, top: float) -> None:
    middle = left + 0.5
    axes.text(left + 0.04, top - 0.12, published_number(graph), size="small", weight="bold")
    _add(axes, graph, (middle, top - 0.58), _PICTURE)
    axes.text(middle, top - 1.1, graph.name, size="small", ha="center", va="center")


def _add(
    axes: Axes,
    graph: Graph,
    centre: tuple[float, float],
    side: float,
    transform: Transform | None = None,
) -> None:
    """Add the polygons of a graph, scaled to a square; a transform takes it out of the data."""
    polygons = _polygons(graph)
    low, high = _bounds(polygons)
    scale = side / max(*(high - low), _SMALLEST)
    placed = [np.array(centre) + (points - (low + high) / 2) * scale for points, _ in polygons]
    colours = [colour for _, colour in polygons]
    pictures = PolyCollection(placed, facecolors=colours, linewidths=0)
    if transform is None:
        axes.add_collection(pictures)
        return
    pictures.set(transform=transform, clip_on=False)
    axes.add_artist(pictures)


def _polygons(graph: Graph) -> list[Polygon]:
    """Put the connected components side by side, in the rows that need the smallest square."""
    parts = [_draw_connected(part) for part in components(canonical(graph))]
    sizes = np.array([np.subtract(*_bounds(part)[::-1]) for part in parts])
    n = len(parts)
    choices = [
        [slice(*ends) for ends in pairwise((0, *cuts, n))]
        for n_cuts in range(n)
        for cuts in combinations(range(1, n), n_cuts)
    ]

    def extent(rows: list[slice]) -> tuple[float, float]:
        width = max(np.sum(sizes[row, 0] + _GAP) for row in rows)
        height = sum(np.max(sizes[row, 1]) + _GAP for row in rows)
        return round(max(width, height), 9), round(width + height, 9)

    placed, y = [], 0.0
    for row in min(choices, key=extent):
        height = np.max(sizes[row, 1])
        x = -np.sum(sizes[row, 0] + _GAP) / 2
        for part, (width, _) in zip(parts[row], sizes[row], strict=True):
            middle = np.array([x + (width + _GAP) / 2, y - height / 2])
            shift = middle - np.mean(_bounds(part), axis=0)
            placed += [(points + shift, colour) for points, colour in part]
            x += width + _GAP
        y -= height + _GAP
    return placed


def _bounds(polygons: list[Polygon]) -> tuple[Points, Points]:
    points = np.concatenate([points for points, _ in polygons])
    return points.min(axis=0), points.max(axis=0)


def _draw_connected(graph: Graph) -> list[Polygon]:
    arcs = graph.arcs
    places = _layout(arcs)
    # Where edges leave and reach their vertices: edges between different vertices decide which
    # directions are left for loops.
    ends: list[tuple[Edge, float, float]] = []
    for a, b in sorted({(min(arc), max(arc)) for arc in arcs if arc[0] != arc[1]}):
        forward, backward = [(a, b)] * arcs.count((a, b)), [(b, a)] * arcs.count((b, a))
        bundle = forward + backward
        direction = _angle(places[b] - places[a])
        for k, arc in enumerate(bundle):
            turn = _FAN * (k - (len(bundle) - 1) / 2)
            angles = direction + turn, direction + np.pi - turn
            ends.append((arc, *(angles if arc == (a, b) else angles[::-1])))
    taken = {v: [out for (i, _), out, _ in ends if i == v] for v in places}
    for (_, j), _, into in ends:
        taken[j].append(into)
    for v in places:
        loops = arcs.count((v, v))
        # A loop at the end of a lone link would make it long and small: it goes to one side.
        petals = _petals(max(loops, 2) if len(places) == 2 else loops, taken[v])
        ends += [((v, v), *angles) for angles in petals[:loops]]
    arrows = [(_arrow(places[i], out, places[j], into), _EDGE) for (i, j), out, into in ends]
    columns = {j for _, j in arcs} if graph.bipartite else set()
    vertices = [polygon for v, place in places.items() for polygon in _vertex(place, v in columns)]
    return [*arrows, *vertices]


def _layout(arcs: tuple[Edge, ...]) -> dict[int, Points]:
    """Place vertices on a circle, in the order that keeps edges short.

    If a vertex has three or more neighbours, one with the most is in the centre.
    """
    vertices = sorted({v for arc in arcs for v in arc})
    if len(vertices) == 1:
        return {vertices[0]: np.zeros(2)}
    bundles = Counter((min(arc), max(arc)) for arc in arcs if arc[0] != arc[1])
    degrees = Counter(v for link in bundles for v in link)
    hub = max(vertices, key=lambda v: degrees[v])
    centre = [hub] if degrees[hub] > 2 else []
    ring = sorted(set(vertices) - set(centre), key=lambda v: (-degrees[v], v))
    n = len(ring)
    corners, sides = np.arange(n), n
    if n == 3 and len(bundles) == 2 < bundles.total():  # room for parallel edges in the middle
        corners, sides = np.array([0, 1, 3]), 4
    radius = max(_SPACING / 2 / np.sin(np.pi / sides), _SPOKE * len(centre))
    start = 3 / 8 if n == 4 else 1 / 4  # four lie as a square, others have a corner on top
    spots = np.concatenate(
        [np.zeros((len(centre), 2)), radius * _unit(2 * np.pi * (start - corners / sides))]
    )
    distances = np.sum((spots[:, None] - spots) ** 2, axis=-1).round(9)

    def spot_of(order: Iterable[int]) -> dict[int, int]:
        return {v: k for k, v in enumerate((*centre, *order))}

    def length(order: Iterable[int]) -> float:
        spot = spot_of(order)
        return sum(float(distances[spot[a], spot[b]]) for a, b in bundles)

    # The number of orders is a factorial; no component of up to five edges has more vertices.
    best = min(permutations(ring), key=length) if n <= 6 else ring
    return {v: spots[k] for v, k in spot_of(best).items()}


def _petals(n: int, taken: list[float]) -> list[tuple[float, float]]:
    """Return the angles at which n loops leave and reach a vertex: in the widest gap."""
    if taken:
        edges = sorted(angle % (2 * np.pi) for angle in taken)
        gaps = [round(b - a, 9) for a, b in pairwise((*edges, edges[0] + 2 * np.pi))]
        widest = max(gaps)
        start, spacing = edges[gaps.index(widest)], widest / (n + 1)
    else:
        spacing = 2 * np.pi / max(n, 1)
        start = np.pi / 2 - spacing
    half = min(_PETAL, 0.36 * spacing)
    return [(start + spacing * k + half, start + spacing * k - half) for k in range(1, n + 1)]


def _arrow(start: Points, out: float, end: Points, into: float) -> Points:
    """Outline an arrow that leaves a vertex at one angle and reaches another at another."""
    tail, tip = start + _RADIUS * _unit(out), end + _RADIUS * _unit(into)
    base = tip + _HEAD_LENGTH * _unit(into)
    reach = _LOOP if start is end else 0.4 * np.hypot(*(base - tail))
    straight = np.isclose(np.cos(out - into), -1)
    t = np.linspace(0, 1, 2 if straight else 9)[:, None]
    a, b = tail + reach * _unit(out), base + reach * _unit(into)
    curve = (1 - t) ** 3 * tail + 3 * t * (1 - t) ** 2 * a + 3 * t**2 * (1 - t) * b + t**3 * base
    slope = (1 - t) ** 2 * (a - tail) + 2 * t * (1 - t) * (b - a) + t**2 * (base - b)
    side = slope[:, ::-1] * (-1, 1) / np.linalg.norm(slope, axis=1, keepdims=True)
    left, right = curve + _LINE / 2 * side, curve - _LINE / 2 * side
    head = base + _HEAD_WIDTH / 2 * side[-1], tip, base - _HEAD_WIDTH / 2 * side[-1]
    return np.concatenate([left, head, right[::-1]])


def _vertex(place: Points, column: bool) -> list[Polygon]:
    if not column:
        return [(place + _RADIUS * _unit(np.linspace(0, 2 * np.pi, 10, endpoint=False)), _VERTEX)]
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return [
        (place + 0.82 * _RADIUS * square, _VERTEX),
        (place + 0.45 * _RADIUS * square, _INSIDE),
    ]


def _unit(angle: float | Points) -> Points:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _angle(vector: Points) -> float:
    return float(np.arctan2(vector[1], vector[0]))
