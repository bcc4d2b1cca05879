import numpy as np
import pytest
from support.figures import LAYERS, STYLE, renamed, select, words

from weightlaws.figures.distances import distance_matrix, distances_of, from_start, wasserstein


def of_condition(panel, k):
    """The line of the k-th condition, its full and its hollow markers, and its band."""
    line, full, hollow = panel.get_lines()[3 * k : 3 * k + 3]
    assert (full.get_markerfacecolor(), hollow.get_markerfacecolor()) == (line.get_color(), "white")
    return line, full, hollow, panel.collections[k].get_paths()[0].vertices[:, 1]


def test_wasserstein_draws_distances_without_bias_and_their_intervals(distances, conditions):
    distances.loc[distances["epoch"] == 10, "w2"] = 0.01  # below each floor
    figure = wasserstein(distances, conditions, STYLE)
    for panel, layer in zip(figure.axes, LAYERS, strict=True):
        for k, name in enumerate(conditions["condition"]):
            table = select(distances, reference="start", layer=layer, condition=name)
            line, full, hollow, band = of_condition(panel, k)
            expected = np.sqrt(table["w2_squared_corrected"].clip(0))
            np.testing.assert_allclose(line.get_ydata(), expected)
            assert set(hollow.get_xdata()) == set(table["epoch"][table["w2"] <= table.w2_floor_95])
            assert {*hollow.get_xdata(), *full.get_xdata()} == {0, 10, 50}
            assert band.min() == np.sqrt(table["w2_squared_low"].min())
            assert band.max() == np.sqrt(table["w2_squared_high"].max())
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > panel.dataLim.ymax
    assert "W₂ to the law at\nepoch 0 (units of weight)" in words(figure)
    lines = figure.axes[0].get_lines()[::3]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(conditions)


def test_a_squared_distance_below_0_is_drawn_as_none(distances):
    below = distances.assign(w2_squared_corrected=-0.1, w2_squared_low=0.0, w2_squared_high=0.0)
    assert (distances_of(below)[["value", "low", "high"]] == 0).all(axis=None)


def test_the_way_from_the_start_is_that_of_one_condition(distances, conditions):
    name = conditions["condition"].iloc[1]
    figure = from_start(distances.assign(epoch=distances["epoch"] + 3), name, "my nets", STYLE)
    for panel, layer in zip(figure.axes, LAYERS, strict=True):
        table = select(distances, reference="start", layer=layer, condition=name)
        line, *_ = of_condition(panel, 0)
        np.testing.assert_array_equal(line.get_xdata(), table["epoch"] + 3)
        np.testing.assert_allclose(line.get_ydata(), np.sqrt(table["w2_squared_corrected"].clip(0)))
    assert "W₂ to the law at\nepoch 3 (units of weight)" in words(figure)
    assert "my nets" in words(figure)
    assert name not in words(figure)
    with pytest.raises(ValueError, match="expected"):
        from_start(distances, "another", "my nets", STYLE)


def test_a_legend_of_long_labels_stays_within_its_figure(scaled, distances):
    figure = wasserstein(renamed(distances, scaled), scaled, STYLE)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_distance_matrix_tells_each_distance_and_its_interval(distances, conditions):
    names = list(conditions["condition"])
    chance = (distances["reference"] == names[1]) & (distances["condition"] == names[3])
    distances.loc[chance, "w2_floor_95"] = 10
    figure = distance_matrix(distances, conditions, STYLE)
    for panel, layer in zip(figure.axes[:2], LAYERS, strict=True):
        between = select(distances, layer=layer)
        between = between[between["reference"].isin(names)]
        between = between.join(distances_of(between))
        cells = panel.images[0].get_array().filled(np.nan)
        expected = between.pivot(index="reference", columns="condition", values="value")
        np.testing.assert_array_equal(cells, expected.loc[names[:-1], names[1:]])
        texts = {text.get_position(): text.get_text() for text in panel.texts}
        assert len(texts) == len(between)
        for row in between.itertuples():
            place = names.index(row.condition) - 1, names.index(row.reference)
            assert texts[place] == f"{row.value:.3g}\n{row.low:.2g} to {row.high:.2g}"
        patches = [patch for patch in panel.patches if patch.get_hatch()]
        (hatched,) = patches
        (corners,) = hatched.get_path().to_polygons()
        assert [*corners.min(axis=0), *corners.max(axis=0)] == [1.5, 0.5, 2.5, 1.5]
    assert "distances at epoch 50" in words(figure)
    assert "units of weight" in words(figure)
    assert not any(name in words(figure) for name in names)


def test_a_missing_reference_is_named(distances, conditions):
    table = distances[distances["reference"] != "start"]
    with pytest.raises(ValueError, match=r"expected reference \['start'\], found"):
        wasserstein(table, conditions, STYLE)


def test_distance_matrix_needs_two_conditions(distances, conditions):
    with pytest.raises(ValueError, match="expected at least two to compare, found"):
        distance_matrix(distances, conditions[:1], STYLE)
