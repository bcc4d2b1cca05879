import matplotlib.pyplot
import numpy as np
import pandas as pd
import pytest
from support.figures import STYLE, assert_apart

from weightlaws.figures import fits
from weightlaws.figures.distances import distance_matrix, wasserstein
from weightlaws.figures.style import (
    Style,
    layer_headings,
    looks_of,
    power_of_ten,
    save,
    settings_of,
)
from weightlaws.figures.training import accuracy


@pytest.fixture
def every_figure(conditions, invariants, parameters, distances, learning_curves):
    """Return a way to draw each figure of fits, distances and training."""
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    return [
        lambda style: fits.deviation_start(one, style),
        lambda style: fits.deviation_sd(one, style),
        lambda style: fits.normalised_change(invariants, conditions, style),
        lambda style: fits.parameters(parameters, style),
        lambda style: wasserstein(distances, conditions, style),
        lambda style: distance_matrix(distances, conditions, style),
        lambda style: accuracy(learning_curves, conditions, style),
    ]


def test_what_is_not_as_published_is_said(conditions):
    one = conditions.head(3).assign(
        weight_decay=0.0,
        output_scale=[np.nan, np.nan, 4.0],
        optimiser=["adam", "sgd", "adam"],
        activation=["relu", "tanh", "relu"],
        learning_rate=[0.001, 0.1, 0.001],
        biases=[False, True, False],
        label_noise=[0.0, 0.5, 0.0],
    )
    assert settings_of(one).tolist() == [
        "weight decay 0, rate 0.001",
        "weight decay 0, sgd, tanh, rate 0.1, biases, label noise 0.5",
        "weight decay 0, alpha 4, rate 0.001",
    ]
    assert settings_of(one.head(1)).tolist() == ["weight decay 0"]


def test_conditions_that_differ_in_output_scale_look_and_read_different(scaled):
    looks = looks_of(scaled)
    drawn = {(look["color"], look["linestyle"]) for look in looks.values()}
    assert len(drawn) == len({look["label"] for look in looks.values()}) == len(scaled) == 6
    assert looks["digits-10x10-gaussian-decay0"]["label"] == "gaussian, weight decay 0"
    labels = [look["label"] for name, look in looks.items() if name.endswith("-alpha4")]
    assert labels == ["gaussian, weight decay 0, alpha 4", "uniform, weight decay 0, alpha 4"]


def test_every_figure_saves_the_same_bytes_twice_and_leaves_nothing_open(every_figure, tmp_path):
    for draw in every_figure:
        save(draw(STYLE), tmp_path / "first.svg", STYLE)
        save(draw(STYLE), tmp_path / "second.svg", STYLE)
        first = (tmp_path / "first.svg").read_text()
        assert first == (tmp_path / "second.svg").read_text()
        assert "<dc:date>" not in first
        assert "digits-10x10" in first
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize("style", [STYLE, Style(5.0, 0.7)])
def test_nothing_overlaps_or_leaves_the_figure(every_figure, style):
    for draw in every_figure:
        assert_apart(draw(style), style)


def test_text_follows_the_font_scale_and_panels_the_width(parameters):
    sizes, widths = [], []
    for style in (STYLE, Style(panel_width=6.8, font_scale=2.0)):
        figure = fits.parameters(parameters, style)
        with style.in_use():
            figure.draw_without_rendering()
        sizes.append(figure.axes[-1].get_xticklabels()[0].get_fontsize())
        widths.append(figure.get_figwidth())
    assert sizes[1] == 2 * sizes[0]
    assert widths[1] == pytest.approx(2 * widths[0])


def test_headings_tell_the_shape_and_wrap_long_names():
    table = pd.DataFrame({"layer": ["fc", "fc", "x" * 50], "size": [4, 4, 5], "epoch": 0})
    assert layer_headings(table) == {
        "fc": "fc (D\xa0=\xa04)",
        "x" * 50: f"{'x' * 42}\n{'x' * 8} (D\xa0=\xa05)",
    }
    table = table.assign(rows=3, columns=7).drop(columns="size")
    assert layer_headings(table)["fc"] == "fc (3\xa0x\xa07)"


def test_powers_of_ten_are_plain_text():
    assert [power_of_ten(x) for x in (1e-12, 1.0, 1000.0)] == ["10⁻¹²", "10⁰", "10³"]
