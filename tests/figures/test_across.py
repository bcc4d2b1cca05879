import numpy as np
import pandas as pd
import pytest
from support.figures import STYLE, assert_apart, cross, words

from weightlaws.figures.across import across
from weightlaws.figures.style import save

LAYERS = ["hidden1-hidden2", "hidden2-output"]
PAIRS = [["digits-10x10-gaussian-decay0", "digits-10x10-gaussian-decay0.01"]]
WIDE = "digits-40x40-gaussian-decay0"
COMPARISONS = {
    "width": [[PAIRS[0][0], WIDE]],
    "weight decay": PAIRS,
    "layer": [[name] for name in PAIRS[0]],
}


@pytest.fixture
def conditions(conditions):
    wide = conditions.iloc[:1].assign(condition=WIDE, hidden="40x40")
    return pd.concat([conditions, wide], ignore_index=True).assign(
        layers="input-hidden1 hidden1-hidden2 hidden2-output"
    )


def of_layers(conditions):
    """One row a condition and square layer, at the epochs 0 and 50; of wide networks one layer."""
    table = cross(condition=list(conditions["condition"]), layer=LAYERS, epoch=[0, 50])
    return table[(table["condition"] != WIDE) | (table["layer"] == LAYERS[0])]


@pytest.fixture
def misses(conditions, rng):
    table = of_layers(conditions).merge(
        pd.DataFrame({"law": ["i.i.d.", "bipartite", "diagonal S_D"]}), how="cross"
    )
    miss = rng.uniform(0.1, 1, len(table))
    return table.assign(selection="all", miss=miss, low=miss - 0.05, high=miss + 0.1)


@pytest.fixture
def distances(conditions, rng):
    table = of_layers(conditions)
    size = np.where(table["condition"] == WIDE, 40, 10)
    square = np.where(table["epoch"] > 0, rng.uniform(0.1, 3, len(table)), 0)
    columns = {"corrected": square, "low": 0.8 * square, "high": 1.2 * square}
    values = {f"w2_squared_{name}": column for name, column in columns.items()}
    return table.assign(reference="start", size=size, **values)


def heights(panel):
    """Values of the dots that are drawn."""
    dots = [line for line in panel.get_lines() if line.get_marker() in tuple("os^DvP")]
    return sorted(np.concatenate([dot.get_ydata() for dot in dots]))


def test_each_column_has_what_its_conditions_have(misses, distances, conditions):
    figure = across(misses, distances, conditions, COMPARISONS, STYLE)
    chosen = misses[(misses["law"] == "diagonal S_D") & (misses["epoch"] == 50)]
    chosen = chosen.set_index(["condition", "layer"])["miss"]
    width, decay, depth = figure.axes[3:6]
    assert heights(width) == sorted(chosen[[(name, LAYERS[0]) for name in COMPARISONS["width"][0]]])
    assert heights(decay) == heights(depth) == sorted(chosen[PAIRS[0]])
    assert [tick.get_text() for tick in figure.axes[6].get_xticklabels()] == ["10", "40"]
    assert [tick.get_text() for tick in figure.axes[8].get_xticklabels()] == ["2", "3"]


def test_the_legend_says_what_the_axes_do_not(misses, distances, conditions):
    said = words(across(misses, distances, conditions, COMPARISONS, STYLE))
    assert "Gaussian start" in said
    assert "hidden 1 to hidden 2" in said
    # The line of the pair that differs in decay, which its axis tells.
    assert "784-10-10-10, digits" in said
    assert "hidden1-hidden2" not in said


def test_distances_are_per_entry(misses, distances, conditions):
    figure = across(misses, distances, conditions, COMPARISONS, STYLE)
    mine = distances[(distances["layer"] == LAYERS[0]) & (distances["epoch"] == 50)]
    mine = mine.set_index("condition").loc[COMPARISONS["width"][0]]
    expected = np.sqrt(mine["w2_squared_corrected"]) / mine["size"]
    np.testing.assert_allclose(heights(figure.axes[6]), sorted(expected))


def test_only_what_the_study_has_is_drawn(misses, distances, conditions):
    one = {"layer": COMPARISONS["layer"]}
    figure = across(misses, distances, conditions, one, STYLE)
    assert len(figure.axes) == 3
    assert "width" not in [panel.get_xlabel() for panel in figure.axes]
    # Epochs after training are in no family of tests.
    early = across(misses[misses["epoch"] == 0], distances, conditions, one, STYLE)
    assert len(early.axes) == 1
    assert "miss" not in words(early)


def test_where_nothing_can_be_compared_there_is_no_figure(misses, distances, conditions):
    with pytest.raises(ValueError, match="conditions or layers to compare after training"):
        across(misses, distances, conditions, {"layer": [[WIDE]]}, STYLE)


def test_nothing_overlaps_or_leaves_the_figure(misses, distances, conditions, tmp_path):
    assert_apart(across(misses, distances, conditions, COMPARISONS, STYLE), STYLE)
    for k in range(2):
        figure = across(misses, distances, conditions, COMPARISONS, STYLE)
        save(figure, tmp_path / f"{k}.svg", STYLE)
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()


def test_a_missing_column_is_named(misses, distances, conditions):
    with pytest.raises(ValueError, match=r"misses: expected columns \['miss'\]"):
        across(misses.drop(columns="miss"), distances, conditions, COMPARISONS, STYLE)


def test_a_bar_far_longer_than_all_values_does_not_hide_them(misses, distances, conditions):
    independent = misses["law"] == "i.i.d."
    misses.loc[independent & (misses["condition"] == PAIRS[0][0]), "high"] = 40_000
    figure = across(misses, distances, conditions, COMPARISONS, STYLE)
    row = figure.axes[:3]
    largest = max(max(heights(panel)) for panel in row)
    assert largest < row[0].get_ylim()[1] < 3 * largest


def test_bars_of_values_that_are_0_are_seen(misses, distances, conditions):
    independent = misses["law"] == "i.i.d."
    misses.loc[independent, ["miss", "low", "high"]] = [0.0, 0.0, 0.1]
    row = across(misses, distances, conditions, COMPARISONS, STYLE).axes[:3]
    assert row[0].get_ylim()[1] > 0.1


def test_a_value_far_larger_than_the_others_does_not_flatten_them(misses, distances, conditions):
    independent = misses["law"] == "i.i.d."
    far = misses.index[independent & (misses["condition"] == PAIRS[0][0])][-1:]
    misses.loc[far, ["miss", "low", "high"]] = [40_000.0, 20_000.0, 60_000.0]
    first, other = (
        across(misses, distances, conditions, COMPARISONS, STYLE).axes[3 * row] for row in (0, 1)
    )
    assert other.get_yscale() == "linear"
    bottom, top = first.transData.transform([(0, 0), (0, 40_000)])[:, 1]
    usual = misses.loc[independent, "miss"].median()
    assert first.transData.transform((0, usual))[1] - bottom > 0.1 * (top - bottom)
