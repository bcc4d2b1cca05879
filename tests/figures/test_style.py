import io

import matplotlib.pyplot
import pandas as pd
import pytest
from matplotlib.text import Text
from support.figures import STYLE, TITLE, assert_apart

from weightlaws.figures import fits
from weightlaws.figures.distances import distance_matrix, wasserstein
from weightlaws.figures.style import (
    Style,
    layer_headings,
    looks_of,
    power_of_ten,
    save,
)
from weightlaws.figures.training import accuracy


@pytest.fixture
def every_figure(conditions, invariants, parameters, distances, learning_curves):
    """Return a way to draw each figure of fits, distances and training."""
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    return [
        lambda style: fits.deviation_start(one, TITLE, style),
        lambda style: fits.deviation_sd(one, TITLE, style),
        lambda style: fits.normalised_change(invariants, conditions, style),
        lambda style: fits.parameters(parameters, TITLE, style),
        lambda style: wasserstein(distances, conditions, style),
        lambda style: distance_matrix(distances, conditions, style),
        lambda style: accuracy(learning_curves, conditions, style),
    ]


def test_conditions_that_differ_in_output_scale_look_and_read_different(scaled):
    looks = looks_of(scaled)
    drawn = {(look["color"], look["linestyle"]) for look in looks.values()}
    assert len(drawn) == len({look["label"] for look in looks.values()}) == len(scaled) == 6
    assert looks["digits-10x10-gaussian-decay0"]["label"] == "Gaussian start, no output scale"
    labels = [look["label"] for name, look in looks.items() if name.endswith("-alpha4")]
    assert labels == ["Gaussian start, alpha 4", "uniform start, alpha 4"]


def test_every_figure_saves_the_same_bytes_twice_and_leaves_nothing_open(every_figure, tmp_path):
    for draw in every_figure:
        save(draw(STYLE), tmp_path / "first.svg", STYLE)
        save(draw(STYLE), tmp_path / "second.svg", STYLE)
        first = (tmp_path / "first.svg").read_text()
        assert first == (tmp_path / "second.svg").read_text()
        assert "<dc:date>" not in first
        assert "784-10-10-10" in first
        assert "digits-10x10" not in first
        assert (tmp_path / "first.pdf").read_bytes() == (tmp_path / "second.pdf").read_bytes()
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize("style", [STYLE, Style(5.0, 0.7)])
def test_nothing_overlaps_or_leaves_the_figure(every_figure, style):
    for draw in every_figure:
        assert_apart(draw(style), style)


def test_figures_are_as_wide_as_one_column_or_two(every_figure, distances, conditions):
    one_layer = distances[distances["layer"] == "hidden1-hidden2"]
    narrow = wasserstein(one_layer, conditions, STYLE)
    assert narrow.get_figwidth() == pytest.approx(3.4)
    for draw in every_figure:
        assert draw(STYLE).get_figwidth() == pytest.approx(7)
        wide = draw(Style(column_width=5.0, font_scale=1.0))
        assert wide.get_figwidth() == pytest.approx(10.2)


def test_text_has_7_to_9_points(every_figure):
    for draw in every_figure:
        figure = draw(STYLE)
        with STYLE.in_use():
            figure.draw_without_rendering()
        sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
        assert min(sizes) > 6.9
        assert max(sizes) <= 9


def test_text_follows_the_font_scale(parameters):
    sizes = []
    for scale in (1.0, 2.0):
        style = Style(column_width=6.8, font_scale=scale)
        figure = fits.parameters(parameters, TITLE, style)
        with style.in_use():
            figure.draw_without_rendering()
        sizes.append(figure.axes[-1].get_xticklabels()[0].get_fontsize())
    assert sizes[1] == 2 * sizes[0]


def test_headings_are_words_and_tell_the_shape_and_wrap_long_names():
    table = pd.DataFrame({"layer": ["fc", "fc", "x" * 30], "size": [4, 4, 5], "epoch": 0})
    assert layer_headings(table) == {
        "fc": "fc\n4\u2009×\u20094",
        "x" * 30: f"{'x' * 26}\n{'x' * 4}\n5\u2009×\u20095",
    }
    table = table.assign(rows=3, columns=7).drop(columns="size").replace("fc", "input-hidden1")
    assert layer_headings(table)["input-hidden1"] == "input to hidden 1\n3\u2009×\u20097"


def test_files_take_a_third_of_matplotlibs_bytes(every_figure, tmp_path):
    """A report holds a hundred figures or more, and has to stay a file to send."""
    sizes = []
    for draw in every_figure:
        figure, whole = draw(STYLE), io.StringIO()
        save(figure, tmp_path / "figure.svg", STYLE)
        with STYLE.in_use():
            figure.savefig(whole, format="svg", dpi=200)
        sizes.append(((tmp_path / "figure.svg").stat().st_size, len(whole.getvalue())))
    short, whole = map(sum, zip(*sizes, strict=True))
    assert short < whole / 3
    assert max(size for size, _ in sizes) < 70_000


def test_fonts_in_a_pdf_are_whole_letters(parameters, tmp_path):
    save(fits.parameters(parameters, TITLE, STYLE), tmp_path / "figure.svg", STYLE)
    pdf = (tmp_path / "figure.pdf").read_bytes()
    assert b"/FontFile2" in pdf  # TrueType, as type 42 embeds it
    assert b"/Type3" not in pdf


def test_powers_of_ten_are_plain_text():
    assert [power_of_ten(x) for x in (1e-12, 1.0, 1000.0)] == ["10⁻¹²", "10⁰", "10³"]
