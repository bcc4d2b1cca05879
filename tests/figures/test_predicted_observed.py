import numpy as np
import pandas as pd
import pytest
from support.figures import STYLE, assert_apart, words

from weightlaws.figures.predicted_observed import predicted_observed
from weightlaws.figures.style import save
from weightlaws.inference.significance import deviations
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.invariants.graphs import PUBLISHED, common_form
from weightlaws.laws.iid import IID
from weightlaws.laws.moments import bipartite_invariants, moments
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT

SQUARE, WIDE = "hidden1-hidden2", "input-hidden1"
SHAPES = {WIDE: (5, 8), SQUARE: (5, 5)}
RNG = np.random.default_rng(1)
MATRICES = {
    layer: RNG.gamma(2.0, size=(60, *shape)) + RNG.normal(size=(60, shape[0], 1))
    for layer, shape in SHAPES.items()
}
LAWS = {WIDE: [INDEPENDENT, BIPARTITE], SQUARE: [INDEPENDENT, BIPARTITE, DIAGONAL]}


@pytest.fixture(scope="module")
def significance():
    parts = []
    for layer, matrices in MATRICES.items():
        for law in LAWS[layer]:
            fitted = moments(law, SHAPES[layer], None, catalogue("complete"))
            found = deviations(matrices, fitted)
            low, high = found.interval
            part = pd.DataFrame(
                {
                    "invariant": [common_form(graph).name for graph in fitted.graphs],
                    "mean": found.mean,
                    "prediction": found.prediction,
                    "deviation_sd": found.deviation,
                    "low": low,
                    "high": high,
                    "p_adjusted": np.where(np.arange(len(low)) % 2, 0.01, 0.5),
                }
            )
            rows, columns = SHAPES[layer]
            place = {"condition": "a", "layer": layer, "rows": rows, "columns": columns}
            parts.append(part.assign(**place, law=law, epoch=10, selection="all"))
    table = pd.concat(parts, ignore_index=True)
    return pd.concat([table.assign(epoch=0), table], ignore_index=True)


@pytest.fixture
def misses(significance):
    table = significance.drop_duplicates(["layer", "law", "epoch"])
    return table[["layer", "law", "epoch", "selection"]].assign(miss=0.25, low=0.2, high=0.3)


@pytest.fixture(scope="module")
def fits():
    averages = evaluate([PUBLISHED["I2"], PUBLISHED["I3"]], MATRICES[SQUARE]).mean(axis=0)
    return pd.DataFrame({"layer": SQUARE, "epoch": 10, "published": ["I2", "I3"], "mean": averages})


@pytest.fixture(scope="module")
def interacting(significance):
    mine = significance[significance["law"] == BIPARTITE].set_index(["layer", "epoch", "invariant"])
    table = pd.DataFrame(
        [
            {"layer": SQUARE, "epoch": 10, "invariant": graph.name, "form": common_form(graph).name}
            for graph in bipartite_invariants()
        ]
    )
    keys = zip(table["layer"], table["epoch"], table["form"], strict=True)
    deviation = [mine["deviation_sd"].get(key, np.nan) for key in keys]
    return table.assign(
        selection="all",
        deviation_interacting=deviation,
        standard_error=0.1,
        monte_carlo_error=0.0,
    )


def dots(panel):
    """The dots of a panel, of all kinds."""
    found = [line for line in panel.get_lines() if line.get_marker() in ("o", "D")]
    return np.concatenate([line.get_xydata() for line in found])


def panels(figure):
    """The panels by layer, from left to right."""
    rows = {}
    for panel in figure.axes:
        rows.setdefault(round(panel.get_position().y0, 3), []).append(panel)
    return dict(zip(SHAPES, rows.values(), strict=True))


def test_dots_are_as_far_from_the_line_as_predictions_are_off(significance, misses, fits):
    drawn = panels(predicted_observed(significance, misses, fits, None, 0.05, "a title", STYLE))
    for layer, row in drawn.items():
        for panel, law in zip(row, LAWS[layer], strict=True):
            mine = significance[(significance["layer"] == layer) & (significance["law"] == law)]
            mine = mine[mine["epoch"] == 10]
            x, y = dots(panel).T
            np.testing.assert_allclose(sorted(y - x), sorted(mine["deviation_sd"]), atol=1e-9)


def test_layers_whose_invariants_do_not_vary_are_left_out(significance, misses, fits):
    still = significance.copy()
    values = ["deviation_sd", "low", "high", "p_adjusted"]
    still.loc[still["layer"] == SQUARE, values] = np.nan
    figure = predicted_observed(still, misses, fits, None, 0.05, "a title", STYLE)
    assert len(figure.axes) == len(LAWS[WIDE])
    still[values] = np.nan
    alone = predicted_observed(still, misses, fits, None, 0.05, "a title", STYLE)
    assert "the invariants of no layer vary" in words(alone)


def test_both_axes_count_from_the_law_of_independent_entries(significance, misses, fits):
    """Of squares also for invariants that this law is not tested by."""
    row = panels(predicted_observed(significance, misses, fits, None, 0.05, "a title", STYLE))[
        SQUARE
    ]
    np.testing.assert_allclose(dots(row[0])[:, 0], 0, atol=1e-9)
    graphs = moments(DIAGONAL, SHAPES[SQUARE], None, catalogue("complete")).graphs
    values = evaluate(graphs, MATRICES[SQUARE])
    expected = (values.mean(0) - IID.fit(MATRICES[SQUARE]).expectation(graphs)) / values.std(0)
    np.testing.assert_allclose(sorted(dots(row[2])[:, 1]), sorted(expected), rtol=1e-6, atol=1e-8)


def test_an_interacting_law_is_drawn_beside_the_others(significance, misses, fits, interacting):
    """It deviates here as the bipartite law does."""
    figure = predicted_observed(significance, misses, fits, interacting, 0.05, "a title", STYLE)
    row = panels(figure)[SQUARE]
    assert len(row) == 4
    np.testing.assert_allclose(sorted(dots(row[3])[:, 0]), sorted(dots(row[1])[:, 0]), atol=1e-9)
    bars = row[3].get_lines()[1].get_ydata().reshape(-1, 3)
    np.testing.assert_allclose(bars[:, 1] - bars[:, 0], 2 * 1.96 * 0.1)


def test_rejected_predictions_are_full_dots(significance, misses, fits):
    row = panels(predicted_observed(significance, misses, fits, None, 0.05, "a title", STYLE))[WIDE]
    _, _, empty, full, _ = row[1].get_lines()
    assert (len(empty.get_xdata()), len(full.get_xdata())) == (22, 21)
    assert full.get_markerfacecolor() != empty.get_markerfacecolor() == "white"


def test_the_miss_stands_above_the_panel_with_its_interval(significance, misses, fits):
    figure = predicted_observed(significance, misses, fits, None, 0.05, "a title", STYLE)
    assert words(figure).count("miss 0.25\n(0.2\N{EN DASH}0.3)") == 5


def test_nothing_overlaps_or_leaves_the_figure(significance, misses, fits, interacting, tmp_path):
    figure = predicted_observed(significance, misses, fits, interacting, 0.05, "a title", STYLE)
    assert_apart(figure, STYLE)
    for k in range(2):
        figure = predicted_observed(significance, misses, fits, interacting, 0.05, "a title", STYLE)
        save(figure, tmp_path / f"{k}.svg", STYLE)
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()


def test_a_missing_column_is_named(significance, misses, fits):
    with pytest.raises(ValueError, match=r"misses: expected columns \['miss'\]"):
        predicted_observed(
            significance, misses.drop(columns="miss"), fits, None, 0.05, "a title", STYLE
        )
