"""The figure of eigenvalues in the complex plane, beside the circular law and a fitted law."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from weightlaws.figures.style import COLOURS, Look, Room, Style, canvas, colour_bar, legend, require
from weightlaws.figures.words import layer_words

_LIMITS = (0.1, 10.0)  # the same in all figures, so that conditions can be compared
_CIRCLE: Look = {"color": "0.2", "linestyle": ":", "label": "circular law"}


def eigenvalues(shares: pd.DataFrame, plane: pd.DataFrame, title: str, style: Style) -> Figure:
    """Draw the eigenvalues of a condition's square matrices at the start and after training.

    Reads of shares ``layer, epoch, radius, distance, within, low, high, law_within``, and of the
    plane ``layer, epoch, imaginary, real, density, law_density``. A row of panels per layer. For
    each epoch a heat map of all members and one of draws of the fitted 13-parameter law, with the
    disc of the circular law, over whose density the colour is. On the right the share of
    eigenvalues by distance from 0, with 95 % bars by the bootstrap over members, and lines for the
    law.
    """
    needed = ["layer", "epoch", "radius", "distance", "within", "low", "high", "law_within"]
    require(shares, "eigenvalues", needed)
    layers, epochs = [*shares["layer"].unique()], sorted(shares["epoch"].unique().tolist())
    needed = ["imaginary", "real", "density", "law_density"]
    require(plane, "eigenvalue plane", needed, layer=layers, epoch=epochs)
    looks: dict[int, Look] = {
        epoch: {"color": COLOURS[k], "marker": "os"[k], "linestyle": ("-", "--")[k]}
        for k, epoch in enumerate(epochs)
    }
    reach = float(shares["distance"].max())
    columns, room = 2 * len(epochs) + 1, Room(left=6.0, between=3.0, right=8.0)
    w = style.across(columns, room)
    shape, size = (len(layers), columns), (w, w - 3 * style.em)
    free = {"sharex": False, "sharey": False}
    with canvas(style, title, shape, size, room, **free) as (figure, panels):
        for row, layer in zip(panels, layers, strict=True):
            for k, epoch in enumerate(epochs):
                one, cells = (
                    table[(table["layer"] == layer) & (table["epoch"] == epoch)]
                    for table in (shares, plane)
                )
                image = _heat_map(row[2 * k], cells, "density", reach)
                _heat_map(row[2 * k + 1], cells, "law_density", reach)
                row[2 * k].set_title(f"epoch {epoch}, radius {one['radius'].iloc[0]:.2g}")
                row[2 * k + 1].set_title("its fitted law")
                _by_distance(row[-1], one, looks[epoch])
            row[0].set_ylabel(f"{layer_words(layer)}\nimaginary part", size="small")
            row[-1].set_title("share within r of 0")
            distances = np.linspace(0, reach, 50)
            row[-1].plot(distances, distances.clip(max=1) ** 2, **_CIRCLE)
            row[-1].set(xlim=(0, reach), ylim=(0, 1.03))
            # One label for all bars, as it is as long as a row is high.
            label = "density (circular law: 1)" if layer == layers[len(layers) // 2] else ""
            colour_bar(row[-1], image, label, style, extend="both", format="%g")
        for panel in panels[-1, :-1]:
            panel.set_xlabel("real part")
        panels[-1, -1].set_xlabel("r")
        entries: dict[str, Look] = {"circle": _CIRCLE}
        for epoch, look in looks.items():
            entries[f"{epoch}"] = look | {"linestyle": "", "label": f"epoch {epoch}, members"}
            entries[f"law {epoch}"] = {
                **look,
                **{"marker": "", "label": f"epoch {epoch}, fitted law"},
            }
        legend(figure, style, entries)
    return figure


def _heat_map(panel: Axes, cells: pd.DataFrame, density: str, reach: float) -> ScalarMappable:
    """Draw a heat map of the plane, in units of the disc's radius, with the disc."""
    values = cells.pivot(index="imaginary", columns="real", values=density).to_numpy()
    extent = (-reach, reach, -reach, reach)
    image = panel.imshow(
        values.clip(*_LIMITS),
        norm="log",
        extent=extent,
        origin="lower",
        interpolation="nearest",
        aspect="auto",
    )
    image.set_clim(*_LIMITS)
    panel.add_patch(Circle((0, 0), 1, fill=False, edgecolor="white", linestyle=":", linewidth=1.2))
    panel.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    panel.grid(visible=False)
    return image


def _by_distance(panel: Axes, one: pd.DataFrame, look: Look) -> None:
    """Draw the share of eigenvalues by distance: members with bars, and the law as a line."""
    bars = np.clip([one["within"] - one["low"], one["high"] - one["within"]], 0, None)
    dots = look | {"linestyle": "", "markersize": 2.5}
    panel.errorbar(one["distance"], one["within"], bars, **dots)
    panel.plot(one["distance"], one["law_within"], **look | {"marker": ""})
