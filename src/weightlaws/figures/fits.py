"""Figures of the fitted 13-parameter law: its parameters, and how far it is from the ensembles.

Every figure takes tidy tables and the study's `Style`.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from weightlaws.figures.style import (
    COLOURS,
    Look,
    Room,
    Style,
    canvas,
    colour_bar,
    hatch_cells,
    hatched,
    layer_headings,
    legend,
    line_panels,
    looks_of,
    require,
    settings_of,
    symmetric_log,
    vertical_label,
)
from weightlaws.figures.words import formula_words, shared_words, start_words
from weightlaws.invariants.graphs import PUBLISHED

# Rows of panels and their lines: invariants by number, with their formulas.
_FITTED = {
    kind: {number: formula_words(PUBLISHED[number].name) for number in numbers.split()}
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
_LABELS = {number: f"{formula_words(PUBLISHED[number].name)}  {number}" for number in _HIGHER}
_SD_LIMITS = (0.01, 10.0)  # the same in all figures, so that conditions can be compared
_TWO_SIDED = 1.96  # standard errors that 95 % of a normal variable's values lie within
_DOTS: Look = {"color": "0.15", "marker": "o", "markersize": 2, "linestyle": ""}
_ROW = 0.155  # height of a heat map's row, in inches: that of its label


def deviation_start(invariants: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw how far the 13 fitted invariants of one condition have left the initial law.

    Reads ``layer, size, epoch, published, deviation_start``. A column of panels per layer, a row
    per kind of invariant. The axis counts standard errors of the initial law, linear below 1 so
    that it reaches 0 and logarithmic above. For one test at the 5 % level, a value in the grey band
    is no departure.
    """
    fitted = "published", "deviation_start", _FITTED
    with line_panels(invariants, *fitted, title, style) as (figure, panels):
        for panel in panels.flat:
            symmetric_log(panel, linear=1)
            panel.autoscale(axis="y")  # so that the margin is one of this scale
            chance = panel.axhspan(0, _TWO_SIDED, color="0.5", alpha=0.25, linewidth=0, zorder=0)
        for panel in panels[:, 0]:  # only now are all limits known
            panel.set_ylim(bottom=0)
        vertical_label(figure, "deviation from the start (standard errors of the initial law)")
        text = "up to 1.96 standard errors: chance, at the 5 % level for one test"
        figure.legend([chance], [text], loc="upper center")
    return figure


def deviation_sd(invariants: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw how far the 13-parameter law misses the 39 invariants that it was not fitted to.

    Reads ``layer, size, epoch, published, deviation_sd, deviation_sd_standard_error, deviation_z``
    of one condition. A heat map per layer, cubic above quartic invariants, a cell for each
    invariant and snapshot; cells below 1.96 standard errors of the difference are hatched. The
    colour is logarithmic in SD over members, with the same limits in every figure. Values beyond
    them take the limit's colour, and missing ones stay white. Beside each map stand the deviations
    at the last epoch, with bars of 1.96 standard errors.
    """
    needed = ["deviation_sd", "deviation_sd_standard_error", "deviation_z"]
    require(invariants, "invariants", needed, published=_HIGHER)
    invariants = invariants[invariants["published"].isin(_HIGHER)]
    layers, rows = layer_headings(invariants), ["cubic", *_CUBIC, "quartic", *_QUARTIC]
    room = Room(left=10.5, right=7.5, between=0.8)
    w, height = style.across(2 * len(layers), room), len(rows) * _ROW * style.font_scale
    with canvas(style, title, (1, 2 * len(layers)), (w, height), room) as (figure, panels):
        pairs = zip(panels[0, ::2], panels[0, 1::2], layers.items(), strict=True)
        for panel, beside, (layer, heading) in pairs:
            mine = invariants[invariants["layer"] == layer]
            # The degrees are rows without values.
            deviation, error, z = (
                mine.pivot(index="published", columns="epoch", values=name).reindex(rows)
                for name in needed
            )
            # 0 is clipped as it has no logarithm.
            image = panel.imshow(deviation.clip(*_SD_LIMITS), norm="log", interpolation="nearest")
            image.set_clim(*_SD_LIMITS)
            hatch_cells(panel, (z < _TWO_SIDED).to_numpy())
            ticks = [0, deviation.shape[1] - 1]
            panel.set_title(heading, loc="left")
            panel.set(aspect="auto", xlabel="snapshot\nof epoch")
            panel.set_xticks(ticks, deviation.columns[ticks])
            for label, side in zip(panel.get_xticklabels(), ("left", "right"), strict=True):
                label.set_horizontalalignment(side)  # clear of the panels beside it
            panel.set_yticks(range(len(rows)), [_LABELS.get(row, row) for row in rows])
            panel.grid(visible=False)
            last, reach = deviation.iloc[:, -1], _TWO_SIDED * error.iloc[:, -1]
            beside.errorbar(last, range(len(rows)), xerr=reach, elinewidth=0.8, **_DOTS)
            beside.set(xlabel=f"SD at epoch\n{deviation.columns[-1]}")
            beside.axvline(0, color="0.3", linewidth=0.8)
            beside.xaxis.set_major_locator(MaxNLocator(2))
        label = "deviation of the law's prediction (SD over members)"
        colour_bar(panels[0, -1], image, label, style, extend="both", format="%g")
        bars = Line2D([], [], **_DOTS, label="last epoch, 1.96 standard errors on either side")
        legend(figure, style, {}, hatched("chance: below 1.96 standard errors"), bars)
    return figure


def normalised_change(invariants: pd.DataFrame, conditions: pd.DataFrame, style: Style) -> Figure:
    """Draw whether training brings the members of one architecture nearer to the fitted law.

    Reads ``condition, layer, size, epoch, published, deviation_sd, deviation_sd_standard_error``.
    With d = ``deviation_sd`` a point is (d_last - d_0) / (d_last + d_0): -1 if the deviation
    vanished, 1 if it arose in training, 0 also where d is 0 at both ends. Bars are 1.96 standard
    errors, those of both ends together as if they were independent; a hollow point's bar reaches 0.
    A row of panels per layer and of what else tells conditions apart but their start.
    """
    looks = looks_of(conditions)
    require(
        invariants,
        "invariants",
        ["deviation_sd", "deviation_sd_standard_error"],
        condition=looks,
        epoch=[0],
    )
    require(invariants, "invariants", [], published=_HIGHER)
    last = invariants["epoch"].max()
    if last == 0:
        raise ValueError("invariants: expected an epoch after 0, found [0]")
    change, reach = _change(invariants, last)
    kinds = list(conditions["initialisation"].unique())
    dots: list[Look] = [
        {"color": COLOURS[k], "marker": "os^Dv"[k % 5], "linestyle": "", "label": start_words(kind)}
        for k, kind in enumerate(kinds)
    ]
    layers, settings = layer_headings(invariants), settings_of(conditions)
    rows = [(layer, setting) for layer in layers for setting in settings.unique()]
    title = f"{shared_words(conditions)}: deviation at epoch {last} against epoch 0"
    room = Room(left=5.5, between=0, ticks=9.5)  # names of invariants stand upright
    w = style.across(1, room)
    with canvas(style, title, (len(rows), 1), (w, 0.13 * w), room) as (figure, panels):
        for panel, (layer, setting) in zip(panels[:, 0], rows, strict=True):
            for row in conditions[settings == setting].itertuples():
                k = kinds.index(row.initialisation)
                x = np.arange(len(_HIGHER)) + 0.3 * (k - (len(kinds) - 1) / 2)
                y, error = (table.loc[row.condition, layer][_HIGHER] for table in (change, reach))
                low, high = (y - error).clip(lower=-1), (y + error).clip(upper=1)
                for sure, face in ((True, dots[k]["color"]), (False, "white")):
                    some = ((y.abs() > error) == sure).to_numpy()
                    ends = x[some], low[some], high[some]
                    panel.vlines(*ends, color=dots[k]["color"], alpha=1 if sure else 0.3)
                    panel.plot(x[some], y[some], **dots[k], markerfacecolor=face)
            panel.axhline(0, color="0.3", linewidth=0.8)
            panel.axvline(len(_CUBIC) - 0.5, color="0.3", linewidth=0.8, linestyle=":")
            heading = layers[layer].replace("\n", ", ")
            panel.set_title(": ".join(filter(None, (heading, setting))), loc="left")
            panel.set(xlim=(-0.7, len(_HIGHER) - 0.3), ylim=(-1.15, 1.15))
            panel.grid(visible=False, axis="x")
        panel.set_xticks(range(len(_HIGHER)), [_LABELS[name] for name in _HIGHER], rotation=90)
        panel.set_xlabel("invariant (cubic left of the dotted line, quartic right)")
        vertical_label(figure, "normalised change")
        hollow = Line2D([], [], color="0.4", marker="o", linestyle="", markerfacecolor="white")
        hollow.set_label("its bar reaches 0: no more than chance")
        legend(figure, style, dict(zip(kinds, dots, strict=True)), hollow)
    return figure


def _change(invariants: pd.DataFrame, last: int) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return each normalised change, and 1.96 of its standard errors."""
    published = invariants.dropna(subset="published")
    index = ["condition", "layer", "published"]
    d, error = (
        published.pivot(index=index, columns="epoch", values=name)
        for name in ("deviation_sd", "deviation_sd_standard_error")
    )
    total = (d[last] + d[0]).where(lambda values: values > 0)
    change = (d[last] - d[0]) / total
    # The derivatives by d_last and d_0 are 2 d_0 and -2 d_last over the square of the sum.
    variance = (d[0] * error[last]) ** 2 + (d[last] * error[0]) ** 2
    reach = _TWO_SIDED * 2 * variance**0.5 / total**2
    return change.mask(total.isna() & d[last].notna() & d[0].notna(), 0.0), reach


def parameters(parameters: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw the 13 fitted parameters of one condition by epoch, with bands that hold 95 %.

    Reads ``layer, size, epoch, parameter, value, low, high``. A column of panels per layer, a row
    per block of the law: two means and eleven covariances. The panels of a row share their axis.
    """
    require(parameters, "parameters", ["low", "high"])
    lines = "parameter", "value", _PARAMETERS
    with line_panels(parameters, *lines, title, style) as (figure, _):
        text = "fitted value (means in units of weight, all others in their square)"
        vertical_label(figure, text)
    return figure


def typicality(typicality: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw how much the members of one condition scatter, against what the fitted law predicts.

    Reads ``layer, size, epoch, published, ratio, low, high``. A ratio is the standard deviation of
    an invariant over members, divided by the law's; bands hold 95 %. Only invariants of degree 2
    are drawn: in degree 1 the fit makes both agree.
    """
    require(typicality, "typicality", ["low", "high"])
    quadratic = {kind: lines for kind, lines in _FITTED.items() if kind != "linear"}
    lines = "published", "ratio", quadratic
    with line_panels(typicality, *lines, title, style) as (figure, panels):
        for panel in panels.flat:
            panel.axhline(1, color="0.3", linewidth=1, zorder=1)
        vertical_label(figure, "SD over members, observed over predicted by the fitted law")
    return figure
