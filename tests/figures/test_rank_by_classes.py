import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.figures import STYLE, assert_apart, words
from support.recipe import RECIPE

from weightlaws.figures.rank_by_classes import rank_by_classes
from weightlaws.figures.style import save

CLASSES = (2, 5, 10)
SHAPES = {"input-hidden1": (128, 784), "hidden1-hidden2": (128, 128)}
GROUPS = {kind: [f"{kind}-{n}" for n in CLASSES] for kind in ("plain", "alpha0.25")}


@pytest.fixture
def conditions():
    rows = [
        {
            **RECIPE,
            **{"condition": f"{kind}-{n}", "dataset": "digits", "inputs": 784, "outputs": n},
            **{"hidden": "128x128", "initialisation": "gaussian", "weight_decay": 0.0},
            "output_scale": 0.25 if kind == "alpha0.25" else np.nan,
        }
        for kind in GROUPS
        for n in CLASSES
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def spectra(conditions, rng):
    rows = []
    for name, n in conditions[["condition", "outputs"]].to_numpy():
        for layer, (size, columns) in {**SHAPES, "hidden2-output": (n, 128)}.items():
            for epoch in (0, 20):
                place = {"condition": name, "layer": layer, "rows": size, "columns": columns}
                rows.append(
                    {
                        **place,
                        **{"epoch": epoch, "statistic": "learned_rank", "null": "permuted"},
                        **{"value": rng.uniform(0, 20), "standard_error": 0.3, "members": 4},
                    }
                )
    table = pd.DataFrame(rows)
    return table.assign(null=np.nan)


def test_each_layer_but_the_output_has_its_ranks_at_the_last_epoch(spectra, conditions):
    figure = rank_by_classes(spectra, conditions, GROUPS, STYLE)
    assert len(figure.axes) == len(SHAPES)
    last = spectra[spectra["epoch"] == 20].set_index(["layer", "condition"])["value"]
    for layer, panel in zip(SHAPES, figure.axes, strict=True):
        lines = [bars.lines[0] for bars in panel.containers]
        for names, line in zip(GROUPS.values(), lines, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), last[layer][names])
            np.testing.assert_allclose(line.get_xdata().astype(float), CLASSES, atol=0.1)
        np.testing.assert_array_equal(panel.get_lines()[-1].get_xydata(), [[2, 1], [10, 9]])


def test_bars_are_intervals_of_the_mean(spectra, conditions):
    figure = rank_by_classes(spectra, conditions, GROUPS, STYLE)
    (bars,) = figure.axes[0].containers[0].lines[2]
    low, high = bars.get_segments()[0][:, 1]
    half = stats.t.ppf(0.975, 3) * 0.3
    assert (high - low) / 2 == pytest.approx(half)


def test_the_legend_tells_groups_apart_and_the_title_what_they_share(spectra, conditions):
    said = words(rank_by_classes(spectra, conditions, GROUPS, STYLE))
    assert "alpha 0.25" in said
    assert "classes less one" in said
    assert "784-128-128-10, Gaussian start, no weight decay, digits, and fewer classes" in said
    alone = words(rank_by_classes(spectra, conditions, {"plain": GROUPS["plain"]}, STYLE))
    assert "mean over networks" in alone
    assert "alpha" not in alone


def test_a_single_network_has_no_bars(spectra, conditions):
    figure = rank_by_classes(
        spectra.assign(members=1, standard_error=np.nan), conditions, GROUPS, STYLE
    )
    (bars,) = figure.axes[0].containers[0].lines[2]
    assert len(bars.get_segments()[0]) == 0


def test_nothing_overlaps_or_leaves_the_figure(spectra, conditions, tmp_path):
    assert_apart(rank_by_classes(spectra, conditions, GROUPS, STYLE), STYLE)
    save(rank_by_classes(spectra, conditions, GROUPS, STYLE), tmp_path / "figure.svg", STYLE)


def test_a_missing_statistic_is_named(spectra, conditions):
    with pytest.raises(ValueError, match=r"spectra: expected statistic \['learned_rank'\]"):
        rank_by_classes(spectra.assign(statistic="other"), conditions, GROUPS, STYLE)
