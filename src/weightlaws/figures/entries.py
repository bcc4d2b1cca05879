"""The figure of the weights themselves: how their entries are distributed, beside fitted laws."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator

from weightlaws.figures.style import (
    COLOURS,
    Look,
    Room,
    Style,
    canvas,
    layer_headings,
    legend,
    power_of_ten,
    require,
)
from weightlaws.laws.names import BIPARTITE, ONE_SIDED

_LAWS: dict[str, Look] = {
    BIPARTITE: {
        "color": COLOURS[3],
        "linestyle": "-",
        "label": "one entry of the i.i.d. and of the bipartite law: a normal",
    },
    ONE_SIDED: {
        "color": COLOURS[0],
        "linestyle": "--",
        "label": "one entry of the one-sided law: a normal for each label",
    },
}
_OBSERVED: Look = {"facecolor": "0.75", "edgecolor": "none", "linewidth": 0}
_BELOW_ALL = 1e-30  # stands for 0 on a logarithmic axis


def entries(table: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw the distribution of the entries of one condition's weights.

    Reads ``condition, layer, rows, columns, epoch, left, right, density, low, high, bipartite``
    and, of layers with a labelled side, ``one-sided``. A row of panels per layer, a column per
    epoch. Each has the density on a logarithmic axis, where tails are seen, and in the corner the
    same on a linear one. Bars are 95 % intervals by the bootstrap over members.
    """
    require(table, "entries", ["left", "right", "density", "low", "high", BIPARTITE])
    layers, epochs = layer_headings(table), sorted(table["epoch"].unique())
    laws = {law: look for law, look in _LAWS.items() if law in table and table[law].notna().any()}
    room = Room(left=5.0, between=0.8, right=1.2)
    w = style.across(len(epochs), room)
    sharing = {"sharex": "row", "sharey": "row"}
    shape, size = (len(layers), len(epochs)), (w, 0.73 * w)
    with canvas(style, title, shape, size, room, **sharing) as (figure, panels):
        for row, (layer, heading) in zip(panels, layers.items(), strict=True):
            mine = table[table["layer"] == layer]
            for panel, epoch in zip(row, epochs, strict=True):
                part = mine[mine["epoch"] == epoch]
                if part.empty:
                    panel.remove()
                else:
                    _panel(panel, part, laws, f"epoch {epoch}")
            row[0].set_title(heading, loc="left")
            row[0].set_ylabel("density")
            _limit(row[0], mine)
        for panel in panels[-1]:
            panel.set_xlabel("entry (units of weight)")
        share = Patch(**_OBSERVED, label="entries of all members, with 95 % bars")
        legend(figure, style, laws, share)
    return figure


def _panel(panel: Axes, part: pd.DataFrame, laws: dict[str, Look], epoch: str) -> None:
    """Draw one layer and epoch, on a logarithmic axis, and in the corner on a linear one."""
    panel.set_yscale("log")
    corner = panel.inset_axes((0.73, 0.61, 0.25, 0.36))
    corner.set(xticks=[], yticks=[])
    edges = np.append(part["left"], part["right"].iloc[-1])
    middle = (part["left"] + part["right"]) / 2
    for axes in (panel, corner):
        # One shape a histogram: a bar for each bin would make the file five times as large.
        axes.stairs(part["density"], edges, baseline=_BELOW_ALL, fill=True, **_OBSERVED)
        for law, look in laws.items():
            if part[law].notna().all():
                axes.plot(middle, part[law], **look)
    seen = (part["density"] > 0).to_numpy()
    # One line, with gaps between the bars.
    ends = np.stack([part["low"].clip(lower=_BELOW_ALL), part["high"], 0 * middle + np.nan], axis=1)
    panel.plot(np.repeat(middle[seen], 3), ends[seen].ravel(), color="0.2", linewidth=1)
    panel.text(0.03, 0.95, epoch, transform=panel.transAxes, va="top")
    panel.grid(visible=False, axis="x")


def _limit(panel: Axes, table: pd.DataFrame) -> None:
    """End the axis of a row a little below the least density that entries have."""
    seen = table["density"][table["density"] > 0]
    panel.set_ylim(seen.min() / 3, 12 * seen.max())  # the corner has room above
    panel.yaxis.set_major_locator(LogLocator(numticks=5))
    panel.yaxis.set_major_formatter(power_of_ten)
    panel.yaxis.minorticks_off()
    panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.set_xlim(*_ends(table))


def _ends(table: pd.DataFrame) -> tuple[float, float]:
    seen = table[table["density"] > 0]
    farthest = float(np.abs(seen[["left", "right"]].to_numpy()).max())
    return -1.05 * farthest, 1.05 * farthest
