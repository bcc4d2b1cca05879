"""Figures of a condition's laws: which law held-out members prefer, and what remains unexplained.

Every figure takes tidy tables and the study's `Style`.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from weightlaws.figures.graphs import beside_panel
from weightlaws.figures.style import (
    BAND,
    COLOURS,
    Look,
    Room,
    Style,
    canvas,
    epoch_axes,
    layer_headings,
    legend,
    only,
    require,
    sentence,
    spread,
    symmetric_log,
)
from weightlaws.figures.words import formula_words, law_words, layer_words
from weightlaws.inference.dead_outputs import ALL
from weightlaws.inference.intervals import student_interval
from weightlaws.invariants.catalogue import graph_of
from weightlaws.laws.names import BIPARTITE, DIAGONAL, ONE_SIDED

_STEPS: dict[str, Look] = {
    BIPARTITE: {"color": COLOURS[0], "linestyle": "-", "marker": "o"},
    DIAGONAL: {"color": COLOURS[1], "linestyle": "--", "marker": "s"},
    ONE_SIDED: {"color": COLOURS[2], "linestyle": "-.", "marker": "^"},
}
_SHOWN = 5  # deviations in a panel
_ACROSS = 3  # panels of deviations side by side
_GRAPH, _FORMULA = 1.5, 8.2  # widths of a graph's picture and of a formula, in ems
_BAR = 0.165  # height of a bar with the room around it, in inches


def laws(comparison: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw what each larger law gains on held-out members of one condition, by epoch.

    Reads ``layer, rows, columns, selection, n_members, epoch, law, than, gain`` and
    ``gain_standard_error`` of all members. A panel per layer that has members enough for a
    likelihood; the title names the others. The band is the 95 % interval of Student's t. The axis
    is in nats per member, linear between -0.1 and 0.1 and logarithmic beyond.
    """
    needed = ["layer", "rows", "columns", "law", "than", "gain", "gain_standard_error", "n_members"]
    require(comparison, "comparison", needed, selection=[ALL])
    whole = comparison[comparison["selection"] == ALL]
    table = whole.dropna(subset="gain")
    if few := [layer_words(each) for each in whole["layer"].unique() if each not in {*table.layer}]:
        title += f"; too few members to compare laws of {', '.join(few)}"
    if table.empty:
        return sentence(title, style)
    layers, room = layer_headings(table), Room(left=6.0)
    w = style.across(len(layers), room, columns=1 if len(layers) == 1 else 2)
    than = table.drop_duplicates("law").set_index("law")["than"]
    looks = {
        law: {**look, "label": f"{law_words(law)} over {than[law]}"}
        for law, look in _STEPS.items()
        if law in than
    }
    size = w, min(w, 1.8)
    with canvas(style, title, (1, len(layers)), size, room) as (figure, panels):
        for panel, (layer, heading) in zip(panels[0], layers.items(), strict=True):
            for law, part in table[table["layer"] == layer].groupby("law", sort=False):
                curve = part.set_index("epoch").sort_index()
                gain, members = curve["gain"], curve["n_members"]
                low, high = student_interval(gain, curve["gain_standard_error"], members)
                look = looks[str(law)]
                colour = look["color"]
                panel.fill_between(curve.index, low, high, color=colour, **BAND)
                if len(curve) == 1:  # a band has no width there
                    panel.errorbar(curve.index, gain, high - gain, color=colour, capsize=2)
                panel.plot(gain, **look, markevery=spread(len(curve)))
            panel.axhline(0, color="0.3", linewidth=1)
            symmetric_log(panel, linear=0.1)
            panel.set_title(heading)
        panels[0, 0].set_ylabel("gain per held-out member (nats)")
        epoch_axes(panels)
        legend(figure, style, looks, Patch(color="0.4", **BAND, label="95 % interval"))
    return figure


def largest_deviations(
    significance: pd.DataFrame, level: float, title: str, style: Style
) -> Figure:
    """Draw the largest significant deviations of one condition, each with its invariant's graph.

    Reads ``layer, selection, law, epoch, invariant, deviation_sd, low, high, p_adjusted,
    detectable`` of all members; significant is a ``p_adjusted`` up to the level. A panel for each
    layer and headline epoch where something deviates. The law of a layer is the one with its
    symmetry: the one-sided law where one was tested, else the bipartite law. A bar ends at the
    deviation, and a line spans its 95 % interval.
    """
    needed = ["layer", "law", "epoch", "invariant", "deviation_sd", "low", "high", "p_adjusted"]
    require(significance, "significance", [*needed, "detectable"], selection=[ALL])
    tests = significance[(significance["selection"] == ALL) & significance["p_adjusted"].notna()]
    by_layer = [_with_its_symmetry(part) for _, part in tests.groupby("layer", sort=False)]
    places = [place for mine in by_layer for place in mine.groupby(["layer", "epoch"], sort=False)]
    found = {place: part[part["p_adjusted"] <= level] for place, part in places}
    tested = {
        place: f"{law_words(only(part, 'law'))} law: {{}} of {len(part)} deviate"
        for place, part in places
    }
    title = f"{title}: what the law of each layer does not explain"
    if clear := [part["detectable"].median() for place, part in places if found[place].empty]:
        least = f"{np.nanmin(clear):.2g} to {np.nanmax(clear):.2g}"
        where = "elsewhere" if len(clear) < len(found) else "anywhere"
        title += f"; nothing deviates {where}, with a power of 80 % at {least} SD"
    found = {place: part for place, part in found.items() if len(part)}
    if not found:
        return sentence(title, style)
    beside = _GRAPH + _FORMULA
    room = Room(left=beside + 0.5, between=beside + 1)
    down = -(-len(found) // _ACROSS)
    shape, w = (down, _ACROSS), style.across(_ACROSS, room)
    # A row of panels is as high as its longest list of bars.
    counts = [min(len(part), _SHOWN) for part in found.values()]
    rows = [max(counts[k : k + _ACROSS]) for k in range(0, len(counts), _ACROSS)]
    size = w, [(n + 0.5) * _BAR * style.font_scale for n in rows]
    with canvas(style, title, shape, size, room, sharex=False, sharey=False) as (figure, panels):
        for panel in panels.flat[len(found) :]:
            panel.remove()
        for k, (panel, (place, part)) in enumerate(zip(panels.flat, found.items(), strict=False)):
            layer, epoch = place
            heading = tested[place].format(len(part))
            words = f"{layer_words(str(layer))}, epoch {epoch}\n{heading}"
            panel.set_title(words, fontsize="small", loc="right")
            _bars(panel, part, rows[k // _ACROSS], style.em)
            if k + _ACROSS >= len(found):  # nothing stands below
                panel.set_xlabel("SD over members")
    return figure


def _with_its_symmetry(tests: pd.DataFrame) -> pd.DataFrame:
    """Return the tests of the richest law that has the symmetry of a layer."""
    laws = tests["law"].unique()
    return tests[tests["law"] == (ONE_SIDED if ONE_SIDED in laws else BIPARTITE)]


def _bars(panel: Axes, found: pd.DataFrame, n: int, em: float) -> None:
    """Draw horizontal bars in n rows, the largest on top, each right of its graph and formula."""
    found = found.sort_values("deviation_sd", key=lambda values: -values.abs()).head(_SHOWN)
    panel.set(ylim=(n - 0.5, -0.5))
    panel.grid(visible=False, axis="y")
    panel.axvline(0, color="0.3", linewidth=1)
    # A quantity that is the same in all members has an infinite deviation, and no interval.
    ends = found[["deviation_sd", "low", "high"]].abs().to_numpy()
    longest = float(np.max(ends, where=np.isfinite(ends), initial=0.0)) or 1.0
    panel.set_xlim(-1.1 * longest, 1.1 * longest)
    panel.xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
    places, lengths = range(len(found)), found["deviation_sd"]
    panel.barh(
        places, lengths.clip(-2 * longest, 2 * longest), height=0.6, color=COLOURS[0], alpha=0.6
    )
    lengths = lengths.where(np.isfinite(lengths))
    reach = np.clip((lengths - found["low"], found["high"] - lengths), 0, None)
    panel.errorbar(lengths, places, xerr=reach, color="0.2", linestyle="", capsize=2)
    panel.set_yticks(places, [formula_words(name) for name in found["invariant"]], size="small")
    for y, name in zip(places, found["invariant"], strict=True):
        beside_panel(panel, graph_of(name), 1 - (y + 0.5) / n, _GRAPH * em, _FORMULA * em)
