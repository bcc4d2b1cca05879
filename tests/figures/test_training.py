import numpy as np
import pytest
from support.figures import STYLE, renamed, select

from weightlaws.figures.training import accuracy


def test_accuracy_draws_median_band_and_worst_member(learning_curves, conditions):
    figure = accuracy(learning_curves, conditions, STYLE)
    for panel, decay in zip(figure.axes, [0.0, 0.01], strict=True):
        assert panel.get_title() == f"weight decay {decay:g}"
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


def test_a_figure_of_one_architecture_refuses_two(learning_curves, conditions):
    conditions.loc[0, "hidden"] = "40x40"
    with pytest.raises(
        ValueError, match=r"expected one hidden in a figure, found \['40x40', '10x1"
    ):
        accuracy(learning_curves, conditions, STYLE)


def test_output_scales_have_panels_of_their_own(scaled, learning_curves):
    figure = accuracy(renamed(learning_curves, scaled), scaled, STYLE)
    titles = [f"weight decay 0{end}" for end in ("", ", alpha 0.5", ", alpha 4")]
    assert [panel.get_title() for panel in figure.axes] == titles
    assert all(len(panel.get_lines()) == 2 * 2 for panel in figure.axes)
