"""The figure of predicted against observed invariants, under all laws side by side."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from weightlaws.arrays import Shape
from weightlaws.figures.style import (
    COLOURS,
    Look,
    Room,
    Style,
    canvas,
    layer_headings,
    legend,
    require,
    sentence,
)
from weightlaws.inference.dead_outputs import ALL
from weightlaws.invariants.catalogue import graph_of
from weightlaws.invariants.graphs import common_form, enumerate_graphs
from weightlaws.laws import iid
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, INTERACTING, ONE_SIDED

Table = pd.DataFrame

_WORDS = {
    INDEPENDENT: "i.i.d. law",
    BIPARTITE: "bipartite law",
    DIAGONAL: "13-parameter law",
    ONE_SIDED: "one-sided law",
    INTERACTING: "interacting law",
}
_DOTS: dict[str, Look] = {
    "rejected": {"markerfacecolor": COLOURS[3], "label": "prediction that is rejected"},
    "not": {"markerfacecolor": "white", "label": "not rejected"},
    "untested": {
        "marker": "D",
        "markerfacecolor": COLOURS[0],
        "label": "law of other members, not tested",
    },
}
_DOT: Look = {
    "linestyle": "",
    "marker": "o",
    "markersize": 3,
    "markeredgecolor": "0.25",
    "markeredgewidth": 0.5,
}


def predicted_observed(
    significance: Table,
    misses: Table,
    fits: Table,
    interacting: Table | None,
    level: float,
    title: str,
    style: Style,
) -> Figure:
    """Draw each invariant's mean over members against what laws predict, at the last tested epoch.

    Reads ``condition, layer, rows, columns, selection, law, epoch, invariant, mean, prediction,
    deviation_sd, low, high, p_adjusted`` of the tests, ``layer, selection, law, epoch, miss, low,
    high`` of the misses, ``layer, epoch, published, mean`` of the fits, and, where there are
    interacting laws, ``layer, selection, epoch, invariant, deviation_interacting, standard_error,
    monte_carlo_error``. A row of panels per layer, a column per law.

    Both axes count from the prediction of the i.i.d. law with the mean and the variance of all
    entries, in SD over members: so a law is right where dots lie on the line, and what it explains
    is how far they lie out. Bars are 95 % intervals of the deviation. A full dot is rejected at the
    level, in the family of all invariants and epochs of a layer and law. Layers whose invariants do
    not vary are left out.
    """
    needed = ["mean", "prediction", "deviation_sd", "low", "high", "p_adjusted", "invariant"]
    require(significance, "significance", needed, selection=[ALL], law=[INDEPENDENT])
    require(misses, "misses", ["layer", "law", "epoch", "miss", "low", "high"], selection=[ALL])
    last = significance["epoch"].max()
    tests, misses = (_shown(table, last) for table in (significance, misses))
    baselines = _baselines(tests, fits[fits["epoch"] == last])
    dots = _dots(tests, baselines, level)
    if interacting is not None:
        dots = pd.concat([dots, _of_interacting(_shown(interacting, last), dots)])
    title = f"{title}, epoch {last}"
    if dots.empty:
        return sentence(f"{title}: the invariants of no layer vary", style)
    layers = layer_headings(tests[tests["layer"].isin(dots["layer"])])
    laws = [law for law in _WORDS if law in set(dots["law"])]
    room, sharing = Room(left=5.5, between=1.0), {"sharex": "row", "sharey": "row"}
    w = style.across(len(laws), room)
    shape, size = (len(layers), len(laws)), (w, w - style.em)
    with canvas(style, title, shape, size, room, **sharing) as (figure, panels):
        for row, (layer, heading) in zip(panels, layers.items(), strict=True):
            mine = dots[dots["layer"] == layer]
            values = mine[["x", "y"]].to_numpy()
            ends = np.array([values.min(), values.max()]) + 0.08 * np.ptp(values) * np.array(
                [-1, 1]
            )
            for panel, law in zip(row, laws, strict=True):
                part = mine[mine["law"] == law]
                if part.empty:
                    panel.remove()
                    continue
                place = (misses["layer"] == layer) & (misses["law"] == law)
                _panel(panel, part)
                panel.set_title(f"{_WORDS[law]}\n{_missed(misses[place])}")
            row[0].set(xlim=ends, ylim=ends)
            row[0].set_title(f"{heading}\n \n \n ", loc="left")  # above the name of the law
            row[0].set_ylabel("observed (SD)")
            row[0].xaxis.set_major_locator(MaxNLocator(3, prune="both"))
            row[0].yaxis.set_major_locator(MaxNLocator(5, prune="both"))
        for column in panels.T:
            lowest = [panel for panel in column if panel.get_figure()][-1]
            lowest.set_xlabel("predicted (SD)")
        kinds = {kind: _DOT | look for kind, look in _DOTS.items() if kind in set(dots["kind"])}
        legend(figure, style, kinds)
    return figure


def _shown(table: Table, epoch: int) -> Table:
    return table[(table["selection"] == ALL) & (table["epoch"] == epoch)]


def _baselines(tests: Table, fits: Table) -> Table:
    """Return what the i.i.d. law predicts of each invariant that is tested, by layer.

    Tests have it but for the invariants that only squares have.
    """
    parts = [tests.loc[tests["law"] == INDEPENDENT, ["layer", "invariant", "prediction"]]]
    of_squares = tests[tests["law"] == DIAGONAL]
    for layer, part in of_squares.groupby("layer"):
        names = [name for name in part["invariant"] if name not in set(parts[0]["invariant"])]
        shape: Shape = (int(part["rows"].iloc[0]), int(part["columns"].iloc[0]))
        mine = fits[fits["layer"] == layer].set_index("published")["mean"]
        law = iid.parameters_from_moments(mine.loc[["I2", "I3"]].to_numpy(), shape)
        predicted = iid.expectation([graph_of(name) for name in names], shape, law)
        parts.append(pd.DataFrame({"layer": layer, "invariant": names, "prediction": predicted}))
    return pd.concat(parts).rename(columns={"prediction": "baseline"})


def _dots(tests: Table, baselines: Table, level: float) -> Table:
    """Return predicted ``x`` and observed ``y``, counted from the i.i.d. law, and kinds of dots."""
    table = tests.merge(baselines, on=["layer", "invariant"])
    sd = (table["mean"] - table["prediction"]) / table["deviation_sd"]
    table["x"] = (table["prediction"] - table["baseline"]) / sd
    table["y"] = table["x"] + table["deviation_sd"]
    table["kind"] = np.where(table["p_adjusted"] <= level, "rejected", "not")
    return table.dropna(subset=["x", "y"])


def _of_interacting(predictions: Table, dots: Table) -> Table:
    """Return the same of interacting laws, whose invariants have other names."""
    independent = dots[dots["law"] == INDEPENDENT]
    names = {
        graph.name: common_form(graph).name
        for degree in (1, 2, 3, 4)
        for graph in enumerate_graphs(degree, bipartite=True)
    }
    table = predictions.dropna(subset="deviation_interacting")
    table = table.assign(invariant=table["invariant"].map(names))[
        ["layer", "invariant", "deviation_interacting", "standard_error", "monte_carlo_error"]
    ].merge(independent[["layer", "invariant", "y"]], on=["layer", "invariant"])
    half = 1.96 * np.hypot(table["standard_error"], table["monte_carlo_error"])
    deviation = table["deviation_interacting"]
    return table.assign(
        law=INTERACTING,
        x=table["y"] - deviation,
        deviation_sd=deviation,
        low=deviation - half,
        high=deviation + half,
        kind="untested",
    )


def _panel(panel: Axes, part: Table) -> None:
    """Draw the invariants of one layer under one law."""
    panel.axline((0, 0), slope=1, color="0.6", linewidth=1)
    ends = np.stack([part["x"] + part["low"], part["x"] + part["high"], part["x"] * np.nan], axis=1)
    # One line, with gaps between the bars.
    panel.plot(np.repeat(part["x"], 3), ends.ravel(), color="0.6", linewidth=0.7, zorder=1.5)
    for kind in ("not", "rejected", "untested"):
        some = part[part["kind"] == kind]
        panel.plot(some["x"], some["y"], **_DOT | _DOTS[kind])


def _missed(miss: Table) -> str:
    """Write the miss of a law and its interval, in SD, as two lines above its panel."""
    if miss.empty:
        return "\n "
    value, low, high = miss[["miss", "low", "high"]].iloc[0]
    return f"miss {value:.2g}\n({low:.2g}\N{EN DASH}{high:.2g})"
