"""Figures of distances between laws: from their start, and from each other."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from weightlaws.figures.style import (
    BAND,
    COLOURS,
    Look,
    Room,
    Style,
    architecture_of,
    canvas,
    colour_bar,
    epoch_axes,
    layer_headings,
    legend,
    looks_of,
    require,
    spread,
)


def wasserstein(distances: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw how far the fitted laws of one architecture are from their start, by epoch.

    Reads ``reference, condition, layer, size, epoch, w2, w2_floor_mean, w2_floor_95``. A column of
    panels per layer; the upper row measures from the initial law, the lower from the condition's
    own fit at epoch 0. Starts of dependent entries have no initial law to measure from, and without
    any other condition there is no upper row. The band rises from the mean of the noise floor
    (dotted) to its 95 % point: a distance no higher is what so many members show by chance.
    """
    looks, needed = looks_of(conditions), ["w2", "w2_floor_mean", "w2_floor_95"]
    require(distances, "distances", needed, condition=looks, reference=["start"])
    mine = distances[distances["condition"].isin(looks)]
    references = [name for name in ("initial law", "start") if name in {*mine["reference"]}]
    curves = {
        place: curve.set_index("epoch")
        for place, curve in mine.groupby(["reference", "layer", "condition"])
    }
    layers = layer_headings(mine)
    title, w = architecture_of(conditions), style.panel_width
    shape = len(references), len(layers)
    with canvas(style, title, shape, (w, 0.6 * w)) as (figure, panels):
        for (row, column), panel in np.ndenumerate(panels):
            for name, look in looks.items():
                place = references[row], list(layers)[column], name
                if place in curves:
                    _curve(panel, curves[place], look)
            panels[0, column].set_title(layers[list(layers)[column]])
            panels[row, 0].set_ylabel(f"W₂ to the {references[row]}\n(units of weight)")
        for panel in panels[:, 0]:  # only now are all limits known
            panel.set_ylim(bottom=0)
        epoch_axes(panels)
        legend(figure, style, looks, *_floor_handles())
    return figure


def from_start(distances: pd.DataFrame, condition: str, style: Style) -> Figure:
    """Draw how far the fitted laws of one condition are from that at its first epoch, by epoch.

    Reads ``reference, condition, layer, size, epoch, w2, w2_floor_mean, w2_floor_95``. A panel per
    layer; the band is as in `wasserstein`.
    """
    needed = ["w2", "w2_floor_mean", "w2_floor_95"]
    require(distances, "distances", needed, condition=[condition], reference=["start"])
    chosen = (distances["condition"] == condition) & (distances["reference"] == "start")
    table = distances[chosen]
    layers, w = layer_headings(table), style.panel_width
    first = table["epoch"].min()
    look: Look = {"color": COLOURS[0], "marker": "o", "label": "W₂"}
    with canvas(style, condition, (1, len(layers)), (w, 0.6 * w)) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            _curve(panel, table[table["layer"] == layer].set_index("epoch"), look)
            panel.set_title(heading)
        panels[0, 0].set_ylabel(f"W₂ to the law at\nepoch {first} (units of weight)")
        panels[0, 0].set_ylim(bottom=0)
        epoch_axes(panels)
        legend(figure, style, {condition: look}, *_floor_handles())
    return figure


def _curve(panel: Axes, curve: pd.DataFrame, look: Look) -> None:
    """Draw distances by epoch, with their noise floor."""
    floor, top, colour = curve["w2_floor_mean"], curve["w2_floor_95"], look["color"]
    panel.fill_between(curve.index, floor, top, color=colour, **BAND)
    panel.plot(floor, color=colour, linestyle=":", linewidth=1)
    panel.plot(curve["w2"], **look, markevery=spread(len(curve)))


def _floor_handles() -> tuple[Line2D, Patch]:
    return (
        Line2D([], [], color="0.4", linestyle=":", label="noise floor, mean"),
        Patch(color="0.4", **BAND, label="noise floor, mean to 95 % point"),
    )


def distance_matrix(distances: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw the distances between the laws of one architecture's conditions at the last epoch.

    Reads ``reference, condition, layer, size, epoch, w2, w2_floor_95`` where the reference is a
    condition. A heat map per layer; a cell tells W2 and below it the noise floor's 95 % point.
    """
    looks = looks_of(conditions)
    if len(looks) < 2:
        raise ValueError(f"conditions: expected at least two to compare, found {list(looks)}")
    require(distances, "distances", ["w2", "w2_floor_95"], reference=list(looks)[:1])
    table = distances[distances["reference"].isin(looks) & distances["condition"].isin(looks)]
    last, layers = table["epoch"].max(), layer_headings(table)
    table = table[table["epoch"] == last]
    highest, title = table["w2"].max(), architecture_of(conditions)
    # A pair stands in the table once: one condition is never a reference, and one is nothing else.
    rows, columns = (
        {name: look["label"].replace(", ", "\n") for name, look in looks.items() if name in names}
        for names in (set(table["reference"]), set(table["condition"]))
    )
    side = max(style.panel_width, 0.7 * len(columns) * style.font_scale)
    longest = max(len(line) for label in columns.values() for line in label.splitlines())
    letters = 0.55 * longest + 1
    room = Room(left=letters + 3, right=8, ticks=letters)  # the labels below stand upright
    with canvas(style, title, (1, len(layers)), (side, 0.55 * side), room) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            cells = table[table["layer"] == layer].set_index(["reference", "condition"])
            grid = cells["w2"].unstack().reindex(index=rows, columns=columns)
            image = panel.imshow(grid, aspect="auto", vmin=0, vmax=highest)
            for (row, column), value in cells[["w2", "w2_floor_95"]].iterrows():
                place = grid.columns.get_loc(column), grid.index.get_loc(row)
                colour = "black" if value["w2"] > highest / 2 else "white"
                text = f"{value['w2']:.3g}\n(floor {value['w2_floor_95']:.2g})"
                panel.text(*place, text, ha="center", va="center", color=colour, size="small")
            panel.set_xticks(range(len(columns)), columns.values(), rotation=90)
            panel.set_yticks(range(len(rows)), rows.values())
            panel.set(title=heading, xlabel="condition")
            panel.grid(visible=False)
        panels[0, 0].set_ylabel("reference")
        label = f"W₂ at epoch {last} (units of weight)"
        colour_bar(panels[0, -1], image, label, style)
    return figure
