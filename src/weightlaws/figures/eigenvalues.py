"""The figure of eigenvalues in the complex plane, beside the circular law and a fitted law."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from weightlaws.figures.style import COLOURS, Look, Room, Style, canvas, colour_bar, legend
from weightlaws.figures.words import layer_words
from weightlaws.inference.eigenvalues import REACH, Eigenvalues

_LIMITS = (0.1, 10.0)  # the same in all figures, so that conditions can be compared
_CIRCLE: Look = {"color": "0.2", "linestyle": ":", "label": "circular law"}


def eigenvalues_figure(
    found: Mapping[tuple[str, int], Eigenvalues], title: str, style: Style
) -> Figure:
    """Draw the eigenvalues of a condition's square matrices at the start and after training.

    Takes what `eigenvalues.eigenvalues` finds, by layer and epoch. A row of panels per layer. For
    each epoch a heat map of all members and one of draws of the fitted 13-parameter law, with the
    disc of the circular law, over whose density the colour is. On the right the share of
    eigenvalues by distance from 0, with 95 % bars by the bootstrap over members, and lines for the
    law.
    """
    if not found:
        raise ValueError("expected eigenvalues of a square layer, found none")
    layers, epochs = [*dict.fromkeys(layer for layer, _ in found)], sorted({e for _, e in found})
    looks: dict[int, Look] = {
        epoch: {"color": COLOURS[k], "marker": "os"[k], "linestyle": ("-", "--")[k]}
        for k, epoch in enumerate(epochs)
    }
    columns, room = 2 * len(epochs) + 1, Room(left=6.0, between=3.0, right=8.0)
    w = style.across(columns, room)
    shape, size = (len(layers), columns), (w, w - 3 * style.em)
    free = {"sharex": False, "sharey": False}
    with canvas(style, title, shape, size, room, **free) as (figure, panels):
        for row, layer in zip(panels, layers, strict=True):
            for k, epoch in enumerate(epochs):
                one = found[layer, epoch]
                image = _plane(row[2 * k], one.observed)
                _plane(row[2 * k + 1], one.law)
                row[2 * k].set_title(f"epoch {epoch}, radius {one.radius:.2g}")
                row[2 * k + 1].set_title("its fitted law")
                _by_distance(row[-1], one, looks[epoch])
            row[0].set_ylabel(f"{layer_words(layer)}\nimaginary part", size="small")
            row[-1].set_title("share within r of 0")
            reach = np.linspace(0, REACH, 50)
            row[-1].plot(reach, reach.clip(max=1) ** 2, **_CIRCLE)
            row[-1].set(xlim=(0, REACH), ylim=(0, 1.03))
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


def _plane(panel: Axes, density: np.ndarray) -> ScalarMappable:
    """Draw a heat map of the plane, in units of the disc's radius, with the disc."""
    clipped = density.clip(*_LIMITS)
    extent = (-REACH, REACH, -REACH, REACH)
    image = panel.imshow(
        clipped, norm="log", extent=extent, origin="lower", interpolation="nearest", aspect="auto"
    )
    image.set_clim(*_LIMITS)
    panel.add_patch(Circle((0, 0), 1, fill=False, edgecolor="white", linestyle=":", linewidth=1.2))
    panel.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    panel.grid(visible=False)
    return image


def _by_distance(panel: Axes, one: Eigenvalues, look: Look) -> None:
    """Draw the share of eigenvalues by distance: members with bars, and the law as a line."""
    bars = np.clip([one.within - one.low, one.high - one.within], 0, None)
    dots = look | {"linestyle": "", "markersize": 2.5}
    panel.errorbar(one.distances, one.within, bars, **dots)
    panel.plot(one.distances, one.law_within, **look | {"marker": ""})
