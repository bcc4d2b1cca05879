"""The figure of all ensembles of one size as points on a map, each condition a path."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from weightlaws.figures.style import (
    COLOURS,
    DASHES,
    MARKERS,
    Look,
    Room,
    Style,
    canvas,
    legend,
    require,
)
from weightlaws.figures.words import condition_words, layer_words, words_apart
from weightlaws.inference.ensemble_map import distances, positions, steps

Table = pd.DataFrame

_PARAMETERS = [f"f{k}" for k in range(1, 14)]
_START: Look = {"color": "0.3", "markerfacecolor": "white", "marker": "o", "markersize": 8}


def ensemble_map(
    parameters: Table, w2: Table, conditions: Table, seed: int, style: Style
) -> Figure:
    """Draw the ensembles of each size as a map, by the Wasserstein distances of their fitted laws.

    Reads ``condition, layer, size, epoch, parameter, value`` of the fits, ``reference, size, epoch,
    w2_floor_95`` of the distances, and ``condition, dataset, hidden, initialisation`` and
    `recipe_names.TRAINED_BY` of the conditions. A panel for each size of which there are two paths.
    A path is a layer of a condition by epoch, up to nine of them, and begins at a large hollow
    marker; its colour and dashes tell the condition, its marker the layer. Panels say the stress of
    the map, and a bar how far two ensembles of one law are apart by chance.
    """
    require(parameters, "parameters", ["size", "epoch", "value"], parameter=_PARAMETERS)
    require(w2, "distances", ["size", "epoch", "w2_floor_95"], reference=["start"])
    sizes = mapped_sizes(parameters)
    if not sizes:
        raise ValueError("parameters: expected a size of which two layers or conditions are fitted")
    shown = parameters[parameters["size"].isin(sizes)]
    names, layers = ([*shown[column].unique()] for column in ("condition", "layer"))
    words = _words(conditions[conditions["condition"].isin(names)])
    looks: dict[str, Look] = {
        name: {
            "color": COLOURS[k % len(COLOURS)],
            "linestyle": DASHES[k % len(DASHES)],
            "label": words[name],
        }
        for k, name in enumerate(names)
    }
    of_layers: dict[str, Look] = {
        layer: {
            "color": "0.3",
            "linestyle": "",
            "marker": MARKERS[k % len(MARKERS)],
            "label": layer_words(layer),
        }
        for k, layer in enumerate(layers)
    }
    title, room = (
        "Fitted laws, from their start to the end of training",
        Room(left=5.5, between=5.0),
    )
    w = style.across(len(sizes), room)
    free = {"sharex": False, "sharey": False}
    with canvas(style, title, (1, len(sizes)), (w, 0.56 * w), room, **free) as (figure, panels):
        for panel, size in zip(panels[0], sizes, strict=True):
            floors = w2[(w2["reference"] == "start") & (w2["size"] == size)]
            _panel(panel, shown[shown["size"] == size], looks, of_layers, seed)
            _scale(panel, floors.loc[floors["epoch"] == floors["epoch"].max(), "w2_floor_95"])
            panel.set_xlabel("first direction (units of weight)")
        panels[0, 0].set_ylabel("second direction (units of weight)")
        start: Look = _START | {"linestyle": "", "label": "start"}
        legend(figure, style, looks | of_layers | {"start": start})
    return figure


def mapped_sizes(parameters: Table) -> list[int]:
    """Return the sizes of which there are two paths at least, the smallest first."""
    paths = parameters.drop_duplicates(["size", "condition", "layer"])["size"].value_counts()
    return sorted(int(size) for size in paths.index[paths > 1])


def _words(conditions: Table) -> dict[str, str]:
    """Say what tells conditions apart; networks from elsewhere have the name that the user gave."""
    own = dict(zip(conditions["condition"], conditions["condition"], strict=True))
    here = conditions[conditions["dataset"].notna()]
    if here.empty:
        return own
    rows, apart = here.to_dict("records"), words_apart(here)
    told = (words or condition_words(row) for words, row in zip(apart, rows, strict=True))
    return own | dict(zip(here["condition"], told, strict=True))


def _panel(
    panel: Axes, table: Table, looks: dict[str, Look], of_layers: dict[str, Look], seed: int
) -> None:
    """Draw the map of one size."""
    size = int(table["size"].iloc[0])
    laws = table.pivot(index=["condition", "layer", "epoch"], columns="parameter", values="value")
    paths = [
        [(*path, epoch) for epoch in steps(np.sort(part["epoch"].unique()))]
        for path, part in table.groupby(["condition", "layer"], sort=False)
    ]
    points = [point for path in paths for point in path]
    found, stress = positions(distances(laws[_PARAMETERS].loc[points].to_numpy(), size), seed)
    first = 0
    for path in paths:
        (condition, layer, _), place = path[0], found[first : first + len(path)]
        first += len(path)
        look, marker = looks[condition], of_layers[layer]["marker"]
        panel.plot(*place.T, **look, marker=marker, zorder=2)
        big = _START | {"color": look["color"], "marker": marker, "zorder": 3}
        panel.plot(*place[0], **big)
    panel.set_title(f"{size} x {size} matrices: {len(points)} ensembles, stress {stress:.2g}")
    panel.set_aspect("equal", adjustable="datalim")
    panel.margins(0.08)


def _scale(panel: Axes, floors: "pd.Series[float]") -> None:
    """Draw a bar as long as the distance that chance makes, in a corner."""
    length = float(floors.median())
    (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
    x, y = left + 0.04 * (right - left), low + 0.06 * (high - low)
    panel.plot([x, x + length], [y, y], color="0.2", marker="|", linewidth=1.5)
    panel.text(
        x, y + 0.02 * (high - low), "95 % of distances that chance makes are shorter", size="small"
    )
