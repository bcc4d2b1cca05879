"""Figures of spectra: how singular values and vectors differ from a random matrix's.

Every figure takes the study's `Style` and the tables of one condition, as
`spectra_job.condition_tables` makes them. A layer has a stack of panels, of its first and last
analysed epoch.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from weightlaws.figures.style import (
    BAND,
    COLOURS,
    Look,
    Room,
    Style,
    canvas,
    digits_only,
    epoch_axes,
    in_percent,
    layer_headings,
    legend,
    only,
    power_of_ten,
    require,
    sentence,
    spread,
)
from weightlaws.figures.words import layer_words
from weightlaws.inference.intervals import student_quantile, wilson_interval
from weightlaws.spectra import levels

Table = pd.DataFrame

_ACROSS = 4  # layers side by side
_ROOM = Room(left=6.4, between=4.2)
_LETTER = 0.46  # width of a letter of a note, in ems of its own
_FEW = "too few values"  # the verdict on a tail
_NORMAL = 1.96  # standard deviations that 95 % of a normal variable lie within
_MANY = 50  # ranks, beyond which their axis is logarithmic

_FIRST: Look = {"color": COLOURS[1], "linestyle": "--", "marker": "s"}
_LAST: Look = {"color": COLOURS[0], "linestyle": "-", "marker": "o"}
_RATIO: Look = {"color": COLOURS[2], "linestyle": "-.", "marker": "D"}
_LEFT: Look = {"color": COLOURS[2], "linestyle": "", "marker": "o", "label": "left vectors"}
_RIGHT: Look = {"color": COLOURS[4], "linestyle": "", "marker": "^", "label": "right vectors"}
_HOLLOW: Look = {"color": "0.3", "linestyle": "", "marker": "o", "markerfacecolor": "none"}
_VALUES: Look = {"color": COLOURS[0], "alpha": 0.4, "linewidth": 0}
_INTERVAL: Look = {"color": COLOURS[0], "linewidth": 0.8, "alpha": 0.7}
_OUTLIERS: Look = {"color": COLOURS[3], "linewidth": 0.9}
_LAW: Look = {"color": "0.15", "linestyle": "-", "linewidth": 1.2}
_PLATEAU: Look = {"linewidth": 5, "alpha": 0.5, "solid_capstyle": "butt"}
_POISSON: Look = {"color": "0.15", "linestyle": ":", "linewidth": 1.2}
_LEARNED: Look = {"linewidth": 2.5, "alpha": 0.35, "drawstyle": "steps-mid"}
RANDOM_LOOK: Look = {"color": "0.4", **BAND}


def singular_values(curves: Table, spectra: Table, title: str, style: Style) -> Figure:
    """Draw the singular values of one condition, the law of their bulk, and the outliers.

    Reads the curves ``density`` and ``outlier`` and the statistics ``outliers_above``,
    ``bulk_distance``, ``upper_edge``, ``edge_scale`` and ``threshold``. A panel per layer and
    epoch. Bars are 95 % intervals over members. The law stands where the bulk is no further from it
    than a random matrix's is in 97.5 % of cases; without it there is no edge that outliers could be
    beyond.
    """
    require(curves, "curves", ["x", "y", "low", "high", "theory"], curve=["density"])
    edge = ["upper_edge", "edge_scale", "threshold"]
    numbers = _numbers(spectra, "outliers_above", "bulk_distance", *edge)
    with _stacks(curves, [0.36] * _n_ends(curves), title, style) as (figure, stacks):
        for layer, part, stack in stacks:
            panels = _by_epoch(stack, part)
            for panel, epoch, _ in panels:
                at = (numbers[layer, epoch, name]["value"] for name in edge)
                fits = _fits(numbers[layer, epoch, "bulk_distance"])
                _histogram(panel, part[part["epoch"] == epoch], fits, *at)
                found = _measured(numbers[layer, epoch, "outliers_above"])
                said = f"outliers {found}" if fits else "no random bulk fits"
                _note(panel, f"epoch {epoch}: {said}")
            lefts, rights = zip(*(panel.get_xlim() for panel, *_ in panels), strict=True)
            for panel, *_ in panels:
                panel.set_xlim(min(lefts), max(rights))
            panel.set_xlabel("singular value")
        handles = [
            Patch(**_VALUES, label="singular values of all members"),
            Line2D([], [], **_INTERVAL, linestyle="", marker="|", label="95 % over members"),
            Line2D([], [], **_LAW, label="Marchenko-Pastur law of the bulk"),
            Patch(**RANDOM_LOOK, label="its upper edge ± fluctuation scale"),
            Line2D([], [], **_OUTLIERS, linestyle="--", label="threshold of outliers, mean"),
            Line2D([], [], **_OUTLIERS, linestyle="", marker="|", label="outliers of all members"),
        ]
        legend(figure, style, {}, *handles)
    return figure


def _fits(bulk_distance: Mapping[Any, Any]) -> bool:
    """Whether the bulk is no further from its law than a random matrix's; unknown is not."""
    value, centre, sd = (bulk_distance[name] for name in ("value", "null_mean", "null_sd"))
    return bool(value <= centre + _NORMAL * sd)


def _histogram(
    panel: Axes, points: Table, fits: bool, edge: float, scale: float, threshold: float
) -> None:
    density, outliers = (points[points["curve"] == name] for name in ("density", "outlier"))
    x, y, theory = density["x"], density["y"], density["theory"]
    panel.fill_between(x, y, step="mid", **_VALUES)
    sure = density[density["high"] > 0]  # there is no interval of a single member
    if len(sure):
        panel.vlines(sure["x"], sure["low"], sure["high"], **_INTERVAL)
    shown = x[y > 0]
    right = shown.max()
    if fits and np.isfinite(edge):
        panel.plot(x, theory, **_LAW)
        panel.axvspan(edge - scale, edge + scale, **RANDOM_LOOK)
        panel.axvline(threshold, **_OUTLIERS, linestyle="--")
        places = panel.get_xaxis_transform()
        ticks = panel.vlines(outliers["x"], 0.91, 0.99, **_OUTLIERS, transform=places)
        ticks.set_rasterized(len(outliers) > _MANY)
        shown = x[(y > 0) | (theory > 0)]
        right = np.nanmax([shown.max(), threshold])
    left = shown.min()
    margin = 0.03 * (right - left) + x.diff().max()
    panel.set(xlim=(left - margin, right + margin), ylabel="share per unit")
    top = np.nanmax([y, density["high"].fillna(0), theory if fits else y])
    panel.set_ylim(0, 1.25 * top)  # room for the outliers


def level_statistics(curves: Table, spectra: Table, title: str, style: Style) -> Figure:
    """Draw how the singular values in the bulk of one condition repel each other.

    Reads the curves ``spacing`` and ``number_variance`` and the statistics ``mean_ratio`` and
    ``brody``. The mean ratio by epoch stands on top; below are spacings and number variance, if any
    layer has levels enough to unfold.
    """
    needed = ["x", "y", "low", "high", "theory"]
    require(curves, "curves", needed, curve=["spacing", "number_variance"])
    numbers = _numbers(spectra, "mean_ratio", "brody")
    unfolded = set(curves[(curves["curve"] == "spacing") & curves["y"].notna()]["layer"])
    with _stacks(curves, [0.32] * 3 if unfolded else [0.4], title, style) as (figure, stacks):
        for layer, part, (top, *others) in stacks:
            _mean_ratio(top, spectra[spectra["layer"] == layer])
            ends = [epoch for epoch, _ in _ends(part)]
            ratio = _measured(numbers[layer, ends[-1], "mean_ratio"])
            _note(top, f"epoch {ends[-1]}: mean ratio {ratio}")
            for panel, name in zip(others, ("spacing", "number_variance"), strict=False):
                if layer in unfolded:
                    _unfolded(panel, part[part["curve"] == name], name == "spacing")
                else:
                    panel.remove()
            for epoch in ends if layer in unfolded else []:
                found = _measured(numbers[layer, epoch, "brody"])
                _note(others[0], f"epoch {epoch}: Brody {found}")
        handles = [
            Line2D([], [], **_RATIO, label="mean ratio, with its 95 % interval"),
            Patch(**RANDOM_LOOK, label="95 % of random matrices"),
            Line2D([], [], **_LAW, label="random levels (GOE)"),
            Line2D([], [], **_POISSON, label="unrelated levels (Poisson)"),
        ]
        tops = np.array([[panels[0] for *_, panels in stacks]], dtype=np.object_)
        epoch_axes(tops)
        legend(figure, style, _looks(curves) if unfolded else {}, *handles)
        if _n_ends(curves) == 1:
            for top in tops[0]:
                top.set_xticks([ends[0]])
    return figure


def _mean_ratio(panel: Axes, spectra: Table) -> None:
    ratios = spectra[spectra["statistic"] == "mean_ratio"].sort_values("epoch")
    low, high = null_band(ratios)
    # Of the last epoch: others differ a little where other numbers of values are left out.
    panel.axhspan(low.iloc[-1], high.iloc[-1], **RANDOM_LOOK)
    panel.axhline(levels.GOE_MEAN_RATIO, **_LAW)
    panel.axhline(levels.POISSON_MEAN_RATIO, **_POISSON)
    panel.errorbar(ratios["epoch"], ratios["value"], reach(ratios), capsize=2, **_RATIO)
    panel.set_ylabel("mean ratio ⟨r⟩")


def _unfolded(panel: Axes, part: Table, spacing: bool) -> None:
    """Draw one layer's spacings or number variance, with the last epoch's guides."""
    steps: Look = {"marker": "", "drawstyle": "steps-mid"} if spacing else {}
    for epoch, look in _ends(part):
        points = part[part["epoch"] == epoch]
        panel.plot(points["x"], points["y"], **look | steps)
    x, low, high = points["x"], points["low"].clip(lower=0), points["high"]
    panel.fill_between(x, low, high, step="mid" if spacing else None, **RANDOM_LOOK)
    panel.plot(x, points["theory"], **_LAW)
    panel.plot(x, levels.poisson_spacing(x) if spacing else x, **_POISSON)
    if spacing:
        panel.set(xlabel="spacing\n(mean spacings)", ylabel="density", ylim=(0, None))
        return
    panel.set(xlabel="window length\n(mean spacings)", ylabel="number variance", yscale="log")
    digits_only(panel.yaxis, 1, 2, 5)


def singular_vectors(ranks: Table, spectra: Table, title: str, style: Style) -> Figure:
    """Draw which ranks of one condition are more than scale, and whose vectors stand out.

    Reads ``rank, members, p_left, p_right, informative, learned`` and the statistics
    ``learned_rank`` and ``informative_vectors``. A panel of p-values per layer and epoch; the
    lowest panel shows the shares of members in which a rank is learned and in which it is
    informative, this one with a band that holds 95 % (Wilson's interval).
    """
    require(ranks, "ranks", ["rank", "members", "p_left", "p_right", "informative", "learned"])
    numbers = _numbers(spectra, "learned_rank", "informative_vectors")
    with _stacks(ranks, [0.4] * _n_ends(ranks) + [0.28], title, style) as (figure, stacks):
        for layer, part, (*stack, lowest) in stacks:
            for panel, epoch, look in _by_epoch(stack, part):
                points = part[part["epoch"] == epoch]
                _p_values(panel, points)
                learned = _measured(numbers[layer, epoch, "learned_rank"])
                found, n = _measured(numbers[layer, epoch, "informative_vectors"]), len(points)
                _note(panel, f"epoch {epoch}: learned rank {learned}, {found} informative")
                ends = share_interval(points["informative"], points["members"])
                lowest.fill_between(points["rank"], *ends, color=look["color"], **BAND)
                lowest.plot(points["rank"], points["informative"], **look, markevery=spread(n))
                lowest.plot(points["rank"], points["learned"], color=look["color"], **_LEARNED)
            lowest.set(xlabel="rank", ylabel="share of\nmembers", ylim=(-0.05, 1.05))
            in_percent(lowest.yaxis)
            _number_axis(lowest, part["rank"])
        few = Line2D([], [], **_HOLLOW, label="hollow: informative in less than half the members")
        learned_look = Line2D([], [], color="0.3", **_LEARNED, label="learned rank reaches it")
        band = Patch(**RANDOM_LOOK, label="95 % interval of the share that is informative")
        sides = {"left": _LEFT, "right": _RIGHT}
        legend(figure, style, sides | _looks(ranks), few, learned_look, band)
    return figure


def _p_values(panel: Axes, points: Table) -> None:
    """Draw p-values by rank, as pixels if they are many."""
    often, all_p = points["informative"] >= 0.5, points[["p_left", "p_right"]].to_numpy()
    pixels: Look = {"rasterized": True, "markersize": 2} if len(points) > 10 * _MANY else {}
    for side, look in (("p_left", _LEFT), ("p_right", _RIGHT)):
        for mine, face in ((points[~often], "none"), (points[often], look["color"])):
            panel.plot(mine["rank"], mine[side], **look | pixels, mfc=face)
    least = np.fmin.reduce(all_p, axis=None, initial=0.05)
    panel.set(yscale="log", ylim=(least / 2, 2), ylabel="p-value")
    panel.yaxis.set_major_formatter(power_of_ten)
    panel.yaxis.set_minor_locator(NullLocator())
    _number_axis(panel, points["rank"])


def hill(curves: Table, spectra: Table, title: str, style: Style) -> Figure:
    """Draw the Hill plot of one condition's singular values, and the verdict on their tail.

    Reads the curves ``hill`` and ``plateau``, the statistic ``tail_exponent`` with its ``verdict``,
    and the shares of members that have it and a ``hill_plateau``. A panel per layer with values
    enough for a verdict; the title names the others. An exponent is told only where
    all members have a power law.
    """
    require(curves, "curves", ["x", "y", "low", "high"], curve=["hill"])
    require(spectra, "spectra", ["verdict"])
    numbers = _numbers(spectra, "tail_exponent", "hill_plateau")
    few = [
        layer
        for layer, part in curves.groupby("layer", sort=False)
        if {numbers[layer, epoch, "tail_exponent"]["verdict"] for epoch, _ in _ends(part)} == {_FEW}
    ]
    if few:
        title += f"; too few values to tell of a tail: {', '.join(map(layer_words, map(str, few)))}"
        curves = curves[~curves["layer"].isin(few)]
    if curves.empty:
        return sentence(title, style)
    with _stacks(curves, [0.5], title, style) as (figure, stacks):
        for layer, part, (panel,) in stacks:
            points = part[part["curve"] == "hill"]
            for epoch, look in _ends(part):
                _hill_line(panel, part[part["epoch"] == epoch], look)
                tail = numbers[layer, epoch, "tail_exponent"]
                share = numbers[layer, epoch, f"share_{tail['verdict'].replace(' ', '_')}"]
                found = numbers[layer, epoch, "hill_plateau"]["value"]
                text = f"epoch {epoch}: {_verdict(tail, share['value'])}"
                if not np.isnan(found):
                    text += f"; plateau in {found * tail['members']:.0f} of {tail['members']}"
                _note(panel, text)
            _hill_axes(panel, points)
        band = Patch(**RANDOM_LOOK, label="95 % interval of the mean over members")
        plateau = Line2D([], [], color="0.4", **_PLATEAU, label="plateau, mean of members with one")
        legend(figure, style, _looks(curves), band, plateau)
    return figure


def _hill_line(panel: Axes, curves: Table, look: Look) -> None:
    """Draw one epoch of one layer, with its plateau."""
    at, level = (curves[curves["curve"] == name] for name in ("hill", "plateau"))
    panel.fill_between(at["x"], at["low"], at["high"], color=look["color"], **BAND)
    panel.plot(at["x"], at["y"], **look, markevery=spread(len(at)))
    panel.plot(level["x"], level["y"], color=look["color"], **_PLATEAU)


def _hill_axes(panel: Axes, points: Table) -> None:
    panel.set(xlabel="number k of largest values", ylabel="Hill estimate γₖ")
    y = points["y"][points["y"] > 0]
    if len(y):  # bands can reach below 0
        panel.set(yscale="log", ylim=(y.min() / 1.5, y.max() * 1.5))
        digits_only(panel.yaxis, 1, 2, 5)
    _number_axis(panel, points["x"])


def _verdict(tail: Mapping[Any, Any], share: float) -> str:
    verdict, n = str(tail["verdict"]), tail["members"]
    if share < 1:
        return f"{verdict} ({round(share * n)} of {n} members)"
    return f"{verdict}, exponent {_measured(tail)}" if verdict == "power law" else verdict


def one_layer(tables: Mapping[str, Table], style: Style) -> Figure:
    """Draw what there is to see of one matrix: its singular values, their levels, vectors and tail.

    Parameters
    ----------
    tables
        The ``statistics``, ``ranks`` and ``curves`` of a single layer of a single network.
    style
        The look.
    """
    curves, ranks = tables["curves"], tables["ranks"]
    spacings, hills = (curves[curves["curve"] == name] for name in ("spacing", "hill"))
    numbers = {name: found for (_, _, name), found in _numbers(tables["statistics"]).items()}
    (heading,) = layer_headings(curves).values()
    own_axes, room = {"sharex": False, "sharey": False}, Room(left=7, between=7)
    w, heading = style.across(2, room), heading.replace("\n", ", ")
    with canvas(style, heading, (2, 2), (w, 0.42 * w), room, **own_axes) as (figure, panels):
        density, spacing, vectors, tail = panels.flat
        edge = (numbers[name]["value"] for name in ("upper_edge", "edge_scale", "threshold"))
        fits = _fits(numbers["bulk_distance"])
        _histogram(density, curves, fits, *edge)
        density.set_xlabel("singular value")
        _note(density, f"outliers {_alone(numbers['outliers_above'])}")
        if spacings["y"].notna().any():
            _unfolded(spacing, spacings, True)
        else:
            spacing.remove()
        levels_panel = spacing if spacing.get_figure() else density
        _note(levels_panel, f"mean ratio {_measured(numbers['mean_ratio'])}")
        if spacing.get_figure():
            _note(spacing, f"Brody parameter {_measured(numbers['brody'])}")
        _p_values(vectors, ranks)
        vectors.set_xlabel("rank")
        learned = numbers["learned_rank"]["value"]
        if learned > 0:
            vectors.axvspan(0.5, learned + 0.5, **_VALUES | {"color": COLOURS[1]})
        informative = _alone(numbers["informative_vectors"])
        _note(vectors, f"learned rank {_alone(numbers['learned_rank'])}, {informative} informative")
        _hill_line(tail, curves, _LAST)
        _hill_axes(tail, hills)
        _note(tail, f"tail: {_verdict(numbers['tail_exponent'], 1.0)}")
        handles = [
            Patch(**_VALUES, label="singular values"),
            Line2D([], [], **_LAW, label="random: Marchenko-Pastur law; Wigner's spacings"),
            Patch(**RANDOM_LOOK, label="edge ± fluctuation scale; 95 % of random; 95 % interval"),
            Line2D([], [], **_OUTLIERS, linestyle="--", label="threshold of outliers"),
            Line2D([], [], **_OUTLIERS, linestyle="", marker="|", label="outliers"),
            Line2D([], [], **_POISSON, label="unrelated levels (Poisson)"),
            Patch(**_VALUES | {"color": COLOURS[1]}, label="learned rank"),
        ]
        legend(figure, style, {"left": _LEFT, "right": _RIGHT}, *handles)
    return figure


def _numbers(spectra: Table, *statistics: str) -> Mapping[Any, Mapping[Any, Any]]:
    """Return the measured values, with their Gaussian null, by layer, epoch and statistic."""
    index = ["layer", "epoch", "statistic"]
    needed = ["value", "standard_error", "null", "null_mean", "null_sd", "members", *index]
    require(spectra, "spectra", needed, statistic=statistics)
    return without_copies(spectra).set_index(index).to_dict("index")


def without_copies(spectra: Table) -> Table:
    """Leave out the rows that compare a value with copies of its matrix: one a statistic stays."""
    return spectra[~spectra["null"].isin(["permuted", "sign-flipped"])]


def null_band(rows: Table) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the limits that hold 95 % of the means over as many random matrices."""
    half = _NORMAL * rows["null_sd"] / np.sqrt(rows["members"])
    return rows["null_mean"] - half, rows["null_mean"] + half


def reach(rows: Table) -> NDArray[np.float64]:
    """How far the 95 % intervals of means over members reach, (row,).

    Of a single member it is that of its ``standard_error``, which other matrices have told.
    """
    members = rows["members"].to_numpy()
    width = np.where(members > 1, student_quantile(np.maximum(members, 2)), _NORMAL)
    return np.asarray(width * rows["standard_error"].to_numpy())


def share_interval(
    shares: "pd.Series[float]", members: "pd.Series[int]"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends (row,) of the 95 % intervals of shares of the members."""
    counts = [*zip((shares * members).round().astype(int), members.astype(int), strict=True)]
    ends = {count: wilson_interval(*count) for count in set(counts)}
    low, high = np.array([ends[count] for count in counts]).reshape(-1, 2).T
    return low, high


def _measured(found: Mapping[Any, Any]) -> str:
    """Write a value with the reach of its 95 % interval and the mean of its null, if it has them.

    Where all members agree there is no interval.
    """
    value, random = (found[name] for name in ("value", "null_mean"))
    if np.isnan(value):
        return "unknown"
    (half,) = reach(pd.DataFrame([found]))
    text = f"{value:.3g}\u00a0±\u00a0{half:.1g}" if half > 0 else f"{value:.3g}"
    return text if np.isnan(random) else f"{text} (random:\u00a0{random:.2g})"


def _alone(found: Mapping[Any, Any]) -> str:
    """Write a count of a single network, which has no error."""
    return _measured({**found, "standard_error": np.nan})


def _ends(part: Table) -> list[tuple[int, Look]]:
    """Return the first and the last epoch of a layer with their looks; one if they are the same."""
    epochs = sorted({int(part["epoch"].min()), int(part["epoch"].max())})
    return list(zip(epochs, [_FIRST, _LAST][-len(epochs) :], strict=True))


def _n_ends(table: Table) -> int:
    return max(len(_ends(part)) for _, part in table.groupby("layer"))


def _looks(table: Table) -> dict[str, Look]:
    names = ["first analysed epoch", "last analysed epoch"][-_n_ends(table) :]
    looks = [_FIRST, _LAST][-len(names) :]
    return {name: look | {"label": name} for name, look in zip(names, looks, strict=True)}


def _by_epoch(panels: Sequence[Axes], part: Table) -> list[tuple[Axes, int, Look]]:
    """Give a panel to each of the epochs that `_ends` returns; remove those left over."""
    ends = _ends(part)
    for panel in panels[len(ends) :]:
        panel.remove()
    return [(panel, *end) for panel, end in zip(panels, ends, strict=False)]


def _note(panel: Axes, text: str) -> None:
    """Add a line above a panel, or more if it is long."""
    title = f"{panel.get_title()}\n{text}".strip()
    panel.set_title(title, fontsize="small")


def _number_axis(panel: Axes, numbers: "pd.Series[float]") -> None:
    """Make an axis of numbers from 1 on logarithmic if they are many."""
    if numbers.max() > _MANY:
        panel.set(xscale="log", xlim=(0.8, 1.25 * numbers.max()))
        digits_only(panel.xaxis, 1)


@contextmanager
def _stacks(
    table: Table, heights: Sequence[float], title: str, style: Style
) -> Iterator[tuple[Figure, list[tuple[str, Table, list[Axes]]]]]:
    """Open a figure of one condition with a stack of panels per layer, each with its own axes.

    ``heights`` of a stack's panels are relative to the width of four side by side. A layer comes
    with its part of the table. Titles are broken where a panel ends.
    """
    require(table, "table", ["layer", "rows", "columns", "epoch"])
    only(table, "condition")
    headings = layer_headings(table)
    across, n = min(len(headings), _ACROSS), len(heights)
    down = -(-len(headings) // across)
    w, unit = style.across(across, _ROOM), 1.25 * style.across(_ACROSS, _ROOM)
    letters = int((w - 0.5 * _ROOM.between * style.em) / (_LETTER * style.em))
    size = w, [height * unit for height in [*heights] * down]
    shape, own_axes = (n * down, across), {"sharex": False, "sharey": False}
    with canvas(style, title, shape, size, _ROOM, **own_axes) as (figure, grid):
        stacks = grid.reshape(down, n, across).swapaxes(1, 2).reshape(-1, n)
        for panel in stacks[len(headings) :].flat:
            panel.remove()
        for (top, *_), heading in zip(stacks, headings.values(), strict=False):
            top.set_title(heading)
        parts = [table[table["layer"] == layer] for layer in headings]
        yield figure, [*zip(headings, parts, map(list, stacks), strict=False)]
        for row in grid:
            there = [panel for panel in row if panel.get_figure()]
            for panel in there:
                lines = (fill(line, letters) for line in panel.get_title().splitlines())
                panel.set_title("\n".join(lines), fontsize="small")
            for panel in there[1:]:
                panel.set_ylabel("")  # the first one's label stands for all
