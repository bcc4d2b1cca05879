import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.figures import STYLE, TITLE, assert_apart

from weightlaws.figures import laws as law_figures
from weightlaws.figures.style import save
from weightlaws.figures.words import formula_words, layer_words

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
    return table.assign(
        gain=np.where(table["than"].isna(), np.nan, gain), gain_standard_error=0.1, n_members=20
    )


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


def test_laws_draw_the_gain_of_each_step(comparison):
    figure = law_figures.laws(comparison, TITLE, STYLE)
    mine = comparison[comparison["selection"] == "all"]
    for panel, layer in zip(figure.axes, LAYERS, strict=True):
        assert panel.get_title() == f"{layer_words(layer)}\n10\u2009×\u200910"
        laws = ["bipartite", "one-sided"][: 1 + (layer == LAYERS[1])]
        curves = panel.get_lines()[: len(laws)]
        for line, law, band in zip(curves, laws, panel.collections, strict=True):
            gain = mine[(mine["layer"] == layer) & (mine["law"] == law)]["gain"]
            np.testing.assert_array_equal(line.get_ydata(), gain)
            edges = band.get_paths()[0].vertices[:, 1]
            assert edges.min() == pytest.approx(gain.min() - 0.1 * stats.t.ppf(0.975, 19))
            assert edges.max() == pytest.approx(gain.max() + 0.1 * stats.t.ppf(0.975, 19))
    assert figure.axes[0].get_ylabel() == "gain per held-out member (nats)"
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[:2] == ["bipartite over i.i.d.", "one-sided over bipartite"]


def test_layers_of_too_few_members_are_told_and_have_no_panel(comparison):
    few = comparison.assign(gain=comparison["gain"].where(comparison["layer"] == LAYERS[1]))
    figure = law_figures.laws(few, TITLE, STYLE)
    assert [panel.get_title().split("\n")[0] for panel in figure.axes] == ["hidden 2 to output"]
    told = f"{TITLE}; too few members to compare laws of hidden 1 to hidden 2"
    assert figure.get_suptitle().replace("\n", " ") == told
    none = law_figures.laws(comparison.assign(gain=np.nan), TITLE, STYLE)
    assert "hidden 1 to hidden 2, hidden 2 to output" in none.get_suptitle().replace("\n", " ")
    assert not any(panel.axison for panel in none.axes)
    assert_apart(none, STYLE)


def found_in(significance, layer, epoch):
    """The significant deviations from the law with the symmetry of the layer, largest first."""
    law = "one-sided" if layer == LAYERS[1] else "bipartite"
    place = {"layer": layer, "epoch": epoch, "law": law, "selection": "all"}
    mine = significance[(significance[[*place]] == pd.Series(place)).all(axis=1)]
    mine = mine[mine["p_adjusted"] <= 0.05]
    return mine.sort_values("deviation_sd", key=lambda values: -values.abs())


def test_largest_deviations_are_those_that_are_significant(significance):
    figure = law_figures.largest_deviations(significance, 0.05, TITLE, STYLE)
    for panel, layer in zip(figure.axes, LAYERS, strict=True):  # nothing deviates at epoch 0
        found = found_in(significance, layer, 50).head(5)
        law = "one-sided" if layer == LAYERS[1] else "bipartite"
        words = f"{layer_words(layer)}, epoch 50\n{law} law: 7 of 7 deviate"
        assert panel.get_title(loc="right") == words
        bars = panel.containers[0]
        assert [bar.get_width() for bar in bars] == found["deviation_sd"].tolist()
        names = [label.get_text() for label in panel.get_yticklabels()]
        assert names == [formula_words(name) for name in found["invariant"]]
        _, _, (intervals,) = panel.containers[1]
        ends = np.array([path[:, 0] for path in intervals.get_segments()])
        np.testing.assert_allclose(ends, found[["low", "high"]])
        longest = found[["low", "high"]].abs().to_numpy().max()
        assert panel.get_xlim()[1] == -panel.get_xlim()[0] > longest
    title = figure.get_suptitle().replace("\n", " ")
    assert "nothing deviates elsewhere, with a power of 80 % at 0.25 to 0.25 SD" in title


def test_where_nothing_deviates_the_figure_says_so(significance):
    figure = law_figures.largest_deviations(significance.assign(p_adjusted=1.0), 0.05, TITLE, STYLE)
    assert "nothing deviates anywhere" in figure.get_suptitle().replace("\n", " ")
    assert not any(panel.axison for panel in figure.axes)
    assert_apart(figure, STYLE)


def test_a_deviation_without_a_spread_does_not_stretch_the_axis(significance):
    """Of a quantity that is the same in all members: infinite, without an interval."""
    odd = significance.copy()
    found = found_in(odd, LAYERS[0], 50).index[0]
    odd.loc[found, ["deviation_sd", "low", "high"]] = np.inf, np.nan, np.nan
    panel = law_figures.largest_deviations(odd, 0.05, TITLE, STYLE).axes[0]
    rest = found_in(odd.drop(index=found), LAYERS[0], 50)
    longest = rest[["deviation_sd", "low", "high"]].abs().to_numpy().max()
    assert panel.get_xlim()[1] <= 1.1 * longest + 1e-9


def test_nothing_overlaps_or_leaves_the_figure(comparison, significance):
    assert_apart(law_figures.laws(comparison, TITLE, STYLE), STYLE)
    assert_apart(law_figures.largest_deviations(significance, 0.05, TITLE, STYLE), STYLE)


def test_figures_come_out_the_same_byte_for_byte(comparison, significance, tmp_path):
    for name, arguments in (
        ("laws", (comparison,)),
        ("largest_deviations", (significance, 0.05)),
    ):
        texts = []
        for _ in range(2):
            save(
                getattr(law_figures, name)(*arguments, TITLE, STYLE), tmp_path / "figure.svg", STYLE
            )
            texts.append((tmp_path / "figure.svg").read_text())
        assert texts[0] == texts[1]


def test_a_missing_column_is_named(comparison):
    with pytest.raises(ValueError, match=r"comparison: expected columns \['gain'\]"):
        law_figures.laws(comparison.drop(columns="gain"), TITLE, STYLE)
