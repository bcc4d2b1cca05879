"""The figure of a condition's interacting laws: their couplings, what they gain and predict."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from weightlaws.figures.style import (
    BAND,
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
_DEVIATIONS = ["deviation_bipartite", "deviation_interacting"]
# Predictions of what no law was fitted to, and of what an interacting law has a coupling for.
_DOT: Look = {"color": "0.25", "marker": "o", "linestyle": ""}
_PREDICTED: dict[str, Look] = {
    "others": {**_DOT, "label": "invariant that no law was fitted to"},
    "fitted": {**_DOT, "markerfacecolor": "white", "label": "invariant with a coupling"},
}


def interacting(
    couplings: pd.DataFrame,
    scores: pd.DataFrame,
    predictions: pd.DataFrame,
    level: float,
    style: Style,
) -> Figure:
    """Draw the couplings of one condition's layers by epoch, each law's gain, and predictions.

    Reads ``condition, layer, rows, columns, selection, epoch, invariant, formula, degree, coupling,
    low, high, p_adjusted, step, path_gain`` of the couplings, ``law, gain, low, high`` of the
    scores and ``n_fits, deviation_bipartite, deviation_interacting, standard_error`` of the
    predictions, of all members. A column of panels per layer. Of the couplings of degree 3 and 4 up
    to five are drawn, those that held-out members gain most by, summed over layers and epochs; a
    full marker is significant at the level. Bars are 95 % intervals. The axes are linear around 0
    and logarithmic beyond. Predictions are those of degree 3 and 4 at the last epoch, the deviation
    from the interacting law over that from the bipartite law. A panel says so where no law is
    fitted, or drawn.
    """
    needed = ["layer", "invariant", "formula", "degree", "coupling", "low", "high", "step"]
    require(couplings, "couplings", [*needed, "epoch", "p_adjusted"], selection=[ALL])
    require(scores, "scores", ["layer", "law", "epoch", "gain", "low", "high"], selection=[ALL])
    needed = ["layer", "epoch", "degree", "n_fits", "standard_error", *_DEVIATIONS]
    require(predictions, "predictions", needed, selection=[ALL])
    couplings = couplings[couplings["selection"] == ALL]
    scores = scores[scores["selection"] == ALL]
    predictions = predictions[(predictions["selection"] == ALL) & (predictions["degree"] > 2)]
    title, w = only(couplings, "condition"), style.panel_width
    headings, epochs = layer_headings(couplings), sorted(couplings["epoch"].unique())
    chosen = _that_matter(couplings)
    looks: dict[str, Look] = {
        name: {"color": COLOURS[k], "marker": _MARKERS[k], "linestyle": "--", "label": words}
        for k, (name, words) in enumerate(chosen.items())
    }
    laws = {law: look for law, look in _LAWS.items() if law in set(scores["law"])}
    shape, room, last = (3, len(headings)), Room(left=7.6), epochs[-1]
    at_last = predictions[predictions["epoch"] == last].dropna(subset=_DEVIATIONS)
    largest = at_last[_DEVIATIONS].abs().to_numpy().max(initial=0.01)
    heights = [0.62 * w, 0.62 * w, w - style.em]
    with canvas(style, title, shape, (w, heights), room, sharex=False) as (figure, panels):
        for column, (layer, heading) in zip(panels.T, headings.items(), strict=True):
            fitted = couplings[couplings["layer"] == layer].dropna(subset="coupling")
            mine = fitted[fitted["invariant"].isin(chosen)]
            full = mine["p_adjusted"] <= level
            mine = mine.assign(group=mine["invariant"], value=mine["coupling"], full=full)
            _with_bars(column[0], mine, looks, epochs)
            gains = scores[(scores["layer"] == layer) & scores["law"].isin(laws)]
            gains = gains.assign(group=gains["law"], value=gains["gain"], full=True)
            _with_bars(column[1], gains.dropna(subset="gain"), laws, epochs)
            predicted = at_last[at_last["layer"] == layer]
            _against_each_other(column[2], predicted, 1.1 * largest)
            if fitted.empty or not chosen:
                _say(column[0], "no law is fitted" if fitted.empty else "none is needed")
            if predicted.empty:
                _say(column[2], "no law is drawn")
            column[0].set_title(heading)
            column[0].tick_params(labelbottom=False)
            column[1].set_xlabel("epoch")
            column[2].set_xlabel("deviation from bipartite law (SD)")
        panels[0, 0].set_ylabel("coupling\n(unit: SD of an entry)")
        panels[1, 0].set_ylabel("gain in score\nper held-out member")
        panels[2, 0].set_ylabel(f"deviation from\ninteracting law (SD)\nat epoch {last}")
        for row, linear in zip(panels[:2], (0.01, 1), strict=True):
            for panel in row:
                symmetric_log(panel, linear)
        empty: Look = {"color": "0.4", "linestyle": "", "markerfacecolor": "white"}
        hollow = Line2D([], [], marker="o", **empty, label="not significant")
        legend(figure, style, looks, *([hollow] if looks else []))
        legend(figure, style, laws)
        legend(figure, style, _PREDICTED)
    return figure


def _that_matter(couplings: pd.DataFrame) -> dict[str, str]:
    """Couplings that the paths of all layers and epochs gain most by, in words."""
    found = couplings.dropna(subset="step")
    gains = found.groupby("invariant")["path_gain"].sum().sort_values(ascending=False)
    formulas = found.drop_duplicates("invariant").set_index("invariant")["formula"]
    return {str(name): _WORDS.get(str(name), formulas[name]) for name in gains.index[:_SHOWN]}


def _say(panel: Axes, words: str) -> None:
    at = panel.transAxes
    panel.text(0.5, 0.5, words, transform=at, ha="center", backgroundcolor="white")


def _against_each_other(panel: Axes, table: pd.DataFrame, end: float) -> None:
    """Draw the deviations that couplings leave over those of the Gaussian law."""
    ends = np.array([-end, end])
    panel.set(xlim=ends, ylim=ends)
    for error in table["standard_error"].unique():
        panel.axhspan(-2 * error, 2 * error, color="0.5", **BAND)
    for slope, dashes in ((1, "-"), (-1, ":")):
        panel.plot(ends, slope * ends, color="0.6", linestyle=dashes, linewidth=1)
    for group, look in _PREDICTED.items():
        some = table[(table["n_fits"] > 0) == (group == "fitted")]
        panel.plot(*(some[name] for name in _DEVIATIONS), **look)
    panel.axhline(0, color="0.3", linewidth=1)


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
