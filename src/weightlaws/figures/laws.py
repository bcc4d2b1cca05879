"""Figures of a condition's laws: which law held-out members prefer, and what remains unexplained.

Every figure takes tidy tables and the study's `Style`.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from weightlaws.figures.graphs import beside_panel
from weightlaws.figures.style import (
    BAND,
    COLOURS,
    Look,
    Room,
    Style,
    canvas,
    epoch_axes,
    layer_headings,
    legend,
    only,
    require,
    spread,
    symmetric_log,
)
from weightlaws.inference.dead_outputs import ALL
from weightlaws.invariants.catalogue import graph_of
from weightlaws.laws.names import BIPARTITE, DIAGONAL, ONE_SIDED

_STEPS: dict[str, Look] = {
    BIPARTITE: {"color": COLOURS[0], "linestyle": "-", "marker": "o"},
    DIAGONAL: {"color": COLOURS[1], "linestyle": "--", "marker": "s"},
    ONE_SIDED: {"color": COLOURS[2], "linestyle": "-.", "marker": "^"},
}
_SHOWN = 6  # deviations in a panel
_GRAPH = 2.6  # side of a graph's picture, in ems


def laws(comparison: pd.DataFrame, style: Style) -> Figure:
    """Draw what each larger law gains on held-out members of one condition, by epoch.

    Reads ``condition, layer, rows, columns, selection, epoch, law, than, gain`` and
    ``gain_standard_error`` of all members. A panel per layer; the band is two
    standard errors. The axis is in nats per member, linear between -0.1 and 0.1 and logarithmic
    beyond. A panel says so where members are too few for a likelihood.
    """
    needed = ["layer", "rows", "columns", "law", "than", "gain", "gain_standard_error"]
    require(comparison, "comparison", needed, selection=[ALL])
    whole = comparison[comparison["selection"] == ALL]
    table = whole.dropna(subset="gain")
    title, w = only(comparison, "condition"), style.panel_width
    layers = layer_headings(whole)
    than = table.drop_duplicates("law").set_index("law")["than"]
    looks = {
        law: {**look, "label": f"{law} over {than[law]}"}
        for law, look in _STEPS.items()
        if law in than
    }
    with canvas(style, title, (1, len(layers)), (w, 0.75 * w)) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            mine = table[table["layer"] == layer]
            if mine.empty:
                words = {"ha": "center", "transform": panel.transAxes}
                panel.text(0.5, 0.5, "too few members\nto compare laws", **words)
            for law, part in mine.groupby("law", sort=False):
                curve = part.set_index("epoch").sort_index()
                gain, error = curve["gain"], 2 * curve["gain_standard_error"]
                look = looks[str(law)]
                colour = look["color"]
                panel.fill_between(curve.index, gain - error, gain + error, color=colour, **BAND)
                if len(curve) == 1:  # a band has no width there
                    panel.errorbar(curve.index, gain, error, color=colour, capsize=2)
                panel.plot(gain, **look, markevery=spread(len(curve)))
            panel.axhline(0, color="0.3", linewidth=1)
            symmetric_log(panel, linear=0.1)
            panel.set_title(heading)
        panels[0, 0].set_ylabel("gain per held-out member (nats)")
        epoch_axes(panels)
        legend(figure, style, looks)
    return figure


def largest_deviations(significance: pd.DataFrame, rate: float, style: Style) -> Figure:
    """Draw the largest significant deviations of one condition, each with its invariant's graph.

    Reads ``condition, layer, selection, epoch, invariant, published, deviation_sd, q`` of all
    members; significant is a q up to the rate. A row of panels per layer that a 13-parameter law
    was fitted to, a column per headline epoch.
    """
    needed = ["layer", "epoch", "invariant", "published", "deviation_sd", "q"]
    require(significance, "significance", needed, selection=[ALL])
    tests = significance[(significance["selection"] == ALL) & significance["q"].notna()]
    title = f"{only(tests, 'condition')}: what the 13-parameter law does not explain"
    layers, epochs = tests["layer"].unique(), tests["epoch"].unique()
    found = tests[tests["q"] <= rate]
    longest = found["deviation_sd"].max() if len(found) else 1.0
    size = style.panel_width, 0.36 * _SHOWN * style.font_scale
    room = Room(left=_GRAPH + 1, between=_GRAPH + 1)
    with canvas(style, title, (len(layers), len(epochs)), size, room) as (figure, panels):
        for (row, column), panel in np.ndenumerate(panels):
            layer, epoch = layers[row], epochs[column]
            mine, all_tests = (
                table[(table["layer"] == layer) & (table["epoch"] == epoch)]
                for table in (found, tests)
            )
            counts = (
                f"{len(part)} of {len(whole)}"
                for part, whole in (
                    (mine, all_tests),
                    (_published(mine), _published(all_tests)),
                )
            )
            heading = "{} deviate, of the published {}".format(*counts)
            panel.set_title(f"{layer}, epoch {epoch}\n{heading}", fontsize="small")
            _bars(panel, mine.nlargest(_SHOWN, "deviation_sd"), _GRAPH * style.em)
            panel.set_xlim(0, 1.4 * longest)  # room for the longest bar's name
        for panel in panels[-1]:
            panel.set_xlabel("deviation (SD over members)")
    return figure


def _published(tests: pd.DataFrame) -> pd.DataFrame:
    return tests[tests["published"].notna()]


def _bars(panel: Axes, found: pd.DataFrame, side: float) -> None:
    """Horizontal bars, the largest on top, each with its graph on the left and its name."""
    panel.set(ylim=(_SHOWN - 0.5, -0.5), yticks=[])
    panel.grid(visible=False, axis="y")
    panel.barh(range(len(found)), found["deviation_sd"], height=0.6, color=COLOURS[0])
    for y, (name, length) in enumerate(zip(found["invariant"], found["deviation_sd"], strict=True)):
        beside_panel(panel, graph_of(name), 1 - (y + 0.5) / _SHOWN, side)
        panel.text(length, y, f" {name}", va="center", fontsize="small")
    if found.empty:
        panel.text(0.5, 0.5, "none", ha="center", transform=panel.transAxes)
