"""The figure of a condition's interacting laws: their couplings, what they gain and predict."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from weightlaws.figures.style import (
    BAND,
    COLOURS,
    MARKERS,
    Look,
    Room,
    Style,
    canvas,
    layer_headings,
    legend,
    require,
    sentence,
    symmetric_log,
)
from weightlaws.figures.words import formula_words, law_words, layer_words
from weightlaws.inference.dead_outputs import ALL
from weightlaws.inference.intervals import student_interval
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INTERACTING, ONE_SIDED

_SHOWN = 5  # couplings in the figure
_HEIGHT = 0.75  # of a panel of couplings, in inches
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
    law: {"color": COLOURS[k], "marker": MARKERS[k], "label": f"{law_words(law)} law over i.i.d."}
    for k, law in enumerate((BIPARTITE, DIAGONAL, ONE_SIDED, INTERACTING))
}
_COUPLING: Look = {"color": "0.25", "marker": "o", "linestyle": "--"}
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
    title: str,
    style: Style,
) -> Figure:
    """Draw the couplings of one condition's layers by epoch, each law's gain, and predictions.

    Reads ``layer, rows, columns, selection, epoch, invariant, degree, coupling, low, high,
    p_adjusted, step, path_gain`` of the couplings, ``law, gain, low, high`` of the scores and
    ``n_members, n_fits, deviation_bipartite, deviation_interacting, standard_error`` of the
    predictions, of all members. A column of panels per layer with a law; the title names the
    others. Of the couplings of degree 3 and 4 up to five have a row of panels each, those that
    held-out members gain most by, summed over layers and epochs; a full marker is significant at
    the level. Bars are 95 % intervals. The axis of gains is linear between -1 and 1 and logarithmic
    beyond. Predictions are those of degree 3 and 4 at the last epoch, the deviation from the
    interacting law over that from the bipartite law; the title names the layers without any, which
    have no panel of them.
    """
    needed = ["layer", "invariant", "degree", "coupling", "low", "high", "step"]
    require(couplings, "couplings", [*needed, "epoch", "p_adjusted"], selection=[ALL])
    require(scores, "scores", ["layer", "law", "epoch", "gain", "low", "high"], selection=[ALL])
    needed = ["layer", "epoch", "degree", "n_members", "n_fits", "standard_error", *_DEVIATIONS]
    require(predictions, "predictions", needed, selection=[ALL])
    couplings, scores, predictions = (
        table[table["selection"] == ALL] for table in (couplings, scores, predictions)
    )
    epochs = sorted(couplings["epoch"].unique())
    scores = scores.dropna(subset="gain")
    at_last = predictions[(predictions["degree"] > 2) & (predictions["epoch"] == epochs[-1])]
    at_last = at_last.dropna(subset=_DEVIATIONS)
    fitted = couplings.dropna(subset="coupling")
    headings = layer_headings(couplings)
    if bare := [layer for layer in headings if layer not in {*fitted.layer, *at_last.layer}]:
        title += f"; no interacting law fits {', '.join(layer_words(layer) for layer in bare)}"
        headings = {layer: heading for layer, heading in headings.items() if layer not in bare}
    if not headings:
        return sentence(title, style)
    if at_last.empty:
        title += f"; no interacting law has predictions at epoch {epochs[-1]}"
    elif without := [layer_words(layer) for layer in headings if layer not in {*at_last.layer}]:
        title += f"; no predictions of {', '.join(without)} at epoch {epochs[-1]}"
    chosen = _that_matter(couplings)
    looks = {law: look for law, look in _LAWS.items() if law in set(scores["law"])}
    room = Room(left=8.0)
    w = style.across(len(headings), room)
    square = min(w, 2.2)
    heights = [_HEIGHT] * len(chosen) + [1.1]
    heights += [square - style.em * (square == w)] * (not at_last.empty)
    shape, size = (len(heights), len(headings)), (w, heights)
    with canvas(style, title, shape, size, room, sharex=False) as (figure, panels):
        for column, (layer, heading) in zip(panels.T, headings.items(), strict=True):
            mine = fitted[fitted["layer"] == layer]
            for panel, name in zip(column, chosen, strict=False):
                found = mine[mine["invariant"] == name]
                full = found["p_adjusted"] <= level
                found = found.assign(group=name, value=found["coupling"], full=full)
                _with_bars(panel, found, {name: _COUPLING}, epochs)
                panel.tick_params(labelbottom=False)
            gains = scores[(scores["layer"] == layer) & scores["law"].isin(looks)]
            gains = gains.assign(group=gains["law"], value=gains["gain"], full=True)
            gained, *below = column[len(chosen) :]
            _with_bars(gained, gains, looks, epochs)
            for predicted in below:
                predictions_here = at_last[at_last["layer"] == layer]
                if predictions_here.empty:
                    predicted.remove()
                    continue
                _against_each_other(predicted, predictions_here)
                predicted.set_xlabel("deviation from\nbipartite law (SD)")
                predicted.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
            # Below it stands what the first row shows.
            column[0].set_title(heading + "\n " * bool(chosen))
            gained.set_xlabel("epoch")
        for panel, words in zip(panels[:, 0], chosen.values(), strict=False):
            panel.set_title(words, loc="left")
            panel.set_ylabel("coupling\n(entries in SD)")
        panels[len(chosen), 0].set_ylabel("gain in score\nper held-out member")
        for panel in panels[len(chosen)]:
            symmetric_log(panel, 1)
        end = 1.1 * at_last[_DEVIATIONS].abs().to_numpy().max(initial=0.01)
        for row in panels[len(chosen) + 1 :]:
            there = [panel for panel in row if panel.get_figure()]
            # The first one shows the axis of all.
            there[0].tick_params(labelleft=True)
            there[0].set_ylabel(f"deviation from\ninteracting law (SD)\nat epoch {epochs[-1]}")
            for panel in there:
                panel.set(xlim=(-end, end), ylim=(-end, end))
        empty: Look = {"color": "0.4", "linestyle": "", "markerfacecolor": "white"}
        hollow = Line2D([], [], marker="o", **empty, label="coupling that is not significant")
        legend(figure, style, looks, *([hollow] if chosen else []))
        if not at_last.empty:
            legend(figure, style, _PREDICTED)
    return figure


def _that_matter(couplings: pd.DataFrame) -> dict[str, str]:
    """Couplings that the paths of all layers and epochs gain most by, in words."""
    found = couplings.dropna(subset="step")
    gains = found.groupby("invariant")["path_gain"].sum().sort_values(ascending=False)
    names = gains.index[:_SHOWN].astype(str)
    return {
        name: ", ".join(filter(None, (_WORDS.get(name), formula_words(name)))) for name in names
    }


def _against_each_other(panel: Axes, table: pd.DataFrame) -> None:
    """Draw the deviations that couplings leave over those of the Gaussian law."""
    for error, members in table[["standard_error", "n_members"]].drop_duplicates().to_numpy():
        low, high = map(float, student_interval(0.0, error, members))
        panel.axhspan(low, high, color="0.5", **BAND)
    for slope, dashes in ((1, "-"), (-1, ":")):
        panel.axline((0, 0), slope=slope, color="0.6", linestyle=dashes, linewidth=1)
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
