"""The style that all figures share: fonts, colours, panels, legends, and checks of their tables.

pyplot is never asked, so no display is needed and no figure stays open. The colours are safe for
colour-blind readers, and no line or bar differs from another by its colour alone.

The layout needs no measuring: it counts lines of text. A drawing that measures its text, as the
layout engines of matplotlib do, takes three times as long.
"""

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
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import BboxTransformTo, ScaledTranslation, blended_transform_factory
from numpy.typing import NDArray

Look = dict[str, Any]  # properties of a matplotlib artist
Panels = NDArray[Any]  # axes, by row and column

_RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": "0.6",
    "axes.grid": True,
    "axes.labelcolor": "0.15",
    "axes.linewidth": 1.0,
    "axes.titley": 1.0,  # otherwise each title measures the ticks near it
    "figure.labelsize": "medium",
    "font.sans-serif": ["DejaVu Sans"],  # the one font that comes with matplotlib everywhere
    "grid.color": "0.9",
    "image.cmap": "viridis",
    "legend.frameon": False,
    "legend.handlelength": 3.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "white",
    "patch.force_edgecolor": True,
    "patch.linewidth": 0.8,
    "svg.fonttype": "path",  # looks alike without our fonts; the words stay in the file as comments
    "svg.hashsalt": "weightlaws",  # otherwise the ids in the file are random
    "text.color": "0.15",
    "xtick.bottom": False,
    "xtick.color": "0.15",
    "ytick.color": "0.15",
    "ytick.left": False,
}
_POINTS = 9.6  # size of the text at font_scale 1
_SIZES = {  # of text and of the gaps beside it, relative to it
    "font.size": 1.0,
    "axes.labelsize": 1.0,
    "axes.titlesize": 1.0,
    "xtick.labelsize": 11 / 12,
    "ytick.labelsize": 11 / 12,
    "legend.fontsize": 11 / 12,
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
_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (9, 3)))
_MARKERS = "os^DvP"
BAND: Look = {"alpha": 0.2, "linewidth": 0}

_LINE = 1.3  # height of a line of text, in ems
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Style:
    """A study's ``figures`` section.

    Parameters
    ----------
    panel_width
        Width of one panel, in inches.
    font_scale
        Relative size of all text.
    """

    panel_width: float
    font_scale: float

    @property
    def em(self) -> float:
        """Size of the text, in inches."""
        return self.font_scale * _POINTS / 72

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
    """Write a figure as SVG, without a date, so that the same figure gives the same bytes."""
    with style.in_use():
        # Heat maps are drawn at this resolution: viewers would blur fewer pixels than they show.
        figure.savefig(path, format="svg", dpi=200, metadata={"Date": None})


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


def architecture_of(conditions: pd.DataFrame) -> str:
    """Return the data set and hidden widths that the conditions share."""
    return f"{only(conditions, 'dataset')}-{only(conditions, 'hidden')}"


def layer_headings(table: pd.DataFrame) -> dict[str, str]:
    """Return the layers, in the table's order, with their headings.

    A heading tells the ``size`` of square layers, or ``rows`` and ``columns``.
    """
    shape = ["size"] if "size" in table else ["rows", "columns"]
    require(table, "table", ["layer", "epoch", *shape])
    headings = {}
    for layer, *sizes in table.drop_duplicates("layer")[["layer", *shape]].to_numpy().tolist():
        told = "\u00a0x\u00a0".join(f"{size:g}" for size in sizes)
        told = f"D\u00a0=\u00a0{told}" if shape == ["size"] else told
        headings[str(layer)] = fill(f"{layer} ({told})", 42, break_on_hyphens=False)
    return headings


#: Columns of the table of conditions that say how networks are trained.
RECIPE = (
    "weight_decay",
    "output_scale",
    "optimiser",
    "activation",
    "learning_rate",
    "batch_size",
    "biases",
    "label_noise",
)


def settings_of(conditions: pd.DataFrame) -> "pd.Series[str]":
    """Return how each condition is trained, in words such as ``weight decay 0, alpha 4, tanh``.

    What is as published is not said, and a learning rate and a batch size only where the conditions
    have several.
    """
    require(conditions, "conditions", list(RECIPE))
    several = {key: conditions[key].nunique() > 1 for key in ("learning_rate", "batch_size")}
    words = []
    for row in conditions[list(RECIPE)].to_dict("records"):
        said = {
            f"weight decay {row['weight_decay']:g}": True,
            f"alpha {row['output_scale']:g}": pd.notna(row["output_scale"]),
            f"{row['optimiser']}": row["optimiser"] != "adam",
            f"{row['activation']}": row["activation"] != "relu",
            f"rate {row['learning_rate']:g}": several["learning_rate"],
            f"batches of {row['batch_size']:g}": several["batch_size"],
            "biases": row["biases"],
            f"label noise {row['label_noise']:g}": row["label_noise"] > 0,
        }
        words.append(", ".join(text for text, is_said in said.items() if is_said))
    return pd.Series(words, index=conditions.index)


def looks_of(conditions: pd.DataFrame) -> dict[str, Look]:
    """Return how to draw each condition: colour for initialisation, dashes for `settings_of`."""
    require(conditions, "conditions", ["condition", "initialisation"])
    table = conditions[["condition", "initialisation"]].assign(setting=settings_of(conditions))
    kinds, settings = (list(table[name].unique()) for name in ("initialisation", "setting"))
    return {
        name: {
            "color": COLOURS[kinds.index(kind)],
            "linestyle": _DASHES[settings.index(setting) % len(_DASHES)],
            "marker": _MARKERS[k % len(_MARKERS)],
            "label": f"{kind}, {setting}",
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
    titles = [panel.get_title(loc) for loc in ("left", "center")]
    return max(len(title.splitlines()) for title in titles) if panel.get_figure() else 0


def _has_ticks(panel: Axes) -> bool:
    """Whether tick labels stand below a panel: panels that share an axis show them once."""
    return bool(panel.get_figure() and panel.xaxis.get_tick_params()["labelbottom"])


def _label_lines(panel: Axes) -> float:
    return _LINE * len(panel.get_xlabel().splitlines()) if panel.get_figure() else 0.0


def vertical_label(figure: Figure, text: str) -> None:
    """Write a label for all rows along the left edge."""
    figure.supylabel(text, x=0.06 / figure.get_figwidth(), ha="left")


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


@contextmanager
def line_panels(
    table: pd.DataFrame,
    names: str,
    values: str,
    groups: Mapping[str, Mapping[str, str]],
    style: Style,
) -> Iterator[tuple[Figure, Panels]]:
    """Open a figure of one condition by epoch: a row per group of lines, a column per layer."""
    require(
        table, "table", [values], **{names: [name for lines in groups.values() for name in lines]}
    )
    layers, w = layer_headings(table), style.panel_width
    labels = {
        name: f"{name}:  {label}" for lines in groups.values() for name, label in lines.items()
    }
    room = Room(left=8.4, right=_entry_width(style, labels.values()) / style.em)
    shape, size = (len(groups), len(layers)), (w, 0.4 * w)
    with canvas(style, only(table, "condition"), shape, size, room) as (figure, panels):
        for (row, column), panel in np.ndenumerate(panels):
            kind, layer = list(groups)[row], list(layers)[column]
            curves = table[(table["layer"] == layer) & table[names].isin(groups[kind])].pivot(
                index="epoch", columns=names, values=values
            )
            for k, name in enumerate(groups[kind]):
                look = {"color": COLOURS[k], "linestyle": _DASHES[k], "marker": _MARKERS[k]}
                marked = spread(len(curves))
                panel.plot(curves[name], **look, label=labels[name], markevery=marked)
            panels[0, column].set_title(layers[layer])
            panels[row, 0].set_ylabel(kind)
        for panel in panels[:, -1]:
            panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        epoch_axes(panels)
        yield figure, panels


def epoch_axes(panels: Panels) -> None:
    """Label the epochs below the lowest panels."""
    for panel in panels[-1]:
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


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


def power_of_ten(x: float, _: object = None) -> str:
    """Write a power of ten for an axis; matplotlib's own way to set it is slow."""
    return "10" + str(round(np.log10(x))).translate(_SUPERSCRIPTS)
