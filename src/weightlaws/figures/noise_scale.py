"""The figure of laws by learning rate over batch size, the noise scale of gradient descent."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from weightlaws.figures.style import (
    BAND,
    DASHES,
    MARKERS,
    Look,
    Room,
    Style,
    canvas,
    layer_headings,
    legend,
    power_of_ten,
    require,
)

# The parameters of the bipartite law, and the labels of their columns.
_PARAMETERS = {
    "mean": "mean of the entries",
    "v_total": "variance of\nthe grand total",
    "v_rows": "variance of\nthe row sums",
    "v_columns": "variance of\nthe column sums",
    "v_rest": "variance of\nthe rest",
}
# Epochs of a line that have a marker. A line of no more epochs has bars there instead of a band.
_MARKED = 4


def noise_scale(parameters: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw the bipartite law of each condition against the time that gradient descent has run.

    Reads ``condition, layer, rows, columns, learning_rate, batch_size, noise_scale, epoch,
    parameter, value, low, high``. A row of panels per layer, a column per parameter. A line is a
    condition: its colour tells learning rate over batch size, its dashes and markers the batch
    size. Bands hold 95 % of the resampled values; a line of at most four epochs has bars instead.
    If learning rate over batch size is all that counts, lines of one colour lie on each other; if
    noise does not count either, all lines do.
    """
    needed = ["learning_rate", "batch_size", "noise_scale", "epoch", "value", "low", "high"]
    require(parameters, "noise_scale", needed, parameter=[*_PARAMETERS])
    table = parameters[parameters["epoch"] > 0].copy()
    # Equal ratios of floating-point numbers differ in their last digits.
    table["noise_scale"] = table["noise_scale"].map(lambda x: float(f"{x:.6g}"))
    table["time"] = table["epoch"] * table["noise_scale"]
    scales, batches = (np.unique(table[name]) for name in ("noise_scale", "batch_size"))
    shades = colormaps["viridis"](np.linspace(0, 0.9, len(scales)))
    colours = dict(zip(scales, shades, strict=True))
    of_batch: dict[int, Look] = {
        batch: {"linestyle": DASHES[k % len(DASHES)], "marker": MARKERS[k % len(MARKERS)]}
        for k, batch in enumerate(batches)
    }
    layers, room = layer_headings(table), Room(left=6.5, right=1.5, between=4.0)
    w = style.across(len(_PARAMETERS), room)
    title = f"{title}: laws by learning rate and batch size"
    shape, size = (len(layers), len(_PARAMETERS)), (w, 1.1)
    with canvas(style, title, shape, size, room, sharey=False) as (figure, panels):
        for row, layer in zip(panels, layers, strict=True):
            for panel, name in zip(row, _PARAMETERS, strict=True):
                part = table[(table["layer"] == layer) & (table["parameter"] == name)]
                for _, line in part.groupby("condition", sort=False):
                    scale, batch = line[["noise_scale", "batch_size"]].iloc[0]
                    _against_time(panel, line, of_batch[batch] | {"color": colours[scale]})
                panel.set_xscale("log")
                panel.xaxis.set_major_formatter(power_of_ten)
                panel.yaxis.set_major_locator(MaxNLocator(4))
            row[0].set_ylabel(layers[layer])
        for panel, heading in zip(panels[0], _PARAMETERS.values(), strict=True):
            panel.set_title(heading)
        for panel in panels[-1]:
            panel.set_xlabel("epochs ×\nlearning rate /\nbatch size")
        looks: dict[str, Look] = {
            f"scale {scale}": {"color": colours[scale], "label": f"rate / batch {scale:.2g}"}
            for scale in scales
        } | {
            f"batch {batch}": look | {"color": "0.3", "label": f"batches of {batch}"}
            for batch, look in of_batch.items()
        }
        legend(figure, style, looks)
    return figure


def _against_time(panel: Axes, line: pd.DataFrame, look: Look) -> None:
    """Draw one condition, its markers evenly spread on the logarithmic axis."""
    line = line.sort_values("time")
    places = np.unique(np.geomspace(1, len(line), _MARKED).round().astype(int)) - 1
    panel.plot(line["time"], line["value"], **look, linewidth=0.9, markersize=3, markevery=places)
    ends = line["time"], line["low"], line["high"]
    if len(line) > _MARKED:
        panel.fill_between(*ends, color=look["color"], **BAND)
    else:
        panel.vlines(*ends, color=look["color"], linewidth=0.7)
