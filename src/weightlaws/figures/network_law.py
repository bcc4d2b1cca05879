"""The figure of the law of a network: whether layers know of each other, and what laws can do."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from weightlaws.figures.style import (
    BAND,
    COLOURS,
    MARKERS,
    Look,
    Room,
    Style,
    canvas,
    in_percent,
    legend,
    only,
    require,
    sentence,
    symmetric_log,
)
from weightlaws.figures.words import law_words, layer_words, neuron_words
from weightlaws.inference.dead_outputs import ALL
from weightlaws.inference.drawn_names import ALL as ALL_LAYERS
from weightlaws.inference.drawn_names import OTHERS, PERMUTED, TRAINED

_ROW = 0.42  # height of a row of accuracies, in inches
_TRAINED: Look = {
    **{"color": "0.2", "linewidth": 1.2},
    "label": "trained networks",
}
# What networks are put together from, where it is no law.
_WORDS = {OTHERS: "layers of different networks", PERMUTED: "neurons permuted in one layer"}
# The statistic that a joint Gaussian law knows of.
SUMS = "sums"
_VALUES = ["accuracy", "low", "high"]


def network_law(
    pairs: pd.DataFrame, drawn: pd.DataFrame | None, level: float, title: str, style: Style
) -> Figure:
    """Draw what a joint law of all layers gains, and what networks drawn from laws can do.

    Reads ``selection, epoch, statistic, hidden, p_adjusted, gain, low, high`` of pairs of layers,
    where the statistic is ``sums``, and ``epoch, law, drawn, accuracy, low, high`` of drawn
    networks, of all members. In one panel the gain of joining the layers on both sides of each
    hidden layer; a full marker is significant at the level. In the other the accuracy of networks
    with all layers drawn, or with one and the others kept. Bars are 95 % intervals. There is no
    panel of gains where members are too few, and none of accuracy without drawn networks.
    """
    needed = ["hidden", "epoch", "p_adjusted", "gain", "low", "high"]
    require(pairs, "network_law", needed, selection=[ALL], statistic=[SUMS])
    pairs = pairs[(pairs["selection"] == ALL) & (pairs["statistic"] == SUMS)]
    title = f"{title}: the law of a network"
    compared = bool(pairs["gain"].notna().any())
    if not compared:
        title += "; too few members to compare laws"
    columns = compared + (drawn is not None)
    if not columns:
        return sentence(title, style)
    room = Room(left=7, right=1.5, between=11)
    w = style.across(columns, room, columns)
    # Markers of laws stand beside each other and not on each other.
    size = w, max(2.6, _ROW * (0 if drawn is None else drawn["drawn"].nunique()))
    with canvas(style, title, (1, columns), size, room, sharey=False) as (figure, panels):
        if compared:
            neurons = _gains(panels[0, 0], pairs, level)
            hollow: Look = {"color": "0.4", "linestyle": "", "markerfacecolor": "white"}
            extra = Line2D([], [], marker="o", **hollow, label="layers may be independent")
            legend(figure, style, neurons, extra)
        if drawn is not None:
            legend(figure, style, _accuracies(panels[0, -1], drawn))
    return figure


def _gains(panel: Axes, pairs: pd.DataFrame, level: float) -> dict[str, Look]:
    """Draw the gain at each hidden layer by epoch; return the looks of the lines."""
    names, epochs = pairs["hidden"].unique(), sorted(pairs["epoch"].unique())
    looks: dict[str, Look] = {
        str(name): {
            "color": COLOURS[k % 10],
            "marker": MARKERS[k % len(MARKERS)],
            "linestyle": ("-", "--", "-.")[k % 3],
            "label": f"layers before and after {neuron_words(str(name))}",
        }
        for k, name in enumerate(names)
    }
    panel.axhline(0, color="0.3", linewidth=1)
    for k, (name, look) in enumerate(looks.items()):
        part = pairs[pairs["hidden"] == name].sort_values("epoch")
        x = np.searchsorted(epochs, part["epoch"]) + _beside(k, len(looks))
        bars = np.clip((part["gain"] - part["low"], part["high"] - part["gain"]), 0, None)
        panel.errorbar(x, part["gain"], bars, capsize=2, **{**look, "marker": ""})
        for sure, face in ((True, look["color"]), (False, "white")):
            some = ((part["p_adjusted"] <= level) == sure).to_numpy()
            dots: Look = {**look, "linestyle": "", "markerfacecolor": face, "zorder": 3}
            panel.plot(x[some], part["gain"][some], **dots)
    symmetric_log(panel, linear=0.1)
    panel.set_title("joint law over independent layers")
    panel.set_ylabel("gain per held-out member (nats)")
    _ticks(panel, epochs, "epoch")
    return looks


def _accuracies(panel: Axes, drawn: pd.DataFrame) -> dict[str, Look]:
    """Draw the accuracy of networks with all layers drawn, and with one."""
    require(drawn, "drawn", ["epoch", "drawn", *_VALUES], selection=[ALL], law=[TRAINED])
    drawn = drawn[drawn["selection"] == ALL].dropna(subset="accuracy")
    trained, drawn = (drawn[(drawn["law"] == TRAINED) == own] for own in (True, False))
    laws, places = drawn["law"].unique(), list(drawn["drawn"].unique())
    looks: dict[str, Look] = {
        str(law): {
            "color": COLOURS[k % 10],
            "marker": MARKERS[k % len(MARKERS)],
            "linestyle": "",
            "label": _WORDS.get(law, f"{law_words(law)} law"),
        }
        for k, law in enumerate(laws)
    }
    middle, low, high = trained[_VALUES].to_numpy()[0]
    panel.axvspan(low, high, color=_TRAINED["color"], **BAND)
    panel.axvline(middle, **_TRAINED)
    for k, (law, look) in enumerate(looks.items()):
        mine = drawn[drawn["law"] == law]
        y = np.array([places.index(place) for place in mine["drawn"]]) + _beside(k, len(looks))
        values = mine["accuracy"]
        bars = np.clip((values - mine["low"], mine["high"] - values), 0, None)
        panel.errorbar(values, y, xerr=bars, capsize=2, **look)
    panel.set_title(f"accuracy of drawn networks, epoch {only(drawn, 'epoch')}")
    names = [
        "all layers" if place == ALL_LAYERS else neuron_words(layer_words(place))
        for place in places
    ]
    panel.set_yticks(range(len(places)), names)
    panel.set(xlabel="test accuracy", xlim=(0, 1), ylim=(len(places) - 0.5, -0.5))
    in_percent(panel.xaxis)
    return {TRAINED: _TRAINED, **looks}


def _beside(k: int, n: int) -> float:
    return 0.1 * (k - (n - 1) / 2)


def _ticks(panel: Axes, names: Sequence[object], label: str) -> None:
    panel.set_xticks(range(len(names)), [str(name) for name in names])
    panel.set_xlim(-0.5, len(names) - 0.5)
    panel.set_xlabel(label)
