"""Figures of a study: from its tidy tables to SVG files that come out the same byte for byte.

Every figure takes tables and, as ``options``, the study's ``figures`` section: ``panel_width``, the
width of one panel in inches, and ``font_scale``, the relative size of all text. ``conditions``
always reads ``condition, dataset, hidden, initialisation, weight_decay, output_scale``, all of one
architecture.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from weightlaws.figures.style import (
    BAND,
    COLOURS,
    Options,
    architecture_of,
    canvas,
    explain,
    layer_headings,
    line_panels,
    looks_of,
    only,
    require,
    settings_of,
    spread,
)
from weightlaws.invariants.graphs import PUBLISHED

# A row of panels each, and its lines: an invariant's number and name, or a parameter's meaning.
_FITTED = {
    kind: {number: PUBLISHED[number].name for number in numbers.split()}
    for kind, numbers in (
        ("linear", "I1 I2"),
        ("one entry or pair", "I3 I4 I11"),
        ("shared vertex", "I5 I6 I7 I8 I9"),
        ("nothing shared", "I10 I12 I13"),
    )
}
_PARAMETERS = {
    "$V_0$ means": {"f1": "$S_1$", "f2": "$S_2$"},
    "$V_0$ covariance": {"f3": "$S_1$, $S_1$", "f4": "$S_1$, $S_2$", "f5": "$S_2$, $S_2$"},
    "$V_H$ variances": {"f6": "columns", "f9": "rows", "f11": "diagonal"},
    "$V_H$ covariances": {
        "f7": "columns, rows",
        "f8": "columns, diagonal",
        "f10": "rows, diagonal",
    },
    "$V_2$, $V_3$ variances": {"f12": "symmetric", "f13": "antisymmetric"},
}
_CUBIC = [f"I{k}" for k in range(14, 29)]
_QUARTIC = [f"I{k}" for k in range(29, 53)]
_HIGHER = _CUBIC + _QUARTIC
_SD_LIMITS = (0.01, 10.0)  # the same in all figures, so that conditions can be compared


def deviation_start(invariants: pd.DataFrame, options: Options) -> Figure:
    """Draw how far the 13 fitted invariants of one condition have left the initial law.

    Reads ``condition, layer, size, epoch, published, deviation_start``. A column of panels per
    layer, a row per kind of invariant. The axis counts standard errors of the initial law, linear
    below 1 so that it reaches 0 and logarithmic above; a value under the grey line is no departure
    for one test at the 5 % level.
    """
    with line_panels(invariants, "published", "deviation_start", _FITTED, options) as figure:
        for panel in figure.axes:
            panel.set_yscale("symlog", linthresh=1)
            panel.autoscale(axis="y")  # so that the margin is one of this scale
            guide = panel.axhline(1.96, color="0.3", linewidth=1, zorder=1)
        for panel in figure.axes:  # only now are all limits known
            panel.set_ylim(bottom=0)
        figure.supylabel("deviation from the start (standard errors of the initial law)")
        text = "1.96 standard errors: 5 % level for one test"
        figure.legend([guide], [text], loc="outside lower center")
    return figure


def deviation_sd(invariants: pd.DataFrame, options: Options) -> Figure:
    """Draw how far the 13-parameter law misses the 39 invariants of one condition it does not fit.

    Reads ``condition, layer, size, epoch, published, deviation_sd``. A heat map per layer, cubic
    above quartic invariants, a cell for each invariant and snapshot. The colour is logarithmic in
    SD over members, with the same limits in every figure; values beyond them take the limit's
    colour, and missing ones stay white.
    """
    require(invariants, "invariants", ["deviation_sd"], published=_HIGHER)
    title, layers = only(invariants, "condition"), layer_headings(invariants)
    size = options["panel_width"], 6.4 * options["font_scale"]  # rows as high as their labels
    with canvas(options, title, (1, len(layers)), size) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            table = invariants[invariants["layer"] == layer]
            table = table.dropna(subset="published")
            table = table.pivot(index="published", columns="epoch", values="deviation_sd")
            # The degrees are rows without values; 0 is clipped as it has no logarithm.
            table = table.reindex(["cubic", *_CUBIC, "quartic", *_QUARTIC]).clip(*_SD_LIMITS)
            image = panel.imshow(table, norm="log", cmap="viridis", interpolation="nearest")
            image.set_clim(*_SD_LIMITS)
            ticks = spread(table.shape[1])
            panel.set(title=heading, aspect="auto", xlabel="epoch (a column per snapshot)")
            panel.set_xticks(ticks, table.columns[ticks])
            panel.set_yticks(range(len(table)), table.index)
            panel.grid(visible=False)
        panels[0, 0].set_ylabel("invariant")
        label = "deviation of the law's prediction (SD over members)"
        figure.colorbar(
            image, ax=panels, label=label, extend="both", aspect=40, pad=0.01, format="%g"
        )
    return figure


def normalised_change(
    invariants: pd.DataFrame, conditions: pd.DataFrame, options: Options
) -> Figure:
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
    bars = [
        {"facecolor": COLOURS[k], "hatch": "/////" * k, "edgecolor": "white", "linewidth": 0}
        for k in range(len(kinds))
    ]
    width = 0.84 / len(kinds)
    layers, settings = layer_headings(invariants), settings_of(conditions)
    rows = [(layer, setting) for layer in layers for setting in settings.unique()]
    title = f"{architecture_of(conditions)}: deviation at epoch {last} against epoch 0"
    w = options["panel_width"]
    with canvas(options, title, (len(rows), 1), (2.6 * w, 0.42 * w)) as (figure, panels):
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
        figure.supylabel("normalised change")
        handles = [Patch(**bar) for bar in bars]
        figure.legend(handles, kinds, loc="outside lower center", ncols=len(kinds))
    return figure


def parameters(parameters: pd.DataFrame, options: Options) -> Figure:
    """Draw the 13 fitted parameters of one condition by epoch.

    Reads ``condition, layer, size, epoch, parameter, value``. A column of panels per layer, a row
    per block of the law: two means and eleven covariances. The panels of a row share their axis.
    """
    with line_panels(parameters, "parameter", "value", _PARAMETERS, options) as figure:
        figure.supylabel("fitted value (means in units of weight, all others in their square)")
    return figure


def typicality(typicality: pd.DataFrame, options: Options) -> Figure:
    """Draw how much the members of one condition scatter, against what the fitted law predicts.

    Reads ``condition, layer, size, epoch, published, ratio``: of the fitted invariants of degree 2
    the standard deviation over members over that of the law; those of degree 1 agree by the fit.
    """
    quadratic = {kind: lines for kind, lines in _FITTED.items() if kind != "linear"}
    with line_panels(typicality, "published", "ratio", quadratic, options) as figure:
        for panel in figure.axes:
            panel.axhline(1, color="0.3", linewidth=1, zorder=1)
        figure.supylabel("SD over members, observed over predicted by the fitted law")
    return figure


def wasserstein(distances: pd.DataFrame, conditions: pd.DataFrame, options: Options) -> Figure:
    """Draw how far the fitted laws of one architecture are from where they began, by epoch.

    Reads ``reference, condition, layer, size, epoch, w2, w2_floor_mean, w2_floor_95``. A column of
    panels per layer; the upper row measures from the initial law, the lower from the condition's
    own fit at epoch 0. The band rises from the mean of the noise floor (dotted) to its 95 % point:
    a distance no higher is what estimation from so many members gives without any movement.
    """
    looks, references = looks_of(conditions), ["initial law", "start"]
    needed = ["w2", "w2_floor_mean", "w2_floor_95"]
    require(distances, "distances", needed, condition=looks, reference=references)
    table = distances.set_index(["reference", "layer", "condition", "epoch"]).sort_index()
    layers = layer_headings(distances[distances["condition"].isin(looks)])
    title, w = architecture_of(conditions), options["panel_width"]
    with canvas(options, title, (2, len(layers)), (w, 0.75 * w)) as (figure, panels):
        for (row, column), panel in np.ndenumerate(panels):
            for name, look in looks.items():
                curve = table.xs((references[row], list(layers)[column], name))
                floor, top, colour = curve["w2_floor_mean"], curve["w2_floor_95"], look["color"]
                panel.fill_between(curve.index, floor, top, color=colour, **BAND)
                panel.plot(floor, color=colour, linestyle=":", linewidth=1)
                panel.plot(curve["w2"], **look, markevery=spread(len(curve)))
            panels[0, column].set_title(layers[list(layers)[column]])
            panels[row, 0].set_ylabel(f"$W_2$ to the {references[row]}\n(units of weight)")
        for panel in figure.axes:  # only now are all limits known
            panel.set_ylim(bottom=0)
        floor_line = Line2D([], [], color="0.4", linestyle=":", label="noise floor, mean")
        floor_band = Patch(color="0.4", **BAND, label="noise floor, mean to 95 % point")
        explain(figure, panels, looks, floor_line, floor_band)
    return figure


def accuracy(learning_curves: pd.DataFrame, conditions: pd.DataFrame, options: Options) -> Figure:
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
    title, w = architecture_of(conditions), options["panel_width"]
    with canvas(options, title, (1, len(groups)), (1.2 * w, 0.9 * w)) as (figure, panels):
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
        explain(figure, panels, looks, band, worst)
    return figure


def distance_matrix(distances: pd.DataFrame, conditions: pd.DataFrame, options: Options) -> Figure:
    """Draw the distances between the laws of one architecture's conditions at the last epoch.

    Reads ``reference, condition, layer, size, epoch, w2, w2_floor_95`` where the reference is a
    condition. A heat map per layer; a cell tells W2 and below it the noise floor's 95 % point.
    """
    looks = looks_of(conditions)
    if len(looks) < 2:
        raise ValueError(f"conditions: expected at least two to compare, found {list(looks)}")
    require(distances, "distances", ["w2", "w2_floor_95"], reference=list(looks)[:1])
    table = distances[distances["reference"].isin(looks) & distances["condition"].isin(looks)]
    last, layers = table["epoch"].max(), layer_headings(table)
    table = table[table["epoch"] == last]
    highest, title = table["w2"].max(), architecture_of(conditions)
    # A pair stands in the table once, so that one condition is no reference and one only that.
    rows, columns = (
        {name: look["label"].replace(", ", "\n") for name, look in looks.items() if name in names}
        for names in (set(table["reference"]), set(table["condition"]))
    )
    side = max(options["panel_width"], 0.7 * len(columns) * options["font_scale"])
    with canvas(options, title, (1, len(layers)), (side, 0.7 * side + 1)) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            cells = table[table["layer"] == layer].set_index(["reference", "condition"])
            grid = cells["w2"].unstack().reindex(index=rows, columns=columns)
            image = panel.imshow(grid, cmap="viridis", aspect="auto", vmin=0, vmax=highest)
            for (row, column), value in cells[["w2", "w2_floor_95"]].iterrows():
                place = grid.columns.get_loc(column), grid.index.get_loc(row)
                colour = "black" if value["w2"] > highest / 2 else "white"
                text = f"{value['w2']:.3g}\n(floor {value['w2_floor_95']:.2g})"
                panel.text(*place, text, ha="center", va="center", color=colour, size="small")
            panel.set_xticks(range(len(columns)), columns.values(), rotation=90)
            panel.set_yticks(range(len(rows)), rows.values())
            panel.set(title=heading, xlabel="condition")
            panel.grid(visible=False)
        panels[0, 0].set_ylabel("reference")
        label = f"$W_2$ at epoch {last} (units of weight)"
        figure.colorbar(image, ax=panels, label=label, pad=0.01)
    return figure
