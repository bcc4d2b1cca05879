from itertools import product

import numpy as np
import pytest
from support.figures import LAYERS, STYLE, renamed, select, words

from weightlaws.figures.distances import distance_matrix, from_start, wasserstein


def test_wasserstein_draws_distance_and_floor(distances, conditions):
    figure = wasserstein(distances, conditions, STYLE)
    panels = product(["initial law", "start"], LAYERS)
    for panel, (reference, layer) in zip(figure.axes, panels, strict=True):
        curves, bands = panel.get_lines(), panel.collections
        for k, name in enumerate(conditions["condition"]):
            table = select(distances, reference=reference, layer=layer, condition=name)
            floor, curve = curves[2 * k], curves[2 * k + 1]
            np.testing.assert_array_equal(floor.get_ydata(), table["w2_floor_mean"])
            np.testing.assert_array_equal(curve.get_ydata(), table["w2"])
            band = bands[k].get_paths()[0].vertices[:, 1]
            assert band.min() == table["w2_floor_mean"].min()
            assert band.max() == table["w2_floor_95"].max()
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > panel.dataLim.ymax
    assert "W₂ to the initial law\n(units of weight)" in words(figure)
    looks = [(line.get_color(), line.get_linestyle()) for line in curves[1::2]]
    assert len(set(looks)) == len(conditions)


def test_the_way_from_the_start_is_that_of_one_condition(distances, conditions):
    name = conditions["condition"].iloc[1]
    figure = from_start(distances.assign(epoch=distances["epoch"] + 3), name, STYLE)
    for panel, layer in zip(figure.axes, LAYERS, strict=True):
        table = select(distances, reference="start", layer=layer, condition=name)
        floor, curve = panel.get_lines()
        np.testing.assert_array_equal(curve.get_xdata(), table["epoch"] + 3)
        np.testing.assert_array_equal(curve.get_ydata(), table["w2"])
        np.testing.assert_array_equal(floor.get_ydata(), table["w2_floor_mean"])
    assert "W₂ to the law at\nepoch 3 (units of weight)" in words(figure)
    assert name in words(figure)
    with pytest.raises(ValueError, match="expected"):
        from_start(distances, "another", STYLE)


def test_a_legend_of_long_labels_stays_within_its_figure(scaled, distances):
    figure = wasserstein(renamed(distances, scaled), scaled, STYLE)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_distance_matrix_tells_each_distance_and_floor(distances, conditions):
    figure = distance_matrix(distances, conditions, STYLE)
    names = list(conditions["condition"])
    for panel, layer in zip(figure.axes[:2], LAYERS, strict=True):
        between = select(distances, layer=layer)
        between = between[between["reference"].isin(names)]
        cells = panel.images[0].get_array().filled(np.nan)
        expected = between.pivot(index="reference", columns="condition", values="w2")
        np.testing.assert_array_equal(cells, expected.loc[names[:-1], names[1:]])
        texts = {text.get_position(): text.get_text() for text in panel.texts}
        assert len(texts) == len(between)
        for row in between.itertuples():
            place = names.index(row.condition) - 1, names.index(row.reference)
            assert texts[place] == f"{row.w2:.3g}\n(floor {row.w2_floor_95:.2g})"
    assert "W₂ at epoch 50 (units of weight)" in words(figure)


def test_a_missing_reference_is_named(distances, conditions):
    table = distances[distances["reference"] != "start"]
    with pytest.raises(ValueError, match=r"expected reference \['start'\], found"):
        wasserstein(table, conditions, STYLE)


def test_distance_matrix_needs_two_conditions(distances, conditions):
    with pytest.raises(ValueError, match="expected at least two to compare, found"):
        distance_matrix(distances, conditions[:1], STYLE)


def test_a_start_of_dependent_entries_has_no_distance_from_its_law(distances, conditions):
    name = conditions["condition"][0]
    dependent = distances[(distances["condition"] != name) | (distances["reference"] == "start")]
    figure = wasserstein(dependent, conditions, STYLE)
    n = len(conditions)
    assert [len(panel.lines) > 0 for panel in figure.axes] == [True] * len(figure.axes)
    upper, lower = (len(figure.axes[k].lines) for k in (0, len(figure.axes) // 2))
    assert upper * n == lower * (n - 1)
    alone = wasserstein(dependent, conditions[conditions["condition"] == name], STYLE)
    assert len(alone.axes) == len(figure.axes) // 2
