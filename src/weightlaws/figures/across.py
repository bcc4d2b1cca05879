"""The figure of what makes laws fail and networks move: width, weight decay and depth."""

from collections.abc import Mapping, Sequence

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
from weightlaws.figures.words import condition_words, layer_words, start_words
from weightlaws.inference.dead_outputs import ALL
from weightlaws.laws.names import DIAGONAL, INDEPENDENT

Table = pd.DataFrame

# The rows of panels, with the labels of their axes.
_ROWS = {
    INDEPENDENT: "miss of the\ni.i.d. law (SD)",
    DIAGONAL: "miss of the\n13-parameter law (SD)",
    "w2": "W₂ from the start\nper entry (unit of weight)",
}
_XLABELS = {
    "width": "width of the hidden layers",
    "weight decay": "weight decay",
    "layer": "layer, counted from the input",
}
# Bars so many times as long as is usual in a row do not count for its height.
_FAR = 10
# Of rows whose largest value is so many times the median the axis is logarithmic.
_WIDE = 100
# Facts of a condition that an axis tells, and no line.
_UNSAID = {"width": ("widths",), "weight decay": ("decay",), "layer": ()}


def across(
    misses: Table,
    distances: Table,
    conditions: Table,
    comparisons: Mapping[str, Sequence[Sequence[str]]],
    style: Style,
) -> Figure:
    """Draw misses of laws and distances from the start against width, weight decay and depth.

    Reads ``condition, layer, selection, law, epoch, miss, low, high`` of the misses, ``reference,
    condition, layer, size, epoch, w2_squared_corrected, w2_squared_low, w2_squared_high`` of the
    distances, and ``condition, dataset, hidden, initialisation, layers`` and
    `recipe_names.TRAINED_BY` of the conditions. ``comparisons`` are those of
    `study.conditions.comparisons`, a column of panels each. All is of square layers at the last
    epoch. A line joins what differs in nothing else: its colour is the initial law, its marker the
    layer, its dashes all else. Bars are 95 % intervals. Those that reach beyond ten
    times the largest value of a row, and ten times the lower quartile of upper ends, leave it. Of a
    row whose largest value is above a hundred times the median the axis is logarithmic.
    """
    require(misses, "misses", ["layer", "epoch", "miss", "low", "high"], selection=[ALL])
    require(distances, "distances", ["layer", "size", "epoch"], reference=["start"])
    require(conditions, "conditions", ["dataset", "hidden", "initialisation", "layers"])
    values, starts = _values(misses, distances), [*conditions["initialisation"].unique()]
    columns = {
        kind: _placed(kind, groups, conditions).merge(values, on=["condition", "layer"])
        for kind, groups in comparisons.items()
    }
    columns = {kind: _joined(table) for kind, table in columns.items()}
    columns = {kind: table for kind, table in columns.items() if len(table)}
    if not columns:
        raise ValueError("expected conditions or layers to compare after training, found none")
    drawn = pd.concat(columns.values())
    rows = [quantity for quantity in _ROWS if quantity in set(drawn["quantity"])]
    looks: dict[str, dict[str, Look]] = {
        "start": {name: {"color": COLOURS[k % 10]} for k, name in enumerate(starts)},
        "layer": {
            name: {"marker": MARKERS[k % len(MARKERS)]}
            for k, name in enumerate(drawn["layer"].unique())
        },
        "rest": {
            name: {"linestyle": DASHES[k % len(DASHES)]}
            for k, name in enumerate(drawn["rest"].unique())
        },
    }
    title, room = "What goes with width, weight decay and depth, after training", Room(left=6.8)
    w = style.across(len(columns), room)
    shape, size = (len(rows), len(columns)), (w, 0.65 * w)
    with canvas(style, title, shape, size, room) as (figure, panels):
        for column, (kind, table) in zip(panels.T, columns.items(), strict=True):
            for panel, quantity in zip(column, rows, strict=True):
                _lines(panel, table[table["quantity"] == quantity], looks)
            ticks = table.drop_duplicates("x").sort_values("x")
            panel.set_xticks(ticks["x"], ticks["tick"])
            panel.set_xlim(ticks["x"].min() - 0.4, ticks["x"].max() + 0.4)
            panel.set_xlabel(_XLABELS[kind])
        for row, quantity in zip(panels, rows, strict=True):
            row[0].set_ylabel(_ROWS[quantity])
            mine = drawn[drawn["quantity"] == quantity]
            # Where an invariant nearly vanishes its SD says little, and a bar would hide all else.
            usual = max(mine["value"].max(), mine["high"].quantile(0.25))
            top = mine["high"][mine["high"] <= _FAR * usual].max()
            positive = mine["value"][mine["value"] > 0]
            if len(positive) and positive.max() > _WIDE * positive.median():
                linear = 10.0 ** np.floor(np.log10(positive.quantile(0.25)))  # up to a tick
                row[0].set_yscale("symlog", linthresh=linear)
            row[0].set_ylim(0, 1.05 * top if top > 0 else None)
        legend(figure, style, _entries(looks))
    return figure


def _values(misses: Table, distances: Table) -> Table:
    """Return misses and distances of square layers at the last epoch, as a ``quantity`` each."""
    started = distances[(distances["reference"] == "start") & (distances["epoch"] > 0)]
    moved = started[["condition", "layer", "epoch"]].assign(
        quantity="w2",
        **{
            name: np.sqrt(started[f"w2_squared_{column}"].clip(lower=0)) / started["size"]
            for name, column in (("value", "corrected"), ("low", "low"), ("high", "high"))
        },
    )
    chosen = (misses["selection"] == ALL) & misses["law"].isin(_ROWS)
    missed = misses[chosen].rename(columns={"law": "quantity", "miss": "value"})
    table = pd.concat([missed, moved], ignore_index=True)[
        ["condition", "layer", "epoch", "quantity", "value", "low", "high"]
    ]
    last = table.groupby(["condition", "layer", "quantity"])["epoch"].transform("max")
    table = table[(table["epoch"] == last) & (table["epoch"] > 0)]
    return table.merge(moved[["condition", "layer"]].drop_duplicates())


def _placed(kind: str, groups: Sequence[Sequence[str]], conditions: Table) -> Table:
    """Return one row a condition and layer: its place ``x`` on the axis, and what its line is."""
    rows = []
    for group, names in enumerate(groups):
        for row in conditions[conditions["condition"].isin(names)].to_dict("records"):
            rest = condition_words(row, but=("start", *_UNSAID[kind]))
            for number, layer in enumerate(row["layers"].split(), start=1):
                value = {
                    "width": int(row["hidden"].split("x")[0]),
                    "weight decay": row["weight_decay"],
                    "layer": number,
                }
                rows.append(
                    {
                        **{"condition": row["condition"], "layer": layer},
                        **{"start": row["initialisation"], "rest": rest},
                        **{"at": value[kind], "line": (group, layer if kind != "layer" else "")},
                    }
                )
    table = pd.DataFrame(rows)
    places = {value: k for k, value in enumerate(sorted(table["at"].unique()))}
    return table.assign(x=table["at"].map(places), tick=table["at"].map("{:g}".format))


def _joined(table: Table) -> Table:
    """Leave out lines of one place alone, which compare nothing."""
    return table[table.groupby(["line", "quantity"])["x"].transform("nunique") > 1]


def _lines(panel: Axes, table: Table, looks: Mapping[str, Mapping[str, Look]]) -> None:
    """Draw a line for each group, each a little beside the others."""
    lines = table.groupby("line", sort=False)
    for k, (_, part) in enumerate(lines):
        part = part.dropna(subset=["value", "low", "high"]).sort_values("x")
        x = part["x"] + 0.06 * (k - (len(lines) - 1) / 2)
        bars = np.clip([part["value"] - part["low"], part["high"] - part["value"]], 0, None)
        first = part.iloc[0]
        look = looks["start"][first["start"]] | looks["rest"][first["rest"]]
        panel.errorbar(x, part["value"], bars, capsize=2, **look)
        for layer, dots in part.groupby("layer", sort=False):
            dot = looks["start"][first["start"]] | looks["layer"][str(layer)]
            panel.plot(x[dots.index], dots["value"], **dot, linestyle="")


def _entries(looks: Mapping[str, Mapping[str, Look]]) -> dict[str, Look]:
    """Return the entries of the legend: what colours, markers and dashes mean."""
    grey: Look = {"color": "0.3"}
    found: dict[str, Look] = {}
    for name, look in looks["start"].items():
        found[f"start {name}"] = look | {"label": start_words(name)}
    for name, look in looks["layer"].items():
        found[f"layer {name}"] = grey | look | {"label": layer_words(name), "linestyle": ""}
    for name, look in looks["rest"].items():
        found[f"rest {name}"] = grey | look | {"label": name}
    return found
