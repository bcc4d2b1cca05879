"""Figures of the fitted 13-parameter law: its parameters, and how far it is from the ensembles.

Every figure takes tidy tables and the study's `Style`.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from weightlaws.figures.style import (
    COLOURS,
    Look,
    Room,
    Style,
    architecture_of,
    canvas,
    colour_bar,
    layer_headings,
    line_panels,
    looks_of,
    only,
    require,
    settings_of,
    spread,
    symmetric_log,
    vertical_label,
)
from weightlaws.invariants.graphs import PUBLISHED

# Rows of panels and their lines: invariants by number, with their names.
_FITTED = {
    kind: {number: PUBLISHED[number].name for number in numbers.split()}
    for kind, numbers in (
        ("linear", "I1 I2"),
        ("one entry or pair", "I3 I4 I11"),
        ("shared vertex", "I5 I6 I7 I8 I9"),
        ("nothing shared", "I10 I12 I13"),
    )
}
# Letters below the line are plain text: matplotlib's mathematics takes long. There is none for H.
_PARAMETERS = {
    "V₀ means": {"f1": "S₁", "f2": "S₂"},
    "V₀ covariance": {"f3": "S₁, S₁", "f4": "S₁, S₂", "f5": "S₂, S₂"},
    "$V_H$ variances": {"f6": "columns", "f9": "rows", "f11": "diagonal"},
    "$V_H$ covariances": {
        "f7": "columns, rows",
        "f8": "columns, diagonal",
        "f10": "rows, diagonal",
    },
    "V₂, V₃ variances": {"f12": "symmetric", "f13": "antisymmetric"},
}
_CUBIC = [f"I{k}" for k in range(14, 29)]
_QUARTIC = [f"I{k}" for k in range(29, 53)]
_HIGHER = _CUBIC + _QUARTIC
_SD_LIMITS = (0.01, 10.0)  # the same in all figures, so that conditions can be compared


def deviation_start(invariants: pd.DataFrame, style: Style) -> Figure:
    """Draw how far the 13 fitted invariants of one condition have left the initial law.

    Reads ``condition, layer, size, epoch, published, deviation_start``. A column of panels per
    layer, a row per kind of invariant. The axis counts standard errors of the initial law, linear
    below 1 so that it reaches 0 and logarithmic above. For one test at the 5 % level, a value under
    the grey line is no departure.
    """
    drawn = line_panels(invariants, "published", "deviation_start", _FITTED, style)
    with drawn as (figure, panels):
        for panel in panels.flat:
            symmetric_log(panel, linear=1)
            panel.autoscale(axis="y")  # so that the margin is one of this scale
            guide = panel.axhline(1.96, color="0.3", linewidth=1, zorder=1)
        for panel in panels[:, 0]:  # only now are all limits known
            panel.set_ylim(bottom=0)
        vertical_label(figure, "deviation from the start (standard errors of the initial law)")
        text = "1.96 standard errors: 5 % level for one test"
        figure.legend([guide], [text], loc="upper center")
    return figure


def deviation_sd(invariants: pd.DataFrame, style: Style) -> Figure:
    """Draw how far the 13-parameter law misses the 39 invariants that it was not fitted to.

    Reads ``condition, layer, size, epoch, published, deviation_sd`` of one condition. A heat map
    per layer, cubic above quartic invariants, a cell for each invariant and snapshot. The colour is
    logarithmic in SD over members, with the same limits in every figure. Values beyond them take
    the limit's colour, and missing ones stay white.
    """
    require(invariants, "invariants", ["deviation_sd"], published=_HIGHER)
    title, layers = only(invariants, "condition"), layer_headings(invariants)
    size = style.panel_width, 6.4 * style.font_scale  # rows as high as their labels
    with canvas(style, title, (1, len(layers)), size, Room(right=8)) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            table = invariants[invariants["layer"] == layer]
            table = table.dropna(subset="published")
            table = table.pivot(index="published", columns="epoch", values="deviation_sd")
            # The degrees are rows without values; 0 is clipped as it has no logarithm.
            table = table.reindex(["cubic", *_CUBIC, "quartic", *_QUARTIC]).clip(*_SD_LIMITS)
            image = panel.imshow(table, norm="log", interpolation="nearest")
            image.set_clim(*_SD_LIMITS)
            ticks = spread(table.shape[1])
            panel.set(title=heading, aspect="auto", xlabel="epoch (a column per snapshot)")
            panel.set_xticks(ticks, table.columns[ticks])
            panel.set_yticks(range(len(table)), table.index)
            panel.grid(visible=False)
        panels[0, 0].set_ylabel("invariant")
        label = "deviation of the law's prediction (SD over members)"
        colour_bar(panels[0, -1], image, label, style, extend="both", format="%g")
    return figure


def normalised_change(invariants: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw whether training brings the members of one architecture nearer to the fitted law.

    Reads ``condition, layer, size, epoch, published, deviation_sd``. With d = ``deviation_sd`` a
    bar is (d_last - d_0) / (d_last + d_0): -1 if the deviation vanished, 1 if it arose in training,
    0 also where d is 0 at both ends. A row of panels per layer, weight decay and output scale.
    """
    looks = looks_of(conditions)
    require(invariants, "invariants", ["deviation_sd"], condition=looks, epoch=[0])
    require(invariants, "invariants", [], published=_HIGHER)
    last = invariants["epoch"].max()
    if last == 0:
        raise ValueError("invariants: expected an epoch after 0, found [0]")
    d = invariants.dropna(subset="published").pivot(
        index=["condition", "layer", "published"], columns="epoch", values="deviation_sd"
    )
    total = d[last] + d[0]
    change = ((d[last] - d[0]) / total.where(total > 0)).mask(total == 0, 0.0)

    kinds = list(conditions["initialisation"].unique())
    bars: list[Look] = [
        {"facecolor": COLOURS[k], "hatch": "/////" * k, "edgecolor": "white", "linewidth": 0}
        for k in range(len(kinds))
    ]
    width = 0.84 / len(kinds)
    layers, settings = layer_headings(invariants), settings_of(conditions)
    rows = [(layer, setting) for layer in layers for setting in settings.unique()]
    title = f"{architecture_of(conditions)}: deviation at epoch {last} against epoch 0"
    w = style.panel_width
    room = Room(between=0, ticks=2.6)  # names of invariants stand upright
    with canvas(style, title, (len(rows), 1), (2.5 * w, 0.3 * w), room) as (figure, panels):
        for panel, (layer, setting) in zip(panels[:, 0], rows, strict=True):
            for row in conditions[settings == setting].itertuples():
                k = kinds.index(row.initialisation)
                x = np.arange(len(_HIGHER)) + width * (k - (len(kinds) - 1) / 2)
                panel.bar(x, change.loc[row.condition, layer][_HIGHER], width, **bars[k])
            panel.axhline(0, color="0.3", linewidth=0.8)
            panel.axvline(len(_CUBIC) - 0.5, color="0.3", linewidth=0.8, linestyle=":")
            panel.set_title(f"{layers[layer]}, {setting}", loc="left")
            panel.set(xlim=(-0.7, len(_HIGHER) - 0.3), ylim=(-1.05, 1.05))
            panel.grid(visible=False, axis="x")
        panel.set_xticks(range(len(_HIGHER)), _HIGHER, rotation=90)
        panel.set_xlabel("invariant (cubic left of the dotted line, quartic right)")
        vertical_label(figure, "normalised change")
        handles = [Patch(**bar) for bar in bars]
        figure.legend(handles, kinds, loc="upper center", ncols=len(kinds))
    return figure


def parameters(parameters: pd.DataFrame, style: Style) -> Figure:
    """Draw the 13 fitted parameters of one condition by epoch.

    Reads ``condition, layer, size, epoch, parameter, value``. A column of panels per layer, a row
    per block of the law: two means and eleven covariances. The panels of a row share their axis.
    """
    with line_panels(parameters, "parameter", "value", _PARAMETERS, style) as (figure, _):
        text = "fitted value (means in units of weight, all others in their square)"
        vertical_label(figure, text)
    return figure


def typicality(typicality: pd.DataFrame, style: Style) -> Figure:
    """Draw how much the members of one condition scatter, against what the fitted law predicts.

    Reads ``condition, layer, size, epoch, published, ratio``. A ratio is the standard deviation of
    an invariant over members, divided by the law's. Only invariants of degree 2 are drawn: in
    degree 1 the fit makes both agree.
    """
    quadratic = {kind: lines for kind, lines in _FITTED.items() if kind != "linear"}
    with line_panels(typicality, "published", "ratio", quadratic, style) as (figure, panels):
        for panel in panels.flat:
            panel.axhline(1, color="0.3", linewidth=1, zorder=1)
        vertical_label(figure, "SD over members, observed over predicted by the fitted law")
    return figure
