from itertools import product

import numpy as np
import pandas as pd
import pytest
from support.figures import EPOCHS, HIGHER, LAYERS, STYLE, lines, renamed, select, words
from support.published import VALUES

from weightlaws.figures import fits


def test_deviation_start_draws_the_column_of_each_fitted_invariant(invariants, conditions):
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    figure = fits.deviation_start(one, STYLE)
    drawn = {}
    for panel, layer in zip(figure.axes, LAYERS * 4, strict=True):
        assert panel.get_yscale() == "symlog"
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > panel.dataLim.ymax
        for label, line in lines(panel).items():
            drawn[layer, label.split(":")[0]] = line
    fitted = [f"I{k}" for k in range(1, 14)]
    for layer, name in product(LAYERS, fitted):
        expected = select(one, layer=layer, published=name)
        np.testing.assert_array_equal(drawn[layer, name].get_xdata(), EPOCHS)
        np.testing.assert_array_equal(drawn[layer, name].get_ydata(), expected["deviation_start"])
    guides = [line for panel in figure.axes for line in panel.get_lines()]
    assert sum(set(line.get_ydata()) == {1.96} for line in guides) == len(figure.axes)
    assert "standard errors of the initial law" in words(figure)


def test_fitted_invariants_are_the_published_ones():
    published = {graph["name"]: graph["edges"] for graph in VALUES["invariants"]}
    drawn = {name: factors for group in fits._FITTED.values() for name, factors in group.items()}
    assert sorted(drawn, key=lambda name: int(name[1:])) == [f"I{k}" for k in range(1, 14)]
    assert drawn == {
        name: ".".join("ijkl"[row] + "ijkl"[column] for row, column in edges)
        for name, edges in published.items()
        if name in drawn
    }


def test_deviation_sd_is_a_map_of_the_column(invariants, conditions):
    one = invariants[invariants["condition"] == conditions["condition"][0]].copy()
    one.loc[one.index[one["published"] == "I14"][0], "deviation_sd"] = 0.0
    figure = fits.deviation_sd(one, STYLE)
    for panel, layer in zip(figure.axes[:2], LAYERS, strict=True):
        (image,) = panel.images
        table = select(one, layer=layer).pivot(
            index="published", columns="epoch", values="deviation_sd"
        )
        cells = image.get_array().filled(np.nan)
        np.testing.assert_array_equal(cells[1:16], table.loc[HIGHER[:15]].clip(0.01, 10))
        np.testing.assert_array_equal(cells[17:], table.loc[HIGHER[15:]].clip(0.01, 10))
        assert np.isnan(cells[[0, 16]]).all()
        assert [label.get_text() for label in panel.get_xticklabels()] == ["0", "10", "50"]
        assert image.get_clim() == (0.01, 10)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["cubic", *HIGHER[:15], "quartic", *HIGHER[15:]]
    assert "SD over members" in words(figure)


def test_deviation_sd_of_layers_with_snapshots_of_their_own(invariants, conditions):
    one = select(invariants, condition=conditions["condition"][0])
    one = one[(one["layer"] == LAYERS[0]) | (one["epoch"] != 10)]
    first, second = fits.deviation_sd(one, STYLE).axes
    for panel, epochs in ((first, ["0", "10", "50"]), (second, ["0", "50"])):
        assert [label.get_text() for label in panel.get_xticklabels()] == epochs
        assert panel.get_xlim() == (-0.5, len(epochs) - 0.5)


def test_normalised_change_has_the_formula_as_height(invariants, conditions):
    never, name = {"layer": LAYERS[0], "published": "I14"}, conditions["condition"][0]
    is_zero = (invariants[["layer", "published"]] == pd.Series(never)).all(axis=1)
    invariants.loc[is_zero & (invariants["condition"] == name), "deviation_sd"] = 0.0
    figure = fits.normalised_change(invariants, conditions, STYLE)
    panels = product(LAYERS, [0.0, 0.01])
    for panel, (layer, decay) in zip(figure.axes, panels, strict=True):
        assert panel.get_title(loc="left") == f"{layer} (D\xa0=\xa010), weight decay {decay:g}"
        names = select(conditions, weight_decay=decay)["condition"]
        for bars, condition in zip(panel.containers, names, strict=True):
            d = select(invariants, condition=condition, layer=layer).pivot(
                index="published", columns="epoch", values="deviation_sd"
            )
            d = d.loc[HIGHER]
            expected = ((d[50] - d[0]) / (d[50] + d[0])).fillna(0)
            np.testing.assert_allclose([bar.get_height() for bar in bars], expected)
    assert figure.axes[0].containers[0][0].get_height() == 0
    hatches = {bars[0].get_hatch() for bars in figure.axes[0].containers}
    assert len(hatches) == 2


def test_parameters_draw_the_column_of_each(parameters):
    figure = fits.parameters(parameters, STYLE)
    drawn = set()
    for panel, layer in zip(figure.axes, LAYERS * 5, strict=True):
        for label, line in lines(panel).items():
            name = label.split(":")[0]
            expected = select(parameters, layer=layer, parameter=name)["value"]
            np.testing.assert_array_equal(line.get_ydata(), expected)
            drawn.add(name)
    assert drawn == {f"f{k}" for k in range(1, 14)}
    assert "units of weight" in words(figure)


def test_typicality_draws_the_ratio_of_each_fitted_invariant(invariants, conditions, rng):
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    one = one.dropna(subset="deviation_start").assign(ratio=1.0)
    one["ratio"] = np.exp(rng.normal(size=len(one)))
    figure = fits.typicality(one, STYLE)
    for panel, layer in zip(figure.axes, LAYERS * 3, strict=True):
        drawn = lines(panel)
        assert any(set(line.get_ydata()) == {1} for line in drawn.values())
        for label, line in drawn.items():
            if ":" in label:
                expected = select(one, layer=layer, published=label.split(":")[0])["ratio"]
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
        fits.parameters(parameters.drop(columns="value"), STYLE)


def test_a_missing_invariant_is_named(invariants, conditions):
    one = select(invariants, condition=conditions["condition"][0])
    with pytest.raises(ValueError, match=r"expected published \['I52'\], found .*'I51'"):
        fits.deviation_sd(one[one["published"] != "I52"], STYLE)


def test_a_figure_of_one_condition_refuses_two(invariants):
    with pytest.raises(ValueError, match="expected one condition in a figure, found"):
        fits.deviation_start(invariants, STYLE)


def test_output_scales_have_panels_of_their_own(scaled, invariants):
    settings = [f"weight decay 0{end}" for end in ("", ", alpha 0.5", ", alpha 4")]
    figure = fits.normalised_change(renamed(invariants, scaled), scaled, STYLE)
    panels = [f"{layer} (D\xa0=\xa010), {setting}" for layer, setting in product(LAYERS, settings)]
    assert [panel.get_title(loc="left") for panel in figure.axes] == panels
    assert all(len(panel.containers) == 2 for panel in figure.axes)
