from itertools import product

import numpy as np
import pandas as pd
import pytest
from support.figures import (
    EPOCHS,
    HIGHER,
    LAYERS,
    STYLE,
    TITLE,
    assert_apart,
    lines,
    renamed,
    select,
    words,
)
from support.published import VALUES

from weightlaws.figures import fits
from weightlaws.figures.words import formula_words

NUMBERS = {label: number for lines in fits._FITTED.values() for number, label in lines.items()}


def test_deviation_start_draws_the_column_of_each_fitted_invariant(invariants, conditions):
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    figure = fits.deviation_start(one, TITLE, STYLE)
    drawn = {}
    for panel, layer in zip(figure.axes, LAYERS * 4, strict=True):
        assert panel.get_yscale() == "symlog"
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > panel.dataLim.ymax
        for label, line in lines(panel).items():
            drawn[layer, NUMBERS.get(label)] = line
    fitted = [f"I{k}" for k in range(1, 14)]
    for layer, name in product(LAYERS, fitted):
        expected = select(one, layer=layer, published=name)
        np.testing.assert_array_equal(drawn[layer, name].get_xdata(), EPOCHS)
        np.testing.assert_array_equal(drawn[layer, name].get_ydata(), expected["deviation_start"])
    for panel in figure.axes:
        (chance,) = panel.patches
        assert (chance.get_y(), chance.get_height()) == (0, 1.96)
    assert TITLE in words(figure)
    assert "deviation from the start (standard errors)" in words(figure)


def test_fitted_invariants_are_the_published_ones():
    published = {graph["name"]: graph["edges"] for graph in VALUES["invariants"]}
    drawn = {name: factors for group in fits._FITTED.values() for name, factors in group.items()}
    assert sorted(drawn, key=lambda name: int(name[1:])) == [f"I{k}" for k in range(1, 14)]
    names = {
        name: ".".join("ijkl"[row] + "ijkl"[column] for row, column in edges)
        for name, edges in published.items()
        if name in drawn
    }
    assert drawn == {name: formula_words(edges) for name, edges in names.items()}


def test_deviation_sd_is_a_map_of_the_column(invariants, conditions):
    one = invariants[invariants["condition"] == conditions["condition"][0]].copy()
    one.loc[one.index[one["published"] == "I14"][0], "deviation_sd"] = 0.0
    figure = fits.deviation_sd(one, TITLE, STYLE)
    maps, beside = figure.axes[:4:2], figure.axes[1:4:2]
    for panel, points, layer in zip(maps, beside, LAYERS, strict=True):
        (image,) = panel.images
        table = select(one, layer=layer).pivot(
            index="published", columns="epoch", values="deviation_sd"
        )
        cells = image.get_array().filled(np.nan)
        np.testing.assert_array_equal(cells[1:16], table.loc[HIGHER[:15]].clip(0.01, 10))
        np.testing.assert_array_equal(cells[17:], table.loc[HIGHER[15:]].clip(0.01, 10))
        assert np.isnan(cells[[0, 16]]).all()
        assert [label.get_text() for label in panel.get_xticklabels()] == ["0", "50"]
        assert image.get_clim() == (0.01, 10)
        dots, _, (bars,) = points.containers[0]
        expected = table.loc[HIGHER, 50].to_numpy()
        values = np.asarray(dots.get_xdata(), float)
        np.testing.assert_array_equal(values[~np.isnan(values)], expected)
        ends = [path[:, 0] for path in bars.get_segments() if len(path) and np.isfinite(path).all()]
        np.testing.assert_allclose(np.ptp(ends, axis=1), 2 * 1.96 * 0.1 * expected)
    labels = [label.get_text() for label in maps[0].get_yticklabels()]
    assert [label.split()[-1] for label in labels] == [
        "cubic",
        *HIGHER[:15],
        "quartic",
        *HIGHER[15:],
    ]
    assert "ΣWᵢⱼ⁴  I45" in labels
    assert "SD over members" in words(figure)


def test_cells_that_chance_explains_are_hatched(invariants, conditions):
    one = select(invariants, condition=conditions["condition"][0])
    small = (one["published"] == "I30") | ((one["published"] == "I14") & (one["epoch"] == 10))
    figure = fits.deviation_sd(one.assign(deviation_z=np.where(small, 1.9, 2.0)), TITLE, STYLE)
    for panel in figure.axes[:4:2]:
        (patch,) = panel.patches
        assert patch.get_hatch()
        corners = [polygon[:, :2] for polygon in patch.get_path().to_polygons()]
        boxes = [[*corner.min(axis=0), *corner.max(axis=0)] for corner in corners]
        # I14 is below the row of its degree, I30 below two of them; all three snapshots of it.
        assert sorted(boxes) == [[-0.5, 17.5, 2.5, 18.5], [0.5, 0.5, 1.5, 1.5]]
    certain = fits.deviation_sd(one.assign(deviation_z=2.0), TITLE, STYLE)
    assert not certain.axes[0].patches


def test_deviation_sd_of_layers_with_snapshots_of_their_own(invariants, conditions):
    one = select(invariants, condition=conditions["condition"][0])
    one = one[(one["layer"] == LAYERS[0]) | (one["epoch"] != 10)]
    first, _, second, _ = fits.deviation_sd(one, TITLE, STYLE).axes
    for panel, n in ((first, 3), (second, 2)):
        assert [label.get_text() for label in panel.get_xticklabels()] == ["0", "50"]
        assert panel.get_xlim() == (-0.5, n - 0.5)


def test_normalised_change_has_the_formula_as_height(invariants, conditions):
    never, name = {"layer": LAYERS[0], "published": "I14"}, conditions["condition"][0]
    is_zero = (invariants[["layer", "published"]] == pd.Series(never)).all(axis=1)
    invariants.loc[is_zero & (invariants["condition"] == name), "deviation_sd"] = 0.0
    figure = fits.normalised_change(invariants, conditions, STYLE)
    panels = product(LAYERS, [0.0, 0.01])
    decays = {0.0: "no weight decay", 0.01: "weight decay 0.01"}
    headings = dict(zip(LAYERS, ("hidden 1 to hidden 2", "hidden 2 to output"), strict=True))
    for panel, (layer, decay) in zip(figure.axes, panels, strict=True):
        size = "10\u2009×\u200910"
        assert panel.get_title(loc="left") == f"{headings[layer]}, {size}: {decays[decay]}"
        dots = [line for line in panel.get_lines() if line.get_linestyle() == "None"]
        names = select(conditions, weight_decay=decay)["condition"]
        for k, condition in enumerate(names):
            d, error = (
                select(invariants, condition=condition, layer=layer)
                .pivot(index="published", columns="epoch", values=value)
                .loc[HIGHER]
                for value in ("deviation_sd", "deviation_sd_standard_error")
            )
            expected = ((d[50] - d[0]) / (d[50] + d[0])).fillna(0)
            slopes = 2 * d[0] / (d[50] + d[0]) ** 2, -2 * d[50] / (d[50] + d[0]) ** 2
            reach = 1.96 * np.hypot(slopes[0] * error[50], slopes[1] * error[0])
            sure = (expected.abs() > reach).to_numpy()
            for line, some in zip(dots[2 * k : 2 * k + 2], (sure, ~sure), strict=True):
                np.testing.assert_allclose(line.get_ydata(), expected[some])
            assert dots[2 * k + 1].get_markerfacecolor() == "white"
    markers = {line.get_marker() for line in figure.axes[0].get_lines()[:-2]}
    assert len(markers) == 2
    ticks = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert [tick.split()[-1] for tick in ticks] == HIGHER
    assert "ΣWᵢⱼ⁴  I45" in ticks
    assert_apart(figure, STYLE)


def test_parameters_draw_the_column_of_each(parameters):
    figure = fits.parameters(parameters, TITLE, STYLE)
    drawn = set()
    row = list(fits._PARAMETERS.values())
    for panel, layer in zip(figure.axes, LAYERS * 5, strict=True):
        names = row[panel.get_subplotspec().rowspan.start]
        for name, line, band in zip(names, panel.get_lines(), panel.collections, strict=True):
            expected = select(parameters, layer=layer, parameter=name)
            np.testing.assert_array_equal(line.get_ydata(), expected["value"])
            ends = band.get_paths()[0].vertices[:, 1]
            assert ends.min() == expected["low"].min()
            assert ends.max() == expected["high"].max()
            drawn.add(name)
    assert drawn == {f"f{k}" for k in range(1, 14)}
    assert "units of weight" in words(figure)


def test_typicality_draws_the_ratio_of_each_fitted_invariant(invariants, conditions, rng):
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    one = one.dropna(subset="deviation_start").assign(ratio=1.0)
    one["ratio"] = np.exp(rng.normal(size=len(one)))
    one = one.assign(low=one["ratio"] / 2, high=2 * one["ratio"])
    figure = fits.typicality(one, TITLE, STYLE)
    for panel, layer in zip(figure.axes, LAYERS * 3, strict=True):
        drawn = lines(panel)
        assert any(set(line.get_ydata()) == {1} for line in drawn.values())
        for label, line in drawn.items():
            if label in NUMBERS:
                expected = select(one, layer=layer, published=NUMBERS[label])["ratio"]
                np.testing.assert_array_equal(line.get_ydata(), expected)
    assert "observed over predicted" in words(figure)


@pytest.mark.parametrize(
    ("epochs", "message"),
    [([10, 50], r"expected epoch \[0\], found \[.*10.*50"), ([0], "expected an epoch after 0")],
)
def test_normalised_change_needs_a_start_and_an_end(invariants, conditions, epochs, message):
    table = invariants[invariants["epoch"].isin(epochs)]
    with pytest.raises(ValueError, match=message):
        fits.normalised_change(table, conditions, STYLE)


def test_a_missing_column_is_named(parameters):
    with pytest.raises(ValueError, match=r"expected columns \['value'\], found .*'parameter'"):
        fits.parameters(parameters.drop(columns="value"), TITLE, STYLE)


def test_a_missing_invariant_is_named(invariants, conditions):
    one = select(invariants, condition=conditions["condition"][0])
    with pytest.raises(ValueError, match=r"expected published \['I52'\], found .*'I51'"):
        fits.deviation_sd(one[one["published"] != "I52"], TITLE, STYLE)


def test_a_figure_of_one_condition_refuses_two(invariants):
    with pytest.raises(ValueError, match="expected one condition in a figure, found"):
        fits.deviation_start(invariants, TITLE, STYLE)


def test_output_scales_have_panels_of_their_own(scaled, invariants):
    settings = ["no output scale", "alpha 0.5", "alpha 4"]
    figure = fits.normalised_change(renamed(invariants, scaled), scaled, STYLE)
    ends = [panel.get_title(loc="left").split(": ")[1] for panel in figure.axes]
    assert ends == settings * len(LAYERS)
    assert "no weight decay" in words(figure)
