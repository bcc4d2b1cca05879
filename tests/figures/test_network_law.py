import numpy as np
import pandas as pd
import pytest
from support.figures import STYLE, TITLE, assert_apart, cross, words

from weightlaws.figures.network_law import network_law
from weightlaws.figures.style import save
from weightlaws.inference.drawn_names import ALL as ALL_LAYERS
from weightlaws.inference.drawn_names import JOINT, NOTHING, OTHERS, PERMUTED, TRAINED
from weightlaws.laws.names import INDEPENDENT

EPOCHS, HIDDEN = [0, 1, 10], ["hidden1", "hidden2"]
LAYERS = ["input-hidden1", "hidden1-hidden2", "hidden2-output"]
SELECTIONS = ["all", "without dead outputs"]


@pytest.fixture
def pairs():
    table = cross(
        selection=SELECTIONS, epoch=EPOCHS, statistic=["sums", "norms"], hidden=HIDDEN
    ).assign(condition="a")
    gain = np.random.default_rng(5).uniform(-1, 5, len(table))
    return table.assign(
        gain=gain,
        low=gain - 0.5,
        high=gain + 0.5,
        p_adjusted=np.where(table["epoch"] == 0, 0.4, 0.01),
    )


@pytest.fixture
def drawn():
    laws = [INDEPENDENT, JOINT, OTHERS]
    table = pd.concat(
        [
            cross(selection=SELECTIONS, epoch=[10], law=[TRAINED], drawn=[NOTHING]),
            cross(selection=SELECTIONS, epoch=[10], law=laws, drawn=[ALL_LAYERS, *LAYERS]),
            cross(selection=SELECTIONS, epoch=[10], law=[PERMUTED], drawn=[ALL_LAYERS, *HIDDEN]),
        ],
        ignore_index=True,
    )
    value = np.random.default_rng(6).uniform(0.2, 0.7, len(table))
    return table.assign(condition="a", accuracy=value, low=value - 0.02, high=value + 0.02)


def test_gains_of_hidden_layers_that_join_their_layers(pairs, drawn):
    figure = network_law(pairs, drawn, 0.05, TITLE, STYLE)
    panel = figure.axes[0]
    mine = pairs[(pairs["selection"] == "all") & (pairs["statistic"] == "sums")]
    full = [line for line in panel.get_lines() if line.get_markerfacecolor() != "white"]
    full = [line for line in full if line.get_marker() in ("o", "s")]
    for line, hidden in zip(full, HIDDEN, strict=True):
        sure = mine[(mine["hidden"] == hidden) & (mine["epoch"] > 0)]
        np.testing.assert_array_equal(line.get_ydata(), sure["gain"])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == [f"layers before and after hidden {k}" for k in (1, 2)]


def test_accuracies_of_networks_with_all_layers_drawn_and_with_one(pairs, drawn):
    figure = network_law(pairs, drawn, 0.05, TITLE, STYLE)
    panel = figure.axes[1]
    mine = drawn[(drawn["selection"] == "all") & (drawn["law"] == OTHERS)].set_index("drawn")
    (dots,) = [line for line in panel.get_lines() if line.get_marker() == "^"]
    np.testing.assert_array_equal(dots.get_xdata(), mine.loc[[ALL_LAYERS, *LAYERS], "accuracy"])
    names = [text.get_text() for text in panel.get_yticklabels()]
    layers = ["input to hidden 1", "hidden 1 to hidden 2", "hidden 2 to output"]
    assert names == ["all layers", *layers, "hidden 1", "hidden 2"]
    assert panel.get_title() == "accuracy of drawn networks, epoch 10"
    text = words(figure)
    for label in ("trained networks", "i.i.d. law", "layers of different networks"):
        assert label in text


def test_networks_from_elsewhere_have_the_left_panel_alone(pairs):
    figure = network_law(pairs, None, 0.05, TITLE, STYLE)
    assert len(figure.axes) == 1
    assert_apart(figure, STYLE)


def test_too_few_members_for_a_gain_are_told_and_have_no_panel(pairs, drawn):
    pairs[["gain", "low", "high"]] = np.nan
    figure = network_law(pairs, drawn, 0.05, TITLE, STYLE)
    assert "too few members to compare laws" in figure.get_suptitle().replace("\n", " ")
    assert [panel.get_xlabel() for panel in figure.axes] == ["test accuracy"]
    nothing = network_law(pairs, None, 0.05, TITLE, STYLE)
    assert "too few members to compare laws" in nothing.get_suptitle().replace("\n", " ")
    assert not any(panel.axison for panel in nothing.axes)


def test_nothing_overlaps_or_leaves_the_figure(pairs, drawn, tmp_path):
    assert_apart(network_law(pairs, drawn, 0.05, TITLE, STYLE), STYLE)
    texts = []
    for k in range(2):
        save(network_law(pairs, drawn, 0.05, TITLE, STYLE), tmp_path / f"{k}.svg", STYLE)
        texts.append((tmp_path / f"{k}.svg").read_text())
    assert texts[0] == texts[1]


def test_a_missing_column_is_named(pairs, drawn):
    with pytest.raises(ValueError, match=r"network_law: expected columns \['gain'\]"):
        network_law(pairs.drop(columns="gain"), drawn, 0.05, TITLE, STYLE)
    with pytest.raises(ValueError, match=r"drawn: expected columns \['accuracy'\]"):
        network_law(pairs, drawn.drop(columns="accuracy"), 0.05, TITLE, STYLE)
