"""Figures of distances between laws: from their start, and from each other."""

from dataclasses import replace

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
    canvas,
    colour_bar,
    epoch_axes,
    hatch_cells,
    hatched,
    layer_headings,
    legend,
    looks_of,
    require,
    spread,
)
from weightlaws.figures.words import shared_words

_SQUARED = ["w2_squared_corrected", "w2_squared_low", "w2_squared_high"]
_NEEDED = [*_SQUARED, "w2", "w2_floor_95"]
_ROOM = Room(left=6.4)
# Of a cell with a distance and its interval, in inches.
_CELL_WIDTH, _CELL_HEIGHT = 0.72, 0.34
_LETTER = 0.5  # width of a letter of a label, in ems


def distances_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return distances with their bias taken off, and whether they are more than chance.

    Parameters
    ----------
    table
        Rows of the table of distances.

    Returns
    -------
    DataFrame
        With the rows' index: ``value``, 0 where the corrected square is below 0, its 95 % interval
        ``low`` and ``high``, in units of weight, and ``sure``: whether the distance as measured
        exceeds the 95 % point of its noise floor.
    """
    value, low, high = (np.sqrt(table[name].clip(lower=0)) for name in _SQUARED)
    return pd.DataFrame(
        {"value": value, "low": low, "high": high, "sure": table["w2"] > table["w2_floor_95"]}
    )


def wasserstein(distances: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw how far the fitted laws of one architecture are from their start, by epoch.

    Reads ``reference, condition, layer, size, epoch, w2, w2_floor_95, w2_squared_corrected,
    w2_squared_low, w2_squared_high``, where the reference is the condition's own fit at epoch 0. A
    panel per layer. For lines and bands see `distances_of`; a hollow marker is no more than chance.
    """
    looks = looks_of(conditions)
    require(distances, "distances", _NEEDED, condition=looks, reference=["start"])
    mine = distances[distances["condition"].isin(looks) & (distances["reference"] == "start")]
    return _by_layer(mine, looks, shared_words(conditions), style)


def from_start(distances: pd.DataFrame, condition: str, title: str, style: Style) -> Figure:
    """Draw how far the fitted laws of one condition are from that at its first epoch, by epoch.

    Reads the columns that `wasserstein` reads. A panel per layer, with the same line and band.
    """
    require(distances, "distances", _NEEDED, condition=[condition], reference=["start"])
    chosen = (distances["condition"] == condition) & (distances["reference"] == "start")
    table = distances[chosen]
    look: Look = {"color": COLOURS[0], "marker": "o", "label": "W₂"}
    return _by_layer(table, {condition: look}, title, style)


def _by_layer(table: pd.DataFrame, looks: dict[str, Look], title: str, style: Style) -> Figure:
    """Draw distances from the start, a panel per layer and a line per condition."""
    layers, first = layer_headings(table), table["epoch"].min()
    w = style.across(len(layers), _ROOM, columns=1 if len(layers) == 1 else 2)
    shape, size = (1, len(layers)), (w, min(0.8 * w, 1.8))
    with canvas(style, title, shape, size, _ROOM) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            here = table[table["layer"] == layer]
            for name, look in looks.items():
                curve = here[here["condition"] == name]
                if len(curve):
                    _curve(panel, curve, look)
            panel.set_title(heading)
        panels[0, 0].set_ylabel(f"W₂ to the law at\nepoch {first} (units of weight)")
        panels[0, 0].set_ylim(bottom=0)
        epoch_axes(panels)
        legend(figure, style, looks, *_explained())
    return figure


def _curve(panel: Axes, rows: pd.DataFrame, look: Look) -> None:
    """Draw distances by epoch, with their intervals."""
    rows = rows.sort_values("epoch")
    epochs, found = rows["epoch"].to_numpy(), distances_of(rows)
    panel.fill_between(epochs, found["low"], found["high"], color=look["color"], **BAND)
    panel.plot(epochs, found["value"], **look | {"marker": ""})
    marked = np.isin(np.arange(len(epochs)), spread(len(epochs)))
    for sure, face in ((True, look["color"]), (False, "white")):
        some = marked & (found["sure"] == sure).to_numpy()
        dots = look | {"linestyle": "", "markerfacecolor": face, "zorder": 3}
        panel.plot(epochs[some], found["value"][some], **dots)


def _explained() -> tuple[Patch, Line2D]:
    hollow = Line2D([], [], color="0.4", marker="o", linestyle="", markerfacecolor="white")
    hollow.set_label("no more than chance")
    return Patch(color="0.4", **BAND, label="95 % interval"), hollow


def distance_matrix(distances: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw the distances between the laws of one architecture's conditions at the last epoch.

    Reads the columns that `wasserstein` reads, where the reference is a condition. A heat map per
    layer; a cell tells W2 and below it its 95 % interval, as `distances_of` makes them, and is
    hatched where W2 is no more than chance.
    """
    looks = looks_of(conditions)
    if len(looks) < 2:
        raise ValueError(f"conditions: expected at least two to compare, found {list(looks)}")
    require(distances, "distances", _NEEDED, reference=list(looks)[:1])
    table = distances[distances["reference"].isin(looks) & distances["condition"].isin(looks)]
    last, layers = table["epoch"].max(), layer_headings(table)
    table = table[table["epoch"] == last]
    table = table[["layer", "reference", "condition"]].join(distances_of(table))
    highest = table["value"].max()
    # A pair stands in the table once: one condition is never a reference, and one is nothing else.
    rows, columns = (
        {name: look["label"].replace(", ", "\n") for name, look in looks.items() if name in names}
        for names in (set(table["reference"]), set(table["condition"]))
    )
    longest, longest_row = (
        max(_LETTER * len(line) for label in labels for line in label.splitlines())
        for labels in (columns.values(), rows.values())
    )
    room = Room(left=longest_row + 1.5, right=6.5, ticks=2.6)
    width = style.across(1, room) / len(columns)
    upright = width < (longest + 1) * style.em
    if upright:
        room = replace(room, ticks=longest + 1)
        width = max(width, _CELL_WIDTH * style.font_scale)
    size = width * len(columns), _CELL_HEIGHT * style.font_scale * len(rows)
    title = f"{shared_words(conditions)}: distances at epoch {last}"
    with canvas(style, title, (len(layers), 1), size, room) as (figure, panels):
        for panel, (layer, heading) in zip(panels.flat, layers.items(), strict=True):
            cells = table[table["layer"] == layer].set_index(["reference", "condition"])
            grid, sure = (
                cells[name].unstack().reindex(index=rows, columns=columns)
                for name in ("value", "sure")
            )
            image = panel.imshow(grid, aspect="auto", vmin=0, vmax=highest)
            hatch_cells(panel, (sure == False).to_numpy())  # noqa: E712  # it has missing values
            for (row, column), found in cells.iterrows():
                place = grid.columns.get_loc(column), grid.index.get_loc(row)
                dark = found["value"] < highest / 2
                box = {"facecolor": "black" if dark else "white", "alpha": 0.35, "pad": 1}
                text = f"{found['value']:.3g}\n{found['low']:.2g} to {found['high']:.2g}"
                colour = "white" if dark else "black"
                words = {"ha": "center", "va": "center", "size": "small"}
                panel.text(*place, text, color=colour, bbox=box | {"linewidth": 0}, **words)
            panel.set_xticks(range(len(columns)), columns.values(), rotation=90 * upright)
            panel.set_yticks(range(len(rows)), rows.values())
            panel.set_title(heading.replace("\n", ", "))
            panel.grid(visible=False)
        colour_bar(panels[0, -1], image, "W₂ (units of weight)", style)
        legend(figure, style, {}, hatched("no more than chance"))
    return figure
