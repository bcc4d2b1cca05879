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


def largest_deviations(significance: pd.DataFrame, level: float, style: Style) -> Figure:
    """Draw the largest significant deviations of one condition, each with its invariant's graph.

    Reads ``condition, layer, selection, law, epoch, invariant, deviation_sd, low, high, p_adjusted,
    detectable`` of all members; significant is a ``p_adjusted`` up to the level. A row of panels
    per layer, a column per headline epoch. The law of a layer is the one with its symmetry: the
    one-sided law where one was tested, else the bipartite law. A bar ends at the deviation, and a
    line spans its 95 % interval.
    """
    needed = ["layer", "law", "epoch", "invariant", "deviation_sd", "low", "high", "p_adjusted"]
    require(significance, "significance", [*needed, "detectable"], selection=[ALL])
    tests = significance[(significance["selection"] == ALL) & significance["p_adjusted"].notna()]
    title = f"{only(tests, 'condition')}: what the law of each layer does not explain"
    layers, epochs = tests["layer"].unique(), tests["epoch"].unique()
    by_layer = {layer: _with_its_symmetry(tests[tests["layer"] == layer]) for layer in layers}
    found = {layer: mine[mine["p_adjusted"] <= level] for layer, mine in by_layer.items()}
    ends = pd.concat(found.values())[["deviation_sd", "low", "high"]].abs().to_numpy()
    # A quantity that is the same in all members has an infinite deviation, and no interval.
    longest = float(np.max(ends, where=np.isfinite(ends), initial=0.0)) or 1.0
    size = style.panel_width, 0.36 * _SHOWN * style.font_scale
    room = Room(left=_GRAPH + 1, between=_GRAPH + 1)
    with canvas(style, title, (len(layers), len(epochs)), size, room) as (figure, panels):
        for (row, column), panel in np.ndenumerate(panels):
            layer, epoch = layers[row], epochs[column]
            mine, all_tests = (
                table[table["epoch"] == epoch] for table in (found[layer], by_layer[layer])
            )
            if all_tests.empty:
                panel.set_axis_off()
                continue
            heading = f"{only(all_tests, 'law')} law: {len(mine)} of {len(all_tests)} deviate"
            panel.set_title(f"{layer}, epoch {epoch}\n{heading}", fontsize="small")
            _bars(panel, mine, _GRAPH * style.em)
            panel.set_xlim(-1.05 * longest, 1.05 * longest)
            if mine.empty:
                least = all_tests["detectable"].median()
                words = f"none; power 80 % at {least:.2g} SD"
                look = {"ha": "center", "va": "center", "backgroundcolor": "white"}
                panel.text(0.5, 0.5, words, transform=panel.transAxes, **look)
        for panel in panels[-1]:
            panel.set_xlabel("deviation (SD over members)")
    return figure


def _with_its_symmetry(tests: pd.DataFrame) -> pd.DataFrame:
    """Return the tests of the richest law that has the symmetry of a layer."""
    laws = tests["law"].unique()
    return tests[tests["law"] == (ONE_SIDED if ONE_SIDED in laws else BIPARTITE)]


def _bars(panel: Axes, found: pd.DataFrame, side: float) -> None:
    """Horizontal bars, the largest on top, each with its graph on the left and its name."""
    found = found.sort_values("deviation_sd", key=lambda values: -values.abs()).head(_SHOWN)
    panel.set(ylim=(_SHOWN - 0.5, -0.5), yticks=[])
    panel.grid(visible=False, axis="y")
    panel.axvline(0, color="0.3", linewidth=1)
    places, lengths = range(len(found)), found["deviation_sd"]
    panel.barh(places, lengths, height=0.6, color=COLOURS[0])
    panel.hlines(places, found["low"], found["high"], color="0.2", linewidth=1.2)
    for y, name, length in zip(places, found["invariant"], lengths, strict=True):
        beside_panel(panel, graph_of(name), 1 - (y + 0.5) / _SHOWN, side)
        # On the other side of 0, where no bar is.
        words, where = (f" {name}", "left") if length < 0 else (f"{name} ", "right")
        panel.text(0, y, words, va="center", ha=where, fontsize="small")
