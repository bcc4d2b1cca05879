import numpy as np
import pandas as pd
import pytest
from support.figures import LAYERS, STYLE, assert_apart, cross, words

from weightlaws.figures.interacting import interacting
from weightlaws.figures.style import save
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
    )


def drawn(panel, k):
    """The heights of the points of the k-th group, full ones and empty ones together."""
    dots = [line for line in panel.get_lines() if line.get_marker() in tuple("os^DvP")]
    return np.concatenate([line.get_ydata() for line in dots[2 * k : 2 * k + 2]])


def test_couplings_that_are_significant_are_drawn(couplings, scores, predictions):
    figure = interacting(couplings, scores, predictions, 0.05, STYLE)
    first = figure.legends[0]
    labels = [text.get_text() for text in first.get_texts()]
    assert set(labels[:-1]) == {
        "tr (W Wᵀ)²",
        "column norms to the fourth",
        "entries cubed",
    }
    assert labels[-1] == "not significant"
    k = labels.index("entries cubed")
    mine = couplings[
        (couplings["selection"] == "all")
        & (couplings["layer"] == LAYERS[0])
        & (couplings["invariant"] == "ia.ia.ia")
    ]
    assert sorted(drawn(figure.axes[0], k)) == sorted(mine["coupling"])


def test_gains_of_each_law_over_the_independent_one(couplings, scores, predictions):
    figure = interacting(couplings, scores, predictions, 0.05, STYLE)
    panel = figure.axes[len(LAYERS) + 1]
    labels = [text.get_text() for text in figure.legends[1].get_texts()]
    assert labels == ["bipartite law over i.i.d.", "interacting law over i.i.d."]
    mine = scores[(scores["selection"] == "all") & (scores["layer"] == LAYERS[1])]
    for k, law in enumerate(("bipartite", "interacting")):
        np.testing.assert_array_equal(drawn(panel, k), mine.loc[mine["law"] == law, "gain"])


def test_a_layer_without_a_law_says_so(couplings, scores, predictions):
    missing = couplings["layer"] == LAYERS[0]
    numbers = ["coupling", "low", "high", "p_adjusted", "step", "path_gain"]
    couplings.loc[missing, numbers] = np.nan
    assert "no law is fitted" in words(interacting(couplings, scores, predictions, 0.05, STYLE))
    couplings[numbers] = np.nan
    text = words(interacting(couplings, scores, predictions, 0.05, STYLE))
    assert "no law is fitted" in text
    assert "not significant" not in text


def test_where_no_coupling_helps_none_is_drawn(couplings, scores, predictions):
    text = words(interacting(couplings.assign(step=np.nan), scores, predictions, 0.05, STYLE))
    assert "none is needed" in text
    assert "no law is fitted" not in text


def test_nothing_overlaps_or_leaves_the_figure(couplings, scores, predictions, tmp_path):
    figure = interacting(couplings, scores, predictions, 0.05, STYLE)
    assert_apart(figure, STYLE)
    texts = []
    for k in range(2):
        save(interacting(couplings, scores, predictions, 0.05, STYLE), tmp_path / f"{k}.svg", STYLE)
        texts.append((tmp_path / f"{k}.svg").read_text())
    assert texts[0] == texts[1]


def test_a_missing_column_is_named(couplings, scores, predictions):
    with pytest.raises(ValueError, match=r"couplings: expected columns \['step'\]"):
        interacting(couplings.drop(columns="step"), scores, predictions, 0.05, STYLE)
    with pytest.raises(ValueError, match=r"scores: expected columns \['gain'\]"):
        interacting(couplings, scores.drop(columns="gain"), predictions, 0.05, STYLE)
    with pytest.raises(ValueError, match=r"predictions: expected columns \['n_fits'\]"):
        interacting(couplings, scores, predictions.drop(columns="n_fits"), 0.05, STYLE)


def test_predictions_of_the_last_epoch_are_set_against_each_other(couplings, scores, predictions):
    missing = (predictions["layer"] == LAYERS[1]) & (predictions["epoch"] == 10)
    predictions.loc[missing, "deviation_interacting"] = np.nan
    figure = interacting(couplings, scores, predictions, 0.05, STYLE)
    panel, empty = figure.axes[2 * len(LAYERS)], figure.axes[2 * len(LAYERS) + 1]
    others, fitted = (line for line in panel.get_lines() if line.get_marker() == "o")
    place = {"selection": "all", "layer": LAYERS[0], "epoch": 10}
    mine = predictions.loc[(predictions[[*place]] == pd.Series(place)).all(axis=1)]
    mine = mine[mine["degree"] > 2]
    for dots, table in ((others, mine[mine["n_fits"] == 0]), (fitted, mine[mine["n_fits"] > 0])):
        np.testing.assert_array_equal(dots.get_xdata(), table["deviation_bipartite"])
        np.testing.assert_array_equal(dots.get_ydata(), table["deviation_interacting"])
    assert len(fitted.get_xdata()) == len(SIGNIFICANT)
    assert [text.get_text() for text in empty.texts] == ["no law is drawn"]
