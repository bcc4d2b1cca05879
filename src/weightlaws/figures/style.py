"""The style that all figures share: fonts, colours, panels, legends, and checks of their tables.

pyplot is never asked, so no display is needed and no figure stays open. The colours are safe for
colour-blind readers, and no line or bar differs from another by its colour alone.

A figure is as wide as one column of a journal or as two, and its text has 7 to 9 points there.
The layout needs no measuring: it counts lines of text. A drawing that measures its text, as the
layout engines of matplotlib do, takes three times as long.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import (
    Affine2D,
    BboxTransformTo,
    ScaledTranslation,
    blended_transform_factory,
)
from numpy.typing import NDArray

from weightlaws.figures.svg import shorter
from weightlaws.figures.words import TOLD_BY, layer_words, start_words, words_apart

Look = dict[str, Any]  # properties of a matplotlib artist
Panels = NDArray[Any]  # axes, by row and column

_RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": "0.6",
    "axes.grid": True,
    "axes.labelcolor": "0.15",
    "axes.linewidth": 0.8,
    "axes.titley": 1.0,  # otherwise each title measures the ticks near it
    "font.sans-serif": ["DejaVu Sans"],  # the one font that comes with matplotlib everywhere
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "image.cmap": "viridis",
    "legend.frameon": False,
    "legend.handlelength": 3.0,
    "lines.linewidth": 1.0,
    "lines.markersize": 2.8,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "white",
    "patch.force_edgecolor": True,
    "patch.linewidth": 0.8,
    "pdf.fonttype": 42,  # journals ask for fonts that are whole letters
    "svg.fonttype": "none",  # text can be searched and edited; its outlines are ten times as large
    "svg.hashsalt": "weightlaws",  # otherwise the ids in the file are random
    "text.color": "0.15",
    "xtick.bottom": False,
    "xtick.color": "0.15",
    "ytick.color": "0.15",
    "ytick.left": False,
}
_POINTS = 8.4  # size of the text at font_scale 1; "small" is 7
_GUTTER = 0.2  # between the two columns of a page, in inches
_NARROWEST = 0.7  # panel, in inches; more of them make a figure wider than a page
_SIZES = {  # of text and of the gaps beside it, relative to it
    "font.size": 1.0,
    "axes.labelsize": 0.9,
    "axes.titlesize": 0.9,
    "figure.titlesize": 1.0,
    "figure.labelsize": 0.9,
    "xtick.labelsize": 5 / 6,
    "ytick.labelsize": 5 / 6,
    "legend.fontsize": 0.9,
    "axes.labelpad": 0.4,
    "axes.titlepad": 0.6,
    "xtick.major.pad": 0.35,
    "ytick.major.pad": 0.35,
}
# The palette "colorblind" of seaborn (Waskom 2021, doi:10.21105/joss.03021).
COLOURS = (
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
)
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (9, 3)), ":")
MARKERS = "os^DvPX"
BAND: Look = {"alpha": 0.2, "linewidth": 0}
_HATCHED: Look = {"hatch": "/////", "facecolor": "none", "edgecolor": "0.7", "linewidth": 0}

_LINE = 1.3  # height of a line of text, in ems
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Style:
    """A study's ``figures`` section.

    Parameters
    ----------
    column_width
        Width of a column of the journal, in inches; a figure is as wide as one, or as two.
    font_scale
        Relative size of all text.
    """

    column_width: float
    font_scale: float

    @property
    def em(self) -> float:
        """Size of the text, in inches."""
        return self.font_scale * _POINTS / 72

    def across(self, n: int, room: "Room", columns: int = 2) -> float:
        """Return the width of n panels side by side, each with the room between them, in inches.

        ``columns`` of the journal are as wide as the figure, one or two.
        """
        whole = columns * self.column_width + (columns - 1) * _GUTTER
        beside = (room.left - room.between + room.right) * self.em
        return max((whole - beside) / n, (_NARROWEST + room.between * self.em) * self.font_scale)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let matplotlib draw in this style.

        matplotlib reads some settings when it makes an artist, and others when it draws it.
        """
        sizes = {name: self.font_scale * _POINTS * size for name, size in _SIZES.items()}
        with matplotlib.style.context(["default", _RC, sizes]):
            yield


@dataclass(frozen=True)
class Room:
    """Room beside the panels of a figure, in ems.

    Parameters
    ----------
    left
        For tick labels and labels left of the first column.
    right
        Right of the last column.
    between
        Between columns: for tick labels if panels have axes of their own.
    ticks
        For the tick labels below a panel.
    """

    left: float = 7.0
    right: float = 1.2
    between: float = 1.0
    ticks: float = 1.5


def save(figure: Figure, path: str | Path, style: Style) -> None:
    """Write a figure as SVG, and as PDF beside it.

    Neither has a date, so that the same figure gives the same bytes.
    """
    path = Path(path)
    text = io.StringIO()
    with style.in_use():
        # Heat maps are drawn at this resolution: viewers would blur fewer pixels than they show.
        figure.savefig(text, format="svg", dpi=200, metadata={"Date": None})
        figure.savefig(path.with_suffix(".pdf"), dpi=300, metadata={"CreationDate": None})
    path.write_text(shorter(text.getvalue()))


def require(
    table: pd.DataFrame, name: str, columns: Iterable[str], **rows: Iterable[object]
) -> None:
    """Refuse a table that lacks one of these columns, or one of these values of a column.

    Raises
    ------
    ValueError
        With the table's name, the missing columns or values, and those that there are.
    """
    missing = [column for column in (*columns, *rows) if column not in table]
    if missing:
        raise ValueError(f"{name}: expected columns {missing}, found {list(table)}")
    for column, values in rows.items():
        found = list(table[column].unique())
        absent = [value for value in values if value not in found]
        if absent:
            raise ValueError(f"{name}: expected {column} {absent}, found {found}")


def only(table: pd.DataFrame, column: str) -> str:
    """Return the one value of a column, as text; raise a ValueError if it has several."""
    require(table, "table", [column])
    found = list(table[column].unique())
    if len(found) != 1:
        raise ValueError(f"expected one {column} in a figure, found {found}")
    return str(found[0])


def layer_headings(table: pd.DataFrame) -> dict[str, str]:
    """Return the layers, in the table's order, with their headings in words.

    A heading tells the ``size`` of square layers, or ``rows`` and ``columns``, on a line of its
    own.
    """
    shape = ["size", "size"] if "size" in table else ["rows", "columns"]
    require(table, "table", ["layer", "epoch", *shape])
    headings = {}
    for layer, rows, columns in table.drop_duplicates("layer")[["layer", *shape]].to_numpy():
        name = fill(layer_words(str(layer)), 26, break_on_hyphens=False)
        headings[str(layer)] = f"{name}\n{rows:g} x {columns:g}".replace(" x ", "\u2009×\u2009")
    return headings


def settings_of(conditions: pd.DataFrame) -> "pd.Series[str]":
    """Return what tells each condition from the others but its start, in words; see `words`."""
    words = words_apart(conditions, but=("start",))
    return pd.Series(words, index=conditions.index, dtype=object)


def looks_of(conditions: pd.DataFrame) -> dict[str, Look]:
    """Return how to draw each condition: colour for initialisation, dashes for `settings_of`."""
    require(conditions, "conditions", TOLD_BY)
    table = conditions[["condition", "initialisation"]].assign(setting=settings_of(conditions))
    kinds, settings = (list(table[name].unique()) for name in ("initialisation", "setting"))
    return {
        name: {
            "color": COLOURS[kinds.index(kind)],
            "linestyle": DASHES[settings.index(setting) % len(DASHES)],
            "marker": MARKERS[k % len(MARKERS)],
            "label": ", ".join(filter(None, (start_words(kind), setting))),
        }
        for k, (name, kind, setting) in enumerate(table.to_numpy().tolist())
    }


def spread(n: int) -> list[int]:
    """Return up to six positions among n, evenly spread, with the first and the last."""
    return sorted({round(x) for x in np.linspace(0, n - 1, min(n, 6))})


@contextmanager
def canvas(
    style: Style,
    title: str,
    shape: tuple[int, int],
    size: tuple[float, float | list[float]],
    room: Room | None = None,
    **subplots: Any,  # noqa: ANN401
) -> Iterator[tuple[Figure, Panels]]:
    """Open a figure with a grid of panels, and lay it out when the block ends.

    Parameters
    ----------
    style
        Of the study.
    title
        Of the whole figure.
    shape
        Number of rows and columns of panels.
    size
        Width of a column, with the room between columns, and height of a panel, in inches. Rows of
        different heights have a list of them.
    room
        Beside the panels; the default is enough for panels that share axes.
    subplots
        For `Figure.subplots`. By default a column of panels shares its horizontal axis, a row the
        vertical.
    """
    room = room or Room()
    with style.in_use():
        figure = Figure(figsize=(_width(style, shape[1], size[0], room), 1))
        sharing = {"sharex": "col", "sharey": "row"} | subplots
        panels = figure.subplots(*shape, squeeze=False, **sharing)
        yield figure, panels
        heights = size[1] if isinstance(size[1], list) else [size[1]] * shape[0]
        _lay_out(figure, panels, title, style, (size[0], heights), room)


def sentence(text: str, style: Style) -> Figure:
    """Return a figure that says why there is nothing to draw."""
    room = Room(left=1, right=1, between=0, ticks=0)
    with canvas(style, text, (1, 1), (style.across(1, room), style.em), room) as (figure, panels):
        panels[0, 0].set_axis_off()
    return figure


def _width(style: Style, columns: int, width: float, room: Room) -> float:
    return columns * width + (room.left - room.between + room.right) * style.em


def _lay_out(
    figure: Figure,
    panels: Panels,
    title: str,
    style: Style,
    size: tuple[float, list[float]],
    room: Room,
) -> None:
    """Place the panels, the title above them and the legends below them."""
    em = style.em
    legends = [legend.get_window_extent().height / figure.dpi for legend in figure.legends]
    above = [_LINE * em * max(map(_title_lines, row)) for row in panels]
    below = [em * max(room.ticks * _has_ticks(p) + _label_lines(p) for p in row) for row in panels]
    title = fill(title, int(figure.get_figwidth() / (0.7 * em)), break_on_hyphens=False)
    first, gap = (1.6 * len(title.splitlines()) + 0.7) * em, 0.8 * em
    rows = sum(above) + sum(size[1]) + sum(below) + gap * len(panels)
    total = first + rows + sum(legends)
    figure.set_figheight(total)
    figure.suptitle(title, y=1 - 0.5 * em / total, va="top")
    wide, y = figure.get_figwidth(), first
    for row, height, head, foot in zip(panels, size[1], above, below, strict=True):
        y += head + height
        for k, panel in enumerate(row):
            x = room.left * em + k * size[0]
            inches = x, total - y, size[0] - room.between * em, height
            panel.set_position(np.divide(inches, (wide, total, wide, total)))
        y += foot + gap
    rest = total - y + gap / 2
    for legend, height in zip(figure.legends, legends, strict=True):
        legend.set_loc("upper center")
        legend.set_bbox_to_anchor((0.5, rest / total))
        rest -= height


def _title_lines(panel: Axes) -> int:
    titles = [panel.get_title(loc) for loc in ("left", "center", "right")]
    return max(len(title.splitlines()) for title in titles) if panel.get_figure() else 0


def _has_ticks(panel: Axes) -> bool:
    """Whether tick labels stand below a panel: panels that share an axis show them once."""
    return bool(panel.get_figure() and panel.xaxis.get_tick_params()["labelbottom"])


def _label_lines(panel: Axes) -> float:
    return _LINE * len(panel.get_xlabel().splitlines()) if panel.get_figure() else 0.0


def vertical_label(figure: Figure, text: str) -> None:
    """Write a label for all rows along the left edge."""
    figure.supylabel(text, x=0.04 / figure.get_figwidth(), ha="left")


def colour_bar(
    panel: Axes,
    image: ScalarMappable,
    label: str,
    style: Style,
    **how: Any,  # noqa: ANN401
) -> None:
    """Draw the bar of a heat map's colours right of a panel; it needs a `Room` of 8 ems there."""
    edge = ScaledTranslation(1, 0, BboxTransformTo(panel.bbox))
    inches = panel.figure.dpi_scale_trans + edge
    place = blended_transform_factory(inches, panel.transAxes)
    axes = panel.inset_axes((style.em, 0, 1.3 * style.em, 1), transform=place)
    bar = panel.figure.colorbar(image, cax=axes, label=label, **how)
    bar.minorticks_off()


def hatch_cells(panel: Axes, cells: NDArray[np.bool_]) -> None:
    """Hatch the cells (row, column) of a heat map that are no more than chance."""
    # One path of all runs along the rows: a patch for each cell would make large files.
    turns = np.diff(cells.astype(int), axis=1, prepend=0, append=0)
    runs = zip(np.argwhere(turns == 1), np.argwhere(turns == -1), strict=True)
    boxes = [Outline.unit_rectangle().transformed(_box(*ends)) for ends in runs]
    if boxes:
        panel.add_patch(PathPatch(Outline.make_compound_path(*boxes), **_HATCHED))


def _box(start: NDArray[np.int_], end: NDArray[np.int_]) -> Affine2D:
    row, first, last = start[0], start[1], end[1]
    return Affine2D().scale(last - first, 1).translate(first - 0.5, row - 0.5)


def hatched(label: str) -> Patch:
    """Return the entry of a legend that explains the cells of `hatch_cells`."""
    return Patch(**_HATCHED | {"facecolor": "0.25"}, label=label)


@contextmanager
def line_panels(
    table: pd.DataFrame,
    names: str,
    values: str,
    groups: Mapping[str, Mapping[str, str]],
    title: str,
    style: Style,
) -> Iterator[tuple[Figure, Panels]]:
    """Open a figure of one condition by epoch: a row per group of lines, a column per layer.

    Bands span the columns ``low`` and ``high``, if the table has them.

    Raises
    ------
    ValueError
        If the table lacks what is drawn, or is of several conditions.
    """
    only(table, "condition")
    require(
        table, "table", [values], **{names: [name for lines in groups.values() for name in lines]}
    )
    layers = layer_headings(table)
    labels = [label for lines in groups.values() for label in lines.values()]
    room = Room(left=8.0, right=_entry_width(style, labels) / style.em)
    shape, w = (len(groups), len(layers)), style.across(len(layers), room)
    with canvas(style, title, shape, (w, min(0.7 * w, 1.1)), room) as (figure, panels):
        for (row, column), panel in np.ndenumerate(panels):
            kind, layer = list(groups)[row], list(layers)[column]
            mine = table[(table["layer"] == layer) & table[names].isin(groups[kind])]
            for k, (name, label) in enumerate(groups[kind].items()):
                curve = mine[mine[names] == name].sort_values("epoch")
                look = {"color": COLOURS[k], "linestyle": DASHES[k], "marker": MARKERS[k]}
                if "low" in curve:
                    ends = (curve[name] for name in ("epoch", "low", "high"))
                    panel.fill_between(*ends, color=look["color"], **BAND)
                marked = spread(len(curve))
                panel.plot(curve["epoch"], curve[values], **look, label=label, markevery=marked)
            panels[0, column].set_title(layers[layer])
            panels[row, 0].set_ylabel(kind)
        for panel in panels[:, -1]:
            panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        epoch_axes(panels)
        yield figure, panels


def epoch_axes(panels: Panels) -> None:
    """Label the epochs below the lowest panel of each column."""
    columns = ([panel for panel in column if panel.get_figure()] for column in panels.T)
    for *_, panel in columns:
        panel.tick_params(labelbottom=True)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


def legend(figure: Figure, style: Style, looks: Mapping[str, Look], *extra: Artist) -> None:
    """Explain below the panels the looks of lines, and further artists."""
    handles = [*(Line2D([], [], **look) for look in looks.values()), *extra]
    if not handles:
        return
    entry = _entry_width(style, (str(handle.get_label()) for handle in handles))
    columns = max(1, min(4, int(figure.get_figwidth() / entry)))
    figure.legend(handles=handles, loc="upper center", ncols=columns)


def _entry_width(style: Style, labels: Iterable[str]) -> float:
    """Width of a legend's column in inches: handle, gaps, and letters half as wide as high."""
    return (6 + 0.53 * max(map(len, labels))) * style.em * _SIZES["legend.fontsize"]


def symmetric_log(panel: Axes, linear: float) -> None:
    """Make the vertical axis linear up to a value, on either side of 0, and logarithmic beyond."""
    panel.set_yscale("symlog", linthresh=linear)
    panel.yaxis.set_major_formatter("{x:g}")
    panel.minorticks_off()


def digits_only(axis: Axis, *digits: float) -> None:
    """Label a logarithmic axis at these first digits, without powers of ten."""
    axis.set_major_locator(LogLocator(subs=digits))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def in_percent(axis: Axis) -> None:
    """Label an axis of shares in per cent."""
    axis.set_major_formatter(lambda x, _: f"{100 * x:.3g} %")


def power_of_ten(x: float, _: object = None) -> str:
    """Write a power of ten for an axis; matplotlib's own way to set it is slow."""
    return "10" + str(round(np.log10(x))).translate(_SUPERSCRIPTS)
