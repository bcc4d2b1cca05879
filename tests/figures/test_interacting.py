import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.figures import LAYERS, STYLE, TITLE, assert_apart, cross, words

from weightlaws.figures.interacting import interacting
from weightlaws.figures.style import save
from weightlaws.figures.words import layer_words
from weightlaws.invariants.graphs import enumerate_graphs

EPOCHS = [0, 1, 10]
GRAPHS = {graph.name: graph for k in (1, 2, 3, 4) for graph in enumerate_graphs(k, bipartite=True)}
PLACE = {"condition": "a", "rows": 10, "columns": 10}
SIGNIFICANT = ["ia.ib.ja.jb", "ia.ia.ja.ja", "ia.ia.ia"]


@pytest.fixture
def couplings():
    table = cross(
        selection=["all", "without dead outputs"], layer=LAYERS, epoch=EPOCHS, invariant=[*GRAPHS]
    )
    z = np.random.default_rng(3).normal(size=len(table))
    trained = (table["epoch"] > 0) & table["invariant"].isin(SIGNIFICANT)
    z = np.where(trained, 9 + z, z)
    graphs = table["invariant"].map(GRAPHS)
    return table.assign(
        **PLACE,
        formula=[graph.formula for graph in graphs],
        degree=[graph.degree for graph in graphs],
        coupling=0.03 * z,
        low=0.03 * (z - 2),
        high=0.03 * (z + 2),
        p_adjusted=np.where(trained, 0.001, 0.9),
        step=np.where(trained, 1, np.nan),
        path_gain=np.where(trained, 2.0, np.nan),
    )


@pytest.fixture
def scores():
    laws = ["i.i.d.", "bipartite", "interacting"]
    table = cross(selection=["all", "without dead outputs"], layer=LAYERS, epoch=EPOCHS, law=laws)
    gain = np.random.default_rng(4).uniform(-1, 20, len(table))
    gain = np.where(table["law"] == "i.i.d.", np.nan, gain)
    return table.assign(**PLACE, gain=gain, low=gain - 1, high=gain + 1)


@pytest.fixture
def predictions():
    table = cross(
        selection=["all", "without dead outputs"], layer=LAYERS, epoch=EPOCHS, invariant=[*GRAPHS]
    )
    bipartite, interacting = np.random.default_rng(5).normal(size=(2, len(table)))
    return table.assign(
        **PLACE,
        degree=[GRAPHS[name].degree for name in table["invariant"]],
        n_fits=np.where(table["invariant"].isin(SIGNIFICANT), 2.0, 0.0),
        deviation_bipartite=0.1 * bipartite,
        deviation_interacting=0.03 * interacting,
        standard_error=0.03,
        n_members=200,
    )


def drawn(panel, k):
    """The heights of the points of the k-th group, full ones and empty ones together."""
    dots = [line for line in panel.get_lines() if line.get_marker() in tuple("os^DvP")]
    return np.concatenate([line.get_ydata() for line in dots[2 * k : 2 * k + 2]])


def test_couplings_that_are_significant_are_drawn(couplings, scores, predictions):
    figure = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    named = {
        "tr (W Wᵀ)², ΣWᵢₐWᵢᵦWⱼₐWⱼᵦ": "ia.ib.ja.jb",
        "column norms to the fourth, ΣWᵢₐ²Wⱼₐ²": "ia.ia.ja.ja",
        "entries cubed, ΣWᵢₐ³": "ia.ia.ia",
    }
    firsts = figure.axes[: len(LAYERS) * len(named) : len(LAYERS)]
    titles = [panel.get_title(loc="left") for panel in firsts]
    assert set(titles) == set(named)
    for panel, title in zip(firsts, titles, strict=True):
        mine = couplings[
            (couplings["selection"] == "all")
            & (couplings["layer"] == LAYERS[0])
            & (couplings["invariant"] == named[title])
        ]
        assert sorted(drawn(panel, 0)) == sorted(mine["coupling"])
        full = [line for line in panel.get_lines() if line.get_markerfacecolor() == "0.25"]
        assert len(full[-1].get_xdata()) == 2  # epochs after 0
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[-1] == "coupling that is not significant"


def test_gains_of_each_law_over_the_independent_one(couplings, scores, predictions):
    figure = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    panel = figure.axes[len(SIGNIFICANT) * len(LAYERS) + 1]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ["bipartite law over i.i.d.", "interacting law over i.i.d."]
    mine = scores[(scores["selection"] == "all") & (scores["layer"] == LAYERS[1])]
    for k, law in enumerate(("bipartite", "interacting")):
        np.testing.assert_array_equal(drawn(panel, k), mine.loc[mine["law"] == law, "gain"])


def test_layers_without_a_law_are_told_and_have_no_panels(couplings, scores, predictions):
    missing = couplings["layer"] == LAYERS[0]
    numbers = ["coupling", "low", "high", "p_adjusted", "step", "path_gain"]
    couplings.loc[missing, numbers] = np.nan
    predictions.loc[predictions["layer"] == LAYERS[0], "deviation_interacting"] = np.nan
    figure = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    title = figure.get_suptitle().replace("\n", " ")
    assert title == f"{TITLE}; no interacting law fits hidden 1 to hidden 2"
    assert len(figure.axes) == len(SIGNIFICANT) + 2
    couplings[numbers], predictions["deviation_interacting"] = np.nan, np.nan
    none = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    assert not any(panel.axison for panel in none.axes)


def test_where_no_coupling_helps_none_is_drawn(couplings, scores, predictions):
    figure = interacting(couplings.assign(step=np.nan), scores, predictions, 0.05, TITLE, STYLE)
    assert len(figure.axes) == 2 * len(LAYERS)
    assert "not significant" not in words(figure)


def test_nothing_overlaps_or_leaves_the_figure(couplings, scores, predictions, tmp_path):
    figure = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    assert_apart(figure, STYLE)
    texts = []
    for k in range(2):
        save(
            interacting(couplings, scores, predictions, 0.05, TITLE, STYLE),
            tmp_path / f"{k}.svg",
            STYLE,
        )
        texts.append((tmp_path / f"{k}.svg").read_text())
    assert texts[0] == texts[1]


def test_a_missing_column_is_named(couplings, scores, predictions):
    with pytest.raises(ValueError, match=r"couplings: expected columns \['step'\]"):
        interacting(couplings.drop(columns="step"), scores, predictions, 0.05, TITLE, STYLE)
    with pytest.raises(ValueError, match=r"scores: expected columns \['gain'\]"):
        interacting(couplings, scores.drop(columns="gain"), predictions, 0.05, TITLE, STYLE)
    with pytest.raises(ValueError, match=r"predictions: expected columns \['n_fits'\]"):
        interacting(couplings, scores, predictions.drop(columns="n_fits"), 0.05, TITLE, STYLE)


def test_predictions_of_the_last_epoch_are_set_against_each_other(couplings, scores, predictions):
    missing = (predictions["layer"] == LAYERS[1]) & (predictions["epoch"] == 10)
    predictions.loc[missing, "deviation_interacting"] = np.nan
    figure = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    panel = figure.axes[-1]
    others, fitted = (line for line in panel.get_lines() if line.get_marker() == "o")
    place = {"selection": "all", "layer": LAYERS[0], "epoch": 10}
    mine = predictions.loc[(predictions[[*place]] == pd.Series(place)).all(axis=1)]
    mine = mine[mine["degree"] > 2]
    for dots, table in ((others, mine[mine["n_fits"] == 0]), (fitted, mine[mine["n_fits"] > 0])):
        np.testing.assert_array_equal(dots.get_xdata(), table["deviation_bipartite"])
        np.testing.assert_array_equal(dots.get_ydata(), table["deviation_interacting"])
    assert len(fitted.get_xdata()) == len(SIGNIFICANT)
    (band,) = panel.patches
    assert band.get_height() == pytest.approx(2 * 0.03 * stats.t.ppf(0.975, 199))


def test_without_predictions_there_are_no_panels_of_them(couplings, scores, predictions):
    predictions["deviation_interacting"] = np.nan
    figure = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    title = figure.get_suptitle().replace("\n", " ")
    assert title == f"{TITLE}; no interacting law has predictions at epoch 10"
    assert len(figure.axes) == len(LAYERS) * (len(SIGNIFICANT) + 1)


@pytest.mark.parametrize("without", LAYERS)
def test_a_layer_without_predictions_is_told_and_has_no_panel_of_them(
    couplings, scores, predictions, without
):
    predictions.loc[predictions["layer"] == without, "deviation_interacting"] = np.nan
    figure = interacting(couplings, scores, predictions, 0.05, TITLE, STYLE)
    assert len(figure.axes) == len(LAYERS) * (len(SIGNIFICANT) + 1) + 1
    last = figure.axes[-1]
    assert last.get_ylabel().endswith("at epoch 10")
    assert last.yaxis.get_tick_params()["labelleft"]
    title = figure.get_suptitle().replace("\n", " ")
    assert title == f"{TITLE}; no predictions of {layer_words(without)} at epoch 10"
    assert_apart(figure, STYLE)
