"""The figure of spectra from rich to lazy training, by the scale of the networks' output."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from weightlaws.figures.spectra import (
    RANDOM_LOOK,
    null_band,
    reach,
    share_interval,
    without_copies,
)
from weightlaws.figures.style import (
    BAND,
    COLOURS,
    DASHES,
    MARKERS,
    Look,
    Room,
    Style,
    canvas,
    digits_only,
    in_percent,
    layer_headings,
    legend,
    require,
)
from weightlaws.figures.words import TOLD_BY, shared_words, start_words, words_apart

Table = pd.DataFrame


# The rows of `lazy_rich`: a statistic, or the accuracy, and its axis.
_BY_SCALE = {
    "distance_travelled": "distance\n|W − W₀|\nover |W₀|",
    "accuracy": "test\naccuracy",
    "learned_rank": "learned\nrank",
    "informative_vectors": "informative\nranks",
    "outliers_above": "outliers\nabove",
    "mean_ratio": "mean\nratio ⟨r⟩",
    "share_power_law": "tails called\na power law",
}


def lazy_rich(spectra: Table, conditions: Table, learning_curves: Table, style: Style) -> Figure:
    """Draw the effect of training on the weights of one architecture, by the scale of its output.

    Reads the columns `words.TOLD_BY` and ``members`` of the conditions, ``condition, epoch,
    accuracy_mean, accuracy_sd``, and the statistics that it draws, all at the last epoch. A column
    of panels per initialisation and recipe with output scales; the plain network, without one,
    stands on the left. Bars are 95 % intervals: Student's of means over members, Wilson's of shares
    of members.
    """
    require(conditions, "conditions", ["members", *TOLD_BY])
    # How networks are trained, but for the output scale.
    conditions = conditions.assign(setting=words_apart(conditions, but=("start", "scale")))
    kinds = ["initialisation", "setting"]
    scaled = conditions[conditions["output_scale"].notna()]
    if scaled.empty:
        raise ValueError("conditions: expected one with an output_scale at least, found none")
    scales = np.unique(scaled["output_scale"])
    shown = conditions.merge(scaled[kinds].drop_duplicates())
    ticks = {scale: f"{scale:g}" for scale in scales}
    if shown["output_scale"].isna().any():
        ticks = {scales[0] / 4: "plain"} | ticks
    shown["x"] = shown["output_scale"].fillna(scales[0] / 4)
    table = _by_scale(spectra, learning_curves, shown)
    headings = layer_headings(table[table["layer"] != "network"])
    headings = {"network": "network"} | {k: v.replace("\n", ", ") for k, v in headings.items()}
    looks: dict[str, Look] = {
        layer: {
            "color": COLOURS[k % 10],
            "linestyle": DASHES[k % len(DASHES)],
            "marker": MARKERS[k % len(MARKERS)],
            "label": heading,
        }
        for k, (layer, heading) in enumerate(headings.items())
    }
    groups = table.groupby(kinds, sort=False)
    shape, room = (len(_BY_SCALE), len(groups)), Room(left=7.5)
    w = style.across(len(groups), room, columns=1 if len(groups) == 1 else 2)
    with canvas(style, shared_words(shown), shape, (w, 0.75), room) as (figure, panels):
        for column, ((kind, trained), group) in zip(panels.T, groups, strict=True):
            for panel, name in zip(column, _BY_SCALE, strict=True):
                for layer, part in group[group["statistic"] == name].groupby("layer"):
                    _against_scale(panel, part, looks[str(layer)])
            if len(groups) > 1:
                column[0].set_title(", ".join(filter(None, (start_words(str(kind)), str(trained)))))
            panel.set(xscale="log", xlabel="output scale alpha")
            panel.set_xticks([*ticks], [*ticks.values()])
            panel.set_xticks([], minor=True)
        for panel, label in zip(panels[:, 0], _BY_SCALE.values(), strict=True):
            panel.set_ylabel(label)
        rows = dict(zip(_BY_SCALE, panels[:, 0], strict=True))
        rows["distance_travelled"].set_yscale("log")
        digits_only(rows["distance_travelled"].yaxis, 1, 2, 5)
        rows["share_power_law"].set_ylim(-0.05, 1.05)
        for name in ("accuracy", "share_power_law"):
            in_percent(rows[name].yaxis)
        band = Patch(**RANDOM_LOOK, label="95 % of random matrices, by layer")
        legend(figure, style, looks, band)
    return figure


def _by_scale(spectra: Table, learning_curves: Table, shown: Table) -> Table:
    """Join all that `lazy_rich` draws, at the last epoch of each layer."""
    names, kept = [name for name in _BY_SCALE if name != "accuracy"], shown["condition"]
    require(spectra, "spectra", ["rows", "columns"], condition=kept, statistic=names)
    needed = ["epoch", "accuracy_mean", "accuracy_sd"]
    require(learning_curves, "learning_curves", needed, condition=kept)
    members = learning_curves["condition"].map(shown.set_index("condition")["members"])
    # The deviation divides by the members, and not by one fewer.
    errors = learning_curves["accuracy_sd"] / np.sqrt((members - 1).where(members > 1))
    learned = learning_curves.assign(
        layer="network",
        statistic="accuracy",
        value=learning_curves["accuracy_mean"],
        standard_error=errors,
        members=members,
    )
    table = pd.concat([without_copies(spectra), learned], ignore_index=True)
    last = table.groupby(["condition", "layer"])["epoch"].transform("max")
    table = table[table["epoch"] == last].merge(shown.drop(columns="members"), on="condition")
    return table.sort_values("x", kind="stable")


def _against_scale(panel: Axes, part: Table, look: Look) -> None:
    """Draw a line, apart from it the plain network, and the null of the mean ratio."""
    plain, bare = part["output_scale"].isna(), look | {"linestyle": ""}
    for mine, how in ((part[plain], bare), (part[~plain], look)):
        panel.errorbar(mine["x"], mine["value"], _bars(mine), capsize=2, **how)
    if part["statistic"].iloc[0] == "mean_ratio":
        low, high = null_band(part)
        panel.fill_between(part["x"], low, high, color=look["color"], **BAND)
        for end in (low, high):
            panel.plot(part["x"], end, **look | {"marker": "", "linewidth": 0.6})


def _bars(part: Table) -> NDArray[np.float64]:
    """Return how far the intervals of one statistic reach below and above, (2, row)."""
    if not (part["statistic"] == "share_power_law").all():
        half = reach(part)
        return np.array([half, half])
    low, high = share_interval(part["value"], part["members"])
    return np.asarray(np.clip([part["value"] - low, high - part["value"]], 0, None))
