import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from support.figures import STYLE, TITLE, assert_apart, cross, words

from weightlaws.figures.noise_scale import noise_scale

PARAMETERS = ["mean", "v_total", "v_rows", "v_columns", "v_rest"]
LAYERS, EPOCHS = ["hidden1-hidden2", "hidden2-output"], [0, 1, 5, 10]


@pytest.fixture
def parameters():
    table = cross(
        layer=LAYERS,
        learning_rate=[0.1, 0.2, 0.3],
        batch_size=[50, 100],
        epoch=EPOCHS,
        parameter=PARAMETERS,
    )
    value = np.random.default_rng(3).uniform(1, 2, len(table))
    names = [
        f"rate{rate}-batch{batch}"
        for rate, batch in zip(table["learning_rate"], table["batch_size"], strict=True)
    ]
    return table.assign(
        recipe="a",
        condition=names,
        rows=10,
        columns=10,
        noise_scale=table["learning_rate"] / table["batch_size"],
        value=value,
        low=value - 0.1,
        high=value + 0.1,
    )


def test_lines_stand_at_the_time_and_value_of_the_table(parameters):
    figure = noise_scale(parameters, TITLE, STYLE)
    panels = figure.axes
    assert len(panels) == len(LAYERS) * len(PARAMETERS)
    part = parameters.query("layer == 'hidden2-output' and parameter == 'v_rows' and epoch > 0")
    lines = {tuple(line.get_ydata()): line for line in panels[5 + 2].lines}
    for _, one in part.groupby("condition"):
        line = lines[tuple(one["value"])]
        assert line.get_xdata() == pytest.approx(one["epoch"] * one["noise_scale"], rel=1e-5)


def test_equal_ratios_share_a_colour_and_the_legend_says_which(parameters):
    figure = noise_scale(parameters, TITLE, STYLE)
    # 0.1/50 and 0.2/100 are one ratio, and so are no others.
    colours = {tuple(line.get_color()) for line in figure.axes[0].lines}
    assert len(colours) == 5
    told = words(figure)
    assert "rate / batch 0.002" in told
    assert "batches of 100" in told
    assert_apart(figure, STYLE)


@pytest.mark.parametrize(("epochs", "bands"), [(EPOCHS, False), (range(9), True)])
def test_intervals_are_bands_where_lines_have_epochs_enough(parameters, epochs, bands):
    one = parameters.query("layer == 'hidden1-hidden2' and parameter == 'v_rest' and epoch == 1")
    line = pd.concat([one.assign(epoch=epoch) for epoch in epochs])
    table = pd.concat([line.assign(parameter=name) for name in PARAMETERS])
    panel = noise_scale(table, TITLE, STYLE).axes[-1]
    kind = PolyCollection if bands else LineCollection
    for drawn, (_, row) in zip(panel.collections, one.iterrows(), strict=True):
        assert isinstance(drawn, kind)
        ends = np.concatenate([path.vertices for path in drawn.get_paths()])
        assert (ends[:, 1].min(), ends[:, 1].max()) == (row["low"], row["high"])
        assert len(np.unique(ends[:, 0])) == len(epochs) - 1


def test_a_table_without_a_parameter_is_refused(parameters):
    with pytest.raises(ValueError, match="expected parameter \\['v_rest'\\]"):
        noise_scale(parameters[parameters["parameter"] != "v_rest"], TITLE, STYLE)
