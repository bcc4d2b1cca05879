import numpy as np
from support.figures import STYLE, renamed, select

from weightlaws.figures.training import accuracy


def test_accuracy_draws_median_band_and_worst_member(learning_curves, conditions):
    figure = accuracy(learning_curves, conditions, STYLE)
    for panel, decay in zip(figure.axes, [0.0, 0.01], strict=True):
        assert panel.get_title() == {0.0: "no weight decay", 0.01: "weight decay 0.01"}[decay]
        for k, name in enumerate(select(conditions, weight_decay=decay)["condition"]):
            table = select(learning_curves, condition=name)
            worst, median = panel.get_lines()[2 * k : 2 * k + 2]
            np.testing.assert_array_equal(worst.get_ydata(), table["accuracy_min"])
            np.testing.assert_array_equal(median.get_ydata(), table["accuracy_median"])
            band = panel.collections[k].get_paths()[0].vertices[:, 1]
            assert band.min() == table["accuracy_q05"].min()
            assert band.max() == table["accuracy_q95"].max()
        assert panel.yaxis.get_major_formatter()(0.5).startswith("50")
    assert "%" in figure.axes[0].get_yticklabels()[1].get_text()


def test_the_title_says_what_conditions_share_and_the_legend_their_starts(
    learning_curves, conditions
):
    figure = accuracy(learning_curves, conditions, STYLE)
    assert figure.get_suptitle() == "784-10-10-10, digits"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ["Gaussian start", "uniform start"]


def test_output_scales_have_panels_of_their_own(scaled, learning_curves):
    figure = accuracy(renamed(learning_curves, scaled), scaled, STYLE)
    titles = ["no output scale", "alpha 0.5", "alpha 4"]
    assert [panel.get_title() for panel in figure.axes] == titles
    assert all(len(panel.get_lines()) == 2 * 2 for panel in figure.axes)
