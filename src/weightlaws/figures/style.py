"""How all figures are drawn: their style, panels and legends, and the checks of their tables.

pyplot is never asked, so no display is needed and nothing stays open. The colours are safe for
colour-blind readers, and no line or bar is told apart by its colour alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
import seaborn
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

Options = Mapping[str, Any]

_STYLE = {
    **seaborn.axes_style("whitegrid", {"grid.color": "0.9", "axes.edgecolor": "0.6"}),
    "figure.labelsize": "medium",
    "font.sans-serif": ["DejaVu Sans"],  # the one font that comes with matplotlib everywhere
    "legend.frameon": False,
    "legend.handlelength": 3.4,
    "lines.markersize": 3.5,
    "svg.fonttype": "path",  # looks alike without our fonts; the words stay in the file as comments
    "svg.hashsalt": "weightlaws",  # otherwise the ids in the file are random
}
COLOURS = seaborn.color_palette("colorblind")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (9, 3)))
_MARKERS = "os^DvP"
BAND: dict[str, Any] = {"alpha": 0.2, "linewidth": 0}


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG, without a date, so that the same figure gives the same bytes."""
    with matplotlib.style.context(["default", _STYLE]):
        # Heat maps are drawn at this resolution: viewers would blur fewer pixels than they show.
        figure.savefig(path, format="svg", dpi=200, metadata={"Date": None})


def require(
    table: pd.DataFrame, what: str, columns: Iterable[str], **rows: Iterable[object]
) -> None:
    """Refuse a table without these columns, or without a row for each value named of a column."""
    missing = [column for column in (*columns, *rows) if column not in table]
    if missing:
        raise ValueError(f"{what}: expected columns {missing}, found {list(table)}")
    for column, values in rows.items():
        found = list(table[column].unique())
        absent = [value for value in values if value not in found]
        if absent:
            raise ValueError(f"{what}: expected {column} {absent}, found {found}")


def only(table: pd.DataFrame, column: str) -> str:
    """Return the one value of a column, as text; refuse a table with several."""
    require(table, "table", [column])
    found = list(table[column].unique())
    if len(found) != 1:
        raise ValueError(f"expected one {column} in a figure, found {found}")
    return str(found[0])


def architecture_of(conditions: pd.DataFrame) -> str:
    """Return the data set and hidden widths that the conditions share."""
    return f"{only(conditions, 'dataset')}-{only(conditions, 'hidden')}"


def layer_headings(table: pd.DataFrame) -> dict[str, str]:
    """Return the layers, in the table's order, with their headings."""
    require(table, "table", ["layer", "size", "epoch"])
    sizes = table.drop_duplicates("layer").set_index("layer")["size"]
    return {str(layer): f"{layer} (D = {size})" for layer, size in sizes.items()}


def settings_of(conditions: pd.DataFrame) -> "pd.Series[str]":
    """Return how each condition is trained, in words such as ``weight decay 0, alpha 4``."""
    require(conditions, "conditions", ["weight_decay", "output_scale"])
    said = [
        f"weight decay {decay:g}" + ("" if pd.isna(scale) else f", alpha {scale:g}")
        for decay, scale in zip(conditions["weight_decay"], conditions["output_scale"], strict=True)
    ]
    return pd.Series(said, index=conditions.index)


def looks_of(conditions: pd.DataFrame) -> dict[str, dict[str, Any]]:
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
    options: Options, title: str, shape: tuple[int, int], size: tuple[float, float]
) -> Iterator[tuple[Figure, NDArray[np.object_]]]:
    """Open a figure with panels of a size in inches, in our style and the study's text size.

    A column of panels, such as those of a layer, shares its horizontal axis, a row the vertical.
    """
    scale = options["font_scale"]
    sizes = seaborn.plotting_context("paper", font_scale=scale)
    with matplotlib.style.context(["default", sizes, _STYLE]):
        width, height = shape[1] * size[0] + 1.2 * scale, shape[0] * size[1] + 0.9 * scale
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.suptitle(title)
        yield figure, figure.subplots(*shape, squeeze=False, sharex="col", sharey="row")
        figure.draw_without_rendering()  # ticks take their style when they are first drawn


@contextmanager
def line_panels(
    table: pd.DataFrame,
    names: str,
    values: str,
    groups: Mapping[str, Mapping[str, str]],
    options: Options,
) -> Iterator[Figure]:
    """Open a figure of one condition by epoch: a row per group of lines, a column per layer."""
    require(
        table, "table", [values], **{names: [name for lines in groups.values() for name in lines]}
    )
    title, layers, w = only(table, "condition"), layer_headings(table), options["panel_width"]
    with canvas(options, title, (len(groups), len(layers)), (w, 0.48 * w)) as (figure, panels):
        for (row, column), panel in np.ndenumerate(panels):
            kind, layer = list(groups)[row], list(layers)[column]
            curves = table[(table["layer"] == layer) & table[names].isin(groups[kind])].pivot(
                index="epoch", columns=names, values=values
            )
            for k, (name, label) in enumerate(groups[kind].items()):
                look = {"color": COLOURS[k], "linestyle": _DASHES[k], "marker": _MARKERS[k]}
                panel.plot(
                    curves[name], **look, label=f"{name}:  {label}", markevery=spread(len(curves))
                )
            panels[0, column].set_title(layers[layer])
            panels[row, 0].set_ylabel(kind)
        for panel in panels[:, -1]:
            panel.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        _epochs(panels)
        yield figure


def _epochs(panels: NDArray[np.object_]) -> None:
    for panel in panels[-1]:
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def explain(
    figure: Figure, panels: NDArray[np.object_], looks: Mapping[str, Any], *extra: Artist
) -> None:
    """Label the epochs; tell below the panels how conditions are drawn, and what else there is."""
    _epochs(panels)
    legend(figure, looks, *extra)


def legend(figure: Figure, looks: Mapping[str, Any], *extra: Artist) -> None:
    """Tell below the panels how lines are drawn, and what else there is."""
    handles = [*(Line2D([], [], **look) for look in looks.values()), *extra]
    if not handles:
        return
    longest = max(len(str(handle.get_label())) for handle in handles)
    # Width of a column in inches: handle, gaps, and letters that are half as wide as they are high.
    entry = (6 + 0.53 * longest) * matplotlib.rcParams["legend.fontsize"] / 72
    columns = max(1, min(4, int(figure.get_figwidth() / entry)))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
