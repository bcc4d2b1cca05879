"""The figure of the learned rank against the number of classes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from weightlaws.figures.spectra import reach, without_copies
from weightlaws.figures.style import (
    COLOURS,
    DASHES,
    MARKERS,
    Look,
    Room,
    Style,
    canvas,
    layer_headings,
    legend,
    require,
)
from weightlaws.figures.words import TOLD_BY, shared_words, words_apart
from weightlaws.training.networks import labelled_side

Table = pd.DataFrame

_LESS_ONE: Look = {"color": "0.3", "linestyle": ":", "label": "classes less one"}


def rank_by_classes(
    spectra: Table, conditions: Table, groups: Mapping[str, list[str]], style: Style
) -> Figure:
    """Draw the learned rank of each layer against the number of classes, at the last epoch.

    Reads ``condition, layer, rows, columns, epoch, statistic, null, value, standard_error,
    members`` of the spectra, and `words.TOLD_BY` of the conditions. ``groups`` are those of
    `study.conditions.by_classes`: a line each. A panel per layer but the output, which has a row a
    class. Bars are 95 % intervals of the mean over members.
    """
    require(conditions, "conditions", TOLD_BY)
    needed = ["value", "standard_error", "members", "epoch", "rows", "columns"]
    require(spectra, "spectra", needed, statistic=["learned_rank"])
    names = [name for group in groups.values() for name in group]
    conditions = conditions[conditions["condition"].isin(names)]
    table = without_copies(spectra[spectra["statistic"] == "learned_rank"])
    table = table[[labelled_side(str(layer)) != "rows" for layer in table["layer"]]]
    table = table.merge(conditions[["condition", "outputs"]], on="condition")
    table = table[table["epoch"] == table.groupby("condition")["epoch"].transform("max")]
    layers = layer_headings(table)
    room = Room(left=5.5)
    w = style.across(len(layers), room)
    shape, size = (1, len(layers)), (w, min(0.8 * w, 2.2))
    whole = _whole(conditions, groups)
    title = f"{shared_words(whole)}, and fewer classes"
    with canvas(style, title, shape, size, room) as (figure, panels):
        looks = _looks(whole, groups)
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            for (name, group), look in zip(groups.items(), looks.values(), strict=True):
                place = (table["layer"] == layer) & table["condition"].isin(group)
                part = table[place].sort_values("outputs")
                x = part["outputs"] + 0.1 * ([*groups].index(name) - (len(groups) - 1) / 2)
                panel.errorbar(x, part["value"], reach(part), capsize=2, **look)
            ends = np.array([table["outputs"].min(), table["outputs"].max()])
            panel.plot(ends, ends - 1, **_LESS_ONE)
            panel.set_title(heading)
            panel.set_xlabel("classes")
            panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        panels[0, 0].set_ylabel("learned rank")
        panels[0, 0].set_ylim(bottom=0)
        legend(figure, style, looks | {"less one": _LESS_ONE})
    return figure


def _whole(conditions: Table, groups: Mapping[str, list[str]]) -> Table:
    """Return the condition of each group that has the most classes."""
    of = {name: group for group, names in groups.items() for name in names}
    most = conditions.sort_values("outputs").groupby(conditions["condition"].map(of)).tail(1)
    return most.set_index(most["condition"].map(of)).loc[[*groups]].reset_index(drop=True)


def _looks(whole: Table, groups: Mapping[str, list[str]]) -> dict[str, Look]:
    """Say of each group what tells it from the others; classes are the axis."""
    return {
        name: {
            "color": COLOURS[k % len(COLOURS)],
            "linestyle": DASHES[k % len(DASHES)],
            "marker": MARKERS[k % len(MARKERS)],
            "label": words or "mean over networks",
        }
        for k, (name, words) in enumerate(zip(groups, words_apart(whole), strict=True))
    }
