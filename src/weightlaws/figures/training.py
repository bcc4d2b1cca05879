"""The figure of training: how well networks learned."""

from itertools import cycle

import pandas as pd
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
    epoch_axes,
    in_percent,
    legend,
    require,
    settings_of,
    spread,
)
from weightlaws.figures.words import shared_words, start_words

_ACROSS = 5  # panels side by side
_LINES: list[Look] = [
    {"linestyle": "-", "marker": "o"},
    {"linestyle": "--", "marker": "s"},
    {"linestyle": "-.", "marker": "^"},
]


def accuracy(learning_curves: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw the test accuracy of one architecture by epoch.

    Reads ``condition, epoch, accuracy_min, accuracy_q05, accuracy_median, accuracy_q95``. A panel
    for each way to train that conditions differ in; line: median over members, band: 5 % to 95 %
    point, thin line: worst member.
    """
    needed = [f"accuracy_{part}" for part in ("min", "q05", "median", "q95")]
    names = conditions["condition"]
    require(learning_curves, "learning_curves", ["epoch", *needed], condition=names)
    table = learning_curves.set_index(["condition", "epoch"]).sort_index()
    starts = dict.fromkeys(conditions["initialisation"])
    by_start: dict[str, Look] = {
        start: {**line, "color": colour, "label": start_words(start)}
        for start, line, colour in zip(starts, cycle(_LINES), cycle(COLOURS), strict=False)
    }
    starts_of = conditions.set_index("condition")["initialisation"]
    groups = conditions.groupby(settings_of(conditions), sort=False)["condition"]
    across = min(len(groups), _ACROSS)
    down, room = -(-len(groups) // across), Room(left=6.0)
    w = style.across(across, room, columns=1 if across == 1 else 2)
    size = w, min(0.75 * w, 1.7)
    title = shared_words(conditions)
    with canvas(style, title, (down, across), size, room, sharey=True) as (figure, panels):
        for panel in panels.flat[len(groups) :]:
            panel.remove()
        for panel, (setting, names) in zip(panels.flat, groups, strict=False):
            for name in names:
                curve, look = table.loc[name], by_start[starts_of[name]]
                low, high = curve["accuracy_q05"], curve["accuracy_q95"]
                panel.fill_between(curve.index, low, high, color=look["color"], **BAND)
                panel.plot(curve["accuracy_min"], **look | {"linewidth": 0.6, "marker": ""})
                panel.plot(curve["accuracy_median"], **look, markevery=spread(len(curve)))
            panel.set_title(setting)
            in_percent(panel.yaxis)
        for row in panels:
            row[0].set_ylabel("test accuracy\n(median over members)")
        band = Patch(color="0.4", **BAND, label="5 % to 95 % point over members")
        worst = Line2D([], [], color="0.4", linewidth=0.6, label="worst member")
        epoch_axes(panels)
        legend(figure, style, by_start, band, worst)
    return figure
