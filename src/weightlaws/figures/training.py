"""The figure of training: how well networks learned."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from weightlaws.figures.style import (
    BAND,
    Style,
    architecture_of,
    canvas,
    epoch_axes,
    legend,
    looks_of,
    require,
    settings_of,
    spread,
)


def accuracy(learning_curves: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw the test accuracy of one architecture by epoch.

    Reads ``condition, epoch, accuracy_min, accuracy_q05, accuracy_median, accuracy_q95``. A panel
    per weight decay and output scale; line: median over members, band: 5 % to 95 % point, thin
    line: worst member.
    """
    looks = looks_of(conditions)
    needed = [f"accuracy_{part}" for part in ("min", "q05", "median", "q95")]
    require(learning_curves, "learning_curves", ["epoch", *needed], condition=looks)
    table = learning_curves.set_index(["condition", "epoch"]).sort_index()
    groups = conditions.groupby(settings_of(conditions), sort=False)["condition"]
    title, w = architecture_of(conditions), style.panel_width
    with canvas(style, title, (1, len(groups)), (1.2 * w, 0.75 * w)) as (figure, panels):
        for panel, (setting, names) in zip(panels[0], groups, strict=True):
            for name in names:
                curve, look = table.loc[name], looks[name]
                low, high = curve["accuracy_q05"], curve["accuracy_q95"]
                panel.fill_between(curve.index, low, high, color=look["color"], **BAND)
                panel.plot(curve["accuracy_min"], **look | {"linewidth": 0.6, "marker": ""})
                panel.plot(curve["accuracy_median"], **look, markevery=spread(len(curve)))
            panel.set_title(setting)
            panel.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
        panels[0, 0].set_ylabel("test accuracy (median over members)")
        band = Patch(color="0.4", **BAND, label="5 % to 95 % point over members")
        worst = Line2D([], [], color="0.4", linewidth=0.6, label="worst member")
        epoch_axes(panels)
        legend(figure, style, looks, band, worst)
    return figure
