import numpy as np
import pandas as pd
import pytest
from support.figures import LAYERS, STYLE, assert_apart, cross, words

from weightlaws.figures.ensemble_map import ensemble_map
from weightlaws.figures.style import save
from weightlaws.laws.pigmm import PIGMM


@pytest.fixture
def parameters(conditions, rng):
    parts = []
    for condition, layer in cross(c=conditions["condition"], layer=LAYERS).itertuples(index=False):
        for epoch in range(12):
            law = PIGMM.fit((1 + 0.1 * epoch) * rng.normal(size=(20, 10, 10)))
            names = [f"f{k}" for k in range(1, 14)]
            part = pd.DataFrame({"parameter": names, "value": law.parameters})
            parts.append(part.assign(condition=condition, layer=layer, size=10, epoch=epoch))
    return pd.concat(parts, ignore_index=True)


def starts(panel):
    return [line for line in panel.get_lines() if line.get_markerfacecolor() == "white"]


def paths(panel):
    return [line for line in panel.get_lines() if len(line.get_xdata()) > 2]


def test_each_condition_and_layer_is_a_path_from_its_start(parameters, distances, conditions):
    (panel,) = ensemble_map(parameters, distances, conditions, 0, STYLE).axes
    drawn = paths(panel)
    assert len(drawn) == len(starts(panel)) == len(conditions) * len(LAYERS)
    for path, start in zip(drawn, starts(panel), strict=True):
        np.testing.assert_array_equal(path.get_xydata()[0], start.get_xydata()[0])
    # Entries grow along the first axis, by 1.1 times the size of the start.
    moved = [path.get_xdata()[-1] - path.get_xdata()[0] for path in drawn]
    assert np.abs(moved) == pytest.approx(11, rel=0.1)


def test_a_size_with_one_path_has_no_panel(parameters, distances, conditions):
    name = conditions["condition"][0]
    alone = (parameters["condition"] == name) & (parameters["layer"] == LAYERS[0])
    other = parameters[alone].assign(size=12)
    figure = ensemble_map(pd.concat([parameters, other]), distances, conditions, 0, STYLE)
    assert len(figure.axes) == 1
    with pytest.raises(ValueError, match="two layers or conditions"):
        ensemble_map(other, distances, conditions, 0, STYLE)


def test_the_bar_is_as_long_as_what_chance_makes(parameters, distances, conditions):
    (panel,) = ensemble_map(parameters, distances, conditions, 0, STYLE).axes
    (bar,) = [line for line in panel.get_lines() if line.get_marker() == "|"]
    mine = distances[(distances["reference"] == "start") & (distances["epoch"] == 50)]
    assert np.ptp(bar.get_xdata()) == pytest.approx(mine["w2_floor_95"].median())


def test_networks_from_elsewhere_keep_their_name(parameters, distances, conditions):
    first = conditions["condition"][0]
    conditions.loc[0, ["condition", "dataset"]] = ["own nets", np.nan]
    parameters["condition"] = parameters["condition"].replace(first, "own nets")
    text = words(ensemble_map(parameters, distances, conditions, 0, STYLE))
    assert "own nets" in text
    assert "uniform start, weight decay 0.01" in text


def test_nothing_overlaps_or_leaves_the_figure(parameters, distances, conditions, tmp_path):
    assert_apart(ensemble_map(parameters, distances, conditions, 0, STYLE), STYLE)
    for k in range(2):
        figure = ensemble_map(parameters, distances, conditions, 0, STYLE)
        save(figure, tmp_path / f"{k}.svg", STYLE)
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()
