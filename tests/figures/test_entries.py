import numpy as np
import pandas as pd
import pytest
from support.figures import STYLE, assert_apart, assert_same_when_read, lines, select, words

from weightlaws.figures.entries import entries
from weightlaws.figures.style import save
from weightlaws.inference.entries import entry_densities

LAYERS = {"input-hidden1": (5, 8, "columns"), "hidden1-hidden2": (5, 5, None)}
ONE_SIDED = "one entry of the one-sided law: a normal for each label"


@pytest.fixture
def table():
    rng, parts = np.random.default_rng(2), []
    for layer, (rows, columns, labelled) in LAYERS.items():
        for epoch in (0, 10):
            matrices = (1 + epoch / 10) * rng.standard_t(5, size=(20, rows, columns))
            found = entry_densities(matrices, labelled, 50, rng)
            place = {"condition": "a", "layer": layer, "rows": rows, "columns": columns}
            parts.append(found.assign(**place, epoch=epoch))
    return pd.concat(parts, ignore_index=True)


def test_a_panel_has_the_densities_of_its_layer_and_epoch(table):
    figure = entries(table, "a title", STYLE)
    mine = select(table, layer="input-hidden1", epoch=10)
    panel = figure.axes[1]
    assert panel.get_yscale() == "log"
    np.testing.assert_array_equal(lines(panel)[ONE_SIDED].get_ydata(), mine["one-sided"])
    (histogram,) = panel.patches
    np.testing.assert_array_equal(histogram.get_data().values, mine["density"])
    bars = panel.get_lines()[-1].get_ydata().reshape(-1, 3)
    np.testing.assert_array_equal(bars[:, 1], mine["high"][mine["density"] > 0])
    (corner,) = panel.child_axes
    assert corner.get_yscale() == "linear"


def test_a_layer_without_labels_has_no_one_sided_law(table):
    assert ONE_SIDED not in lines(entries(table, "a title", STYLE).axes[2])
    alone = select(table, layer="hidden1-hidden2").drop(columns="one-sided")
    assert "one-sided" not in words(entries(alone, "a title", STYLE))


def test_a_layer_without_an_epoch_has_no_panel_there(table):
    missing = (table["layer"] == "input-hidden1") & (table["epoch"] == 10)
    assert len(entries(table[~missing], "a title", STYLE).axes) == 3


def test_nothing_overlaps_or_leaves_the_figure(table, tmp_path):
    figure = entries(table, "a title", STYLE)
    assert_apart(figure, STYLE)
    for k in range(2):
        save(entries(table, "a title", STYLE), tmp_path / f"{k}.svg", STYLE)
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()


def test_a_missing_column_is_named(table):
    with pytest.raises(ValueError, match=r"entries: expected columns \['low'\]"):
        entries(table.drop(columns="low"), "a title", STYLE)


def test_a_table_that_is_read_back_draws_the_same_picture(table, tmp_path):
    assert_same_when_read(lambda read: entries(read, "a title", STYLE), [table], tmp_path)
