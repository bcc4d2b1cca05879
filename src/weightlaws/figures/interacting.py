"""The figure of a condition's interacting laws: their couplings, and what they gain."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from weightlaws.figures.style import (
    COLOURS,
    Look,
    Room,
    Style,
    canvas,
    layer_headings,
    legend,
    only,
    require,
    symmetric_log,
)
from weightlaws.inference.dead_outputs import ALL
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INTERACTING, ONE_SIDED

_SHOWN = 5  # couplings in the figure
_MARKERS = "os^DvP"
# Couplings that have a name beside their formula.
_WORDS = {
    "ia.ib.ja.jb": "tr (W Wᵀ)²",
    "ia.ia.ib.ib": "row norms to the fourth",
    "ia.ia.ja.ja": "column norms to the fourth",
    "ia.ia.ia.ia": "entries to the fourth",
    "ia.ia.jb.jb": "(tr W Wᵀ)²",
    "ia.ia.ia": "entries cubed",
    "ia.ib.ib": "row sums times squared row norms",
    "ia.ja.ja": "column sums times squared column norms",
    "ia.ib.ic": "row sums cubed",
    "ia.ja.ka": "column sums cubed",
    "ia.ib.jb.jc": "row sums joined by W Wᵀ",
}
_LAWS: dict[str, Look] = {
    law: {"color": COLOURS[k], "marker": _MARKERS[k], "label": f"{law} law over i.i.d."}
    for k, law in enumerate((BIPARTITE, DIAGONAL, ONE_SIDED, INTERACTING))
}


def interacting(
    couplings: pd.DataFrame, scores: pd.DataFrame, level: float, style: Style
) -> Figure:
    """Draw the couplings of one condition's layers by epoch, and below them each law's gain.

    Reads ``condition, layer, rows, columns, selection, epoch, invariant, formula, degree, coupling,
    low, high, p_adjusted, step, path_gain`` of the couplings and ``law, gain, low, high`` of the
    scores, of all members. A column of panels per layer. Of the couplings of degree 3 and 4 up to
    five are drawn, those that held-out members gain most by, summed over layers and epochs; a full
    marker is significant at the level. Bars are 95 % intervals. The axes are linear around 0 and
    logarithmic beyond. A panel says so where no law is fitted.
    """
    needed = ["layer", "invariant", "formula", "degree", "coupling", "low", "high", "step"]
    require(couplings, "couplings", [*needed, "epoch", "p_adjusted"], selection=[ALL])
    require(scores, "scores", ["layer", "law", "epoch", "gain", "low", "high"], selection=[ALL])
    couplings = couplings[couplings["selection"] == ALL]
    scores = scores[scores["selection"] == ALL]
    title, w = only(couplings, "condition"), style.panel_width
    headings, epochs = layer_headings(couplings), sorted(couplings["epoch"].unique())
    chosen = _that_matter(couplings)
    looks: dict[str, Look] = {
        name: {"color": COLOURS[k], "marker": _MARKERS[k], "linestyle": "--", "label": words}
        for k, (name, words) in enumerate(chosen.items())
    }
    laws = {law: look for law, look in _LAWS.items() if law in set(scores["law"])}
    shape, room = (2, len(headings)), Room(left=7.6)
    with canvas(style, title, shape, (w, 0.62 * w), room) as (figure, panels):
        for column, (layer, heading) in zip(panels.T, headings.items(), strict=True):
            fitted = couplings[couplings["layer"] == layer].dropna(subset="coupling")
            mine = fitted[fitted["invariant"].isin(chosen)]
            full = mine["p_adjusted"] <= level
            mine = mine.assign(group=mine["invariant"], value=mine["coupling"], full=full)
            _with_bars(column[0], mine, looks, epochs)
            gains = scores[(scores["layer"] == layer) & scores["law"].isin(laws)]
            gains = gains.assign(group=gains["law"], value=gains["gain"], full=True)
            _with_bars(column[1], gains.dropna(subset="gain"), laws, epochs)
            if fitted.empty or not chosen:
                words = "no law is fitted" if fitted.empty else "none is needed"
                look = {"ha": "center", "backgroundcolor": "white"}
                column[0].text(0.5, 0.5, words, transform=column[0].transAxes, **look)
            column[0].set_title(heading)
            column[1].set_xlabel("epoch")
        panels[0, 0].set_ylabel("coupling\n(unit: SD of an entry)")
        panels[1, 0].set_ylabel("gain in score\nper held-out member")
        for row, linear in zip(panels, (0.01, 1), strict=True):
            for panel in row:
                symmetric_log(panel, linear)
        empty: Look = {"color": "0.4", "linestyle": "", "markerfacecolor": "white"}
        hollow = Line2D([], [], marker="o", **empty, label="not significant")
        legend(figure, style, looks, *([hollow] if looks else []))
        legend(figure, style, laws)
    return figure


def _that_matter(couplings: pd.DataFrame) -> dict[str, str]:
    """Couplings that the paths of all layers and epochs gain most by, in words."""
    found = couplings.dropna(subset="step")
    gains = found.groupby("invariant")["path_gain"].sum().sort_values(ascending=False)
    formulas = found.drop_duplicates("invariant").set_index("invariant")["formula"]
    return {str(name): _WORDS.get(str(name), formulas[name]) for name in gains.index[:_SHOWN]}


def _with_bars(
    panel: Axes, table: pd.DataFrame, looks: dict[str, Look], epochs: Sequence[int]
) -> None:
    """Draw a line per group over the epochs, evenly spaced, each a little beside the others."""
    panel.axhline(0, color="0.3", linewidth=1)
    for k, (group, look) in enumerate(looks.items()):
        part = table[table["group"] == group].sort_values("epoch")
        x = np.searchsorted(epochs, part["epoch"]) + 0.09 * (k - (len(looks) - 1) / 2)
        bars = (part["value"] - part["low"], part["high"] - part["value"])
        plain = {**look, "marker": ""}
        panel.errorbar(x, part["value"], np.clip(bars, 0, None), capsize=2, **plain)
        for full, face in ((True, look["color"]), (False, "white")):
            some = (part["full"] == full).to_numpy()
            dots = {**look, "linestyle": "", "markerfacecolor": face, "zorder": 3}
            panel.plot(x[some], part["value"][some], **dots)
    panel.set_xticks(range(len(epochs)), [str(epoch) for epoch in epochs])
    panel.set_xlim(-0.5, len(epochs) - 0.5)
