import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from support.figures import STYLE, assert_apart

from weightlaws.figures import laws as law_figures
from weightlaws.figures.style import save

LAYERS, EPOCHS = ["hidden1-hidden2", "hidden2-output"], [0, 50]


@pytest.fixture
def comparison():
    rng = np.random.default_rng(1)
    rows = [
        ("a", layer, 10, 10, selection, epoch, law, than)
        for layer in LAYERS
        for selection in ("all", "without dead outputs")
        for epoch in EPOCHS
        for law, than in (("i.i.d.", None), ("bipartite", "i.i.d."), ("one-sided", "bipartite"))
        if law != "one-sided" or layer == LAYERS[1]
    ]
    columns = ["condition", "layer", "rows", "columns", "selection", "epoch", "law", "than"]
    table = pd.DataFrame(rows, columns=columns)
    gain = rng.normal(size=len(table)).round(3)
    return table.assign(gain=np.where(table["than"].isna(), np.nan, gain), gain_standard_error=0.1)


@pytest.fixture
def significance():
    rng = np.random.default_rng(2)
    names = [
        "ij.ij.ij",
        "ij.ij.ik",
        "ij.ik.lj.lk",
        "ij.ij.ij.ij",
        "ij.kl.mn",
        "ij.ik.il",
        "ij.kl.kl",
    ]
    table = pd.DataFrame(
        [
            ("a", layer, selection, law, epoch, name)
            for layer in LAYERS
            for selection in ("all", "without dead outputs")
            for law in ("i.i.d.", "bipartite", "one-sided")[: 2 + (layer == LAYERS[1])]
            for epoch in EPOCHS
            for name in names
        ],
        columns=["condition", "layer", "selection", "law", "epoch", "invariant"],
    )
    deviation = rng.uniform(-1, 1, size=len(table))
    return table.assign(
        deviation_sd=deviation,
        low=deviation - 0.2,
        high=deviation + 0.2,
        p_adjusted=np.where(table["epoch"] == 0, 0.5, 0.01),
        detectable=0.25,
    )


def words(panel):
    return [text.get_text() for text in panel.findobj(Text)]


def test_laws_draw_the_gain_of_each_step(comparison):
    figure = law_figures.laws(comparison, STYLE)
    mine = comparison[comparison["selection"] == "all"]
    for panel, layer in zip(figure.axes, LAYERS, strict=True):
        assert panel.get_title() == f"{layer} (10\xa0x\xa010)"
        laws = ["bipartite", "one-sided"][: 1 + (layer == LAYERS[1])]
        curves = panel.get_lines()[: len(laws)]
        for line, law, band in zip(curves, laws, panel.collections, strict=True):
            gain = mine[(mine["layer"] == layer) & (mine["law"] == law)]["gain"]
            np.testing.assert_array_equal(line.get_ydata(), gain)
            edges = band.get_paths()[0].vertices[:, 1]
            assert edges.min() == pytest.approx(gain.min() - 0.2)
            assert edges.max() == pytest.approx(gain.max() + 0.2)
    assert figure.axes[0].get_ylabel() == "gain per held-out member (nats)"
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["bipartite over i.i.d.", "one-sided over bipartite"]


def test_largest_deviations_are_those_that_are_significant(significance):
    figure = law_figures.largest_deviations(significance, 0.05, STYLE)
    panels = [axes for axes in figure.axes if axes.get_title()]
    places = [(layer, epoch) for layer in LAYERS for epoch in EPOCHS]
    for panel, (layer, epoch) in zip(panels, places, strict=True):
        law = "one-sided" if layer == LAYERS[1] else "bipartite"
        found = significance[
            (significance["layer"] == layer)
            & (significance["epoch"] == epoch)
            & (significance["law"] == law)
            & (significance["selection"] == "all")
        ].sort_values("deviation_sd", key=lambda values: -values.abs())
        if epoch == 0:
            assert f"{law} law: 0 of 7 deviate" in panel.get_title()
            assert not panel.patches
            assert "none; power 80 % at 0.25 SD" in words(panel)
            continue
        assert f"{law} law: 7 of 7 deviate" in panel.get_title()
        bars = [bar.get_width() for bar in panel.patches]
        assert bars == found["deviation_sd"].head(6).tolist()
        drawn = [text.strip() for text in words(panel) if text.strip() in set(found["invariant"])]
        assert drawn == found["invariant"].head(6).tolist()
        assert panel.get_xlim()[1] == -panel.get_xlim()[0] > max(map(abs, bars)) + 0.2
    assert len({panel.get_xlim() for panel in panels}) == 1


def test_a_deviation_without_a_spread_does_not_stretch_the_axis(significance):
    """Of a quantity that is the same in all members: infinite, without an interval."""
    odd = significance.copy()
    found = odd.index[odd["p_adjusted"] <= 0.05][0]
    odd.loc[found, ["deviation_sd", "low", "high"]] = np.inf, np.nan, np.nan
    figure = law_figures.largest_deviations(odd, 0.05, STYLE)
    rest = odd.drop(index=found)
    rest = rest[(rest["p_adjusted"] <= 0.05) & (rest["selection"] == "all")]
    longest = rest[["deviation_sd", "low", "high"]].abs().to_numpy().max()
    reach = max(panel.get_xlim()[1] for panel in figure.axes if panel.axison)
    assert reach <= 1.05 * longest + 1e-9


def test_nothing_overlaps_or_leaves_the_figure(comparison, significance):
    assert_apart(law_figures.laws(comparison, STYLE), STYLE)
    assert_apart(law_figures.largest_deviations(significance, 0.05, STYLE), STYLE)


def test_figures_come_out_the_same_byte_for_byte(comparison, significance, tmp_path):
    for name, arguments in (
        ("laws", (comparison,)),
        ("largest_deviations", (significance, 0.05)),
    ):
        texts = []
        for _ in range(2):
            save(getattr(law_figures, name)(*arguments, STYLE), tmp_path / "figure.svg", STYLE)
            texts.append((tmp_path / "figure.svg").read_text())
        assert texts[0] == texts[1]


def test_a_missing_column_is_named(comparison):
    with pytest.raises(ValueError, match=r"comparison: expected columns \['gain'\]"):
        law_figures.laws(comparison.drop(columns="gain"), STYLE)
