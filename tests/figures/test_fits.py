from itertools import product

import matplotlib.pyplot
import numpy as np
import pandas as pd
import pytest
from support.published import VALUES

from weightlaws.figures import fits
from weightlaws.figures.style import looks_of, save

OPTIONS = {"panel_width": 3.4, "font_scale": 1.0}
EPOCHS = [0, 10, 50]
LAYERS = ["hidden1-hidden2", "hidden2-output"]
HIGHER = [f"I{k}" for k in range(14, 53)]


def cross(**columns):
    """Return a table with a row for each combination of the columns' values."""
    return pd.DataFrame(list(product(*columns.values())), columns=list(columns))


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def conditions():
    table = cross(initialisation=["gaussian", "uniform"], weight_decay=[0.0, 0.01])
    names = [f"digits-10x10-{kind}-decay{decay:g}" for kind, decay in table.itertuples(index=False)]
    return table.assign(
        condition=names, dataset="digits", hidden="10x10", members=20, output_scale=np.nan
    )


@pytest.fixture
def invariants(conditions, rng):
    table = cross(
        condition=list(conditions["condition"]),
        layer=LAYERS,
        epoch=EPOCHS,
        published=[*(f"I{k}" for k in range(1, 53)), None],
    )
    fitted = ~table["published"].isin([*HIGHER, None])
    value = 10 ** rng.uniform(-3, 3, len(table))
    return table.assign(
        size=10,
        deviation_start=np.where(fitted, value, np.nan),
        deviation_sd=np.where(fitted, np.nan, value),
    )


@pytest.fixture
def parameters(conditions, rng):
    names = [f"f{k}" for k in range(1, 14)]
    table = cross(
        condition=[conditions["condition"][0]], layer=LAYERS, epoch=EPOCHS, parameter=names
    )
    return table.assign(size=10, value=rng.normal(size=len(table)))


@pytest.fixture
def distances(conditions, rng):
    names = list(conditions["condition"])
    start = cross(reference=["initial law", "start"], condition=names, layer=LAYERS, epoch=EPOCHS)
    between = cross(reference=names, condition=names, layer=LAYERS, epoch=[50])
    between = between[between["reference"] < between["condition"]]  # each pair once
    table = pd.concat([start, between], ignore_index=True)
    w2, floor = rng.uniform(0.1, 3, len(table)), rng.uniform(0.1, 0.2, len(table))
    return table.assign(size=10, w2=w2, w2_floor_mean=floor, w2_floor_95=1.3 * floor)


@pytest.fixture
def learning_curves(conditions, rng):
    table = cross(condition=list(conditions["condition"]), epoch=range(51))
    parts = np.sort(rng.uniform(0, 1, (len(table), 4)), axis=1)
    names = [f"accuracy_{part}" for part in ("min", "q05", "median", "q95")]
    return table.assign(**dict(zip(names, parts.T, strict=True)))


@pytest.fixture
def every_figure(conditions, invariants, parameters, distances, learning_curves):
    """Return a way to draw each figure, by its name."""
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    tables = {
        "deviation_start": (one,),
        "deviation_sd": (one,),
        "normalised_change": (invariants, conditions),
        "parameters": (parameters,),
        "wasserstein": (distances, conditions),
        "accuracy": (learning_curves, conditions),
        "distance_matrix": (distances, conditions),
    }
    return {name: lambda name=name: getattr(fits, name)(*tables[name], OPTIONS) for name in tables}


def lines(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def words(figure):
    """Return all text of a figure, legends and labels alike."""
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def select(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def test_deviation_start_draws_the_column_of_each_fitted_invariant(invariants, conditions):
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    figure = fits.deviation_start(one, OPTIONS)
    drawn = {}
    for panel, layer in zip(figure.axes, LAYERS * 4, strict=True):
        assert panel.get_yscale() == "symlog"
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > panel.dataLim.ymax
        for label, line in lines(panel).items():
            drawn[layer, label.split(":")[0]] = line
    fitted = [f"I{k}" for k in range(1, 14)]
    for layer, name in product(LAYERS, fitted):
        expected = select(one, layer=layer, published=name)
        np.testing.assert_array_equal(drawn[layer, name].get_xdata(), EPOCHS)
        np.testing.assert_array_equal(drawn[layer, name].get_ydata(), expected["deviation_start"])
    guides = [line for panel in figure.axes for line in panel.get_lines()]
    assert sum(set(line.get_ydata()) == {1.96} for line in guides) == len(figure.axes)
    assert "standard errors of the initial law" in words(figure)


def test_fitted_invariants_are_the_published_ones():
    published = {graph["name"]: graph["edges"] for graph in VALUES["invariants"]}
    drawn = {name: factors for group in fits._FITTED.values() for name, factors in group.items()}
    assert sorted(drawn, key=lambda name: int(name[1:])) == [f"I{k}" for k in range(1, 14)]
    assert drawn == {
        name: ".".join("ijkl"[row] + "ijkl"[column] for row, column in edges)
        for name, edges in published.items()
        if name in drawn
    }


def test_deviation_sd_is_a_map_of_the_column(invariants, conditions):
    one = invariants[invariants["condition"] == conditions["condition"][0]].copy()
    one.loc[one.index[one["published"] == "I14"][0], "deviation_sd"] = 0.0
    figure = fits.deviation_sd(one, OPTIONS)
    for panel, layer in zip(figure.axes[:2], LAYERS, strict=True):
        (image,) = panel.images
        table = select(one, layer=layer).pivot(
            index="published", columns="epoch", values="deviation_sd"
        )
        cells = image.get_array().filled(np.nan)
        np.testing.assert_array_equal(cells[1:16], table.loc[HIGHER[:15]].clip(0.01, 10))
        np.testing.assert_array_equal(cells[17:], table.loc[HIGHER[15:]].clip(0.01, 10))
        assert np.isnan(cells[[0, 16]]).all()
        assert [label.get_text() for label in panel.get_xticklabels()] == ["0", "10", "50"]
        assert image.get_clim() == (0.01, 10)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["cubic", *HIGHER[:15], "quartic", *HIGHER[15:]]
    assert "SD over members" in words(figure)


def test_deviation_sd_of_layers_with_snapshots_of_their_own(invariants, conditions):
    one = select(invariants, condition=conditions["condition"][0])
    one = one[(one["layer"] == LAYERS[0]) | (one["epoch"] != 10)]
    first, second, _ = fits.deviation_sd(one, OPTIONS).axes
    for panel, epochs in ((first, ["0", "10", "50"]), (second, ["0", "50"])):
        assert [label.get_text() for label in panel.get_xticklabels()] == epochs
        assert panel.get_xlim() == (-0.5, len(epochs) - 0.5)


def test_normalised_change_has_the_formula_as_height(invariants, conditions):
    never, name = {"layer": LAYERS[0], "published": "I14"}, conditions["condition"][0]
    is_zero = (invariants[["layer", "published"]] == pd.Series(never)).all(axis=1)
    invariants.loc[is_zero & (invariants["condition"] == name), "deviation_sd"] = 0.0
    figure = fits.normalised_change(invariants, conditions, OPTIONS)
    panels = product(LAYERS, [0.0, 0.01])
    for panel, (layer, decay) in zip(figure.axes, panels, strict=True):
        assert panel.get_title(loc="left") == f"{layer} (D = 10), weight decay {decay:g}"
        names = select(conditions, weight_decay=decay)["condition"]
        for bars, condition in zip(panel.containers, names, strict=True):
            d = select(invariants, condition=condition, layer=layer).pivot(
                index="published", columns="epoch", values="deviation_sd"
            )
            d = d.loc[HIGHER]
            expected = ((d[50] - d[0]) / (d[50] + d[0])).fillna(0)
            np.testing.assert_allclose([bar.get_height() for bar in bars], expected)
    assert figure.axes[0].containers[0][0].get_height() == 0
    hatches = {bars[0].get_hatch() for bars in figure.axes[0].containers}
    assert len(hatches) == 2


def test_parameters_draw_the_column_of_each(parameters):
    figure = fits.parameters(parameters, OPTIONS)
    drawn = set()
    for panel, layer in zip(figure.axes, LAYERS * 5, strict=True):
        for label, line in lines(panel).items():
            name = label.split(":")[0]
            expected = select(parameters, layer=layer, parameter=name)["value"]
            np.testing.assert_array_equal(line.get_ydata(), expected)
            drawn.add(name)
    assert drawn == {f"f{k}" for k in range(1, 14)}
    assert "units of weight" in words(figure)


def test_typicality_draws_the_ratio_of_each_fitted_invariant(invariants, conditions, rng):
    one = invariants[invariants["condition"] == conditions["condition"][0]]
    one = one.dropna(subset="deviation_start").assign(ratio=1.0)
    one["ratio"] = np.exp(rng.normal(size=len(one)))
    figure = fits.typicality(one, OPTIONS)
    for panel, layer in zip(figure.axes, LAYERS * 3, strict=True):
        drawn = lines(panel)
        assert any(set(line.get_ydata()) == {1} for line in drawn.values())
        for label, line in drawn.items():
            if ":" in label:
                expected = select(one, layer=layer, published=label.split(":")[0])["ratio"]
                np.testing.assert_array_equal(line.get_ydata(), expected)
    assert "observed over predicted" in words(figure)


def test_wasserstein_draws_distance_and_floor(distances, conditions):
    figure = fits.wasserstein(distances, conditions, OPTIONS)
    panels = product(["initial law", "start"], LAYERS)
    for panel, (reference, layer) in zip(figure.axes, panels, strict=True):
        curves, bands = panel.get_lines(), panel.collections
        for k, name in enumerate(conditions["condition"]):
            table = select(distances, reference=reference, layer=layer, condition=name)
            floor, curve = curves[2 * k], curves[2 * k + 1]
            np.testing.assert_array_equal(floor.get_ydata(), table["w2_floor_mean"])
            np.testing.assert_array_equal(curve.get_ydata(), table["w2"])
            band = bands[k].get_paths()[0].vertices[:, 1]
            assert band.min() == table["w2_floor_mean"].min()
            assert band.max() == table["w2_floor_95"].max()
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > panel.dataLim.ymax
    assert "$W_2$ to the initial law\n(units of weight)" in words(figure)
    looks = [(line.get_color(), line.get_linestyle()) for line in curves[1::2]]
    assert len(set(looks)) == len(conditions)


def test_accuracy_draws_median_band_and_worst_member(learning_curves, conditions):
    figure = fits.accuracy(learning_curves, conditions, OPTIONS)
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


@pytest.fixture
def scaled(conditions):
    """Conditions that differ in their output scale alone, beside the plain ones."""
    plain = select(conditions, weight_decay=0.0)
    return pd.concat(
        [
            plain.assign(output_scale=scale, condition=plain["condition"] + end)
            for scale, end in ((np.nan, ""), (0.5, "-alpha0.5"), (4.0, "-alpha4"))
        ],
        ignore_index=True,
    )


def renamed(table, conditions, column="condition"):
    """The rows of the plain conditions, for each of these conditions as if they were its own."""
    plain = conditions["condition"].str.split("-alpha").str[0]
    parts = [
        select(table, **{column: own}).assign(**{column: name})
        for name, own in zip(conditions["condition"], plain, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def test_conditions_that_differ_in_output_scale_look_and_read_different(scaled):
    looks = looks_of(scaled)
    drawn = {(look["color"], look["linestyle"]) for look in looks.values()}
    assert len(drawn) == len({look["label"] for look in looks.values()}) == len(scaled) == 6
    assert looks["digits-10x10-gaussian-decay0"]["label"] == "gaussian, weight decay 0"
    labels = [look["label"] for name, look in looks.items() if name.endswith("-alpha4")]
    assert labels == ["gaussian, weight decay 0, alpha 4", "uniform, weight decay 0, alpha 4"]


def test_output_scales_have_panels_of_their_own(scaled, invariants, learning_curves):
    settings = [f"weight decay 0{end}" for end in ("", ", alpha 0.5", ", alpha 4")]
    curves = renamed(learning_curves, scaled)
    for panel, setting in zip(fits.accuracy(curves, scaled, OPTIONS).axes, settings, strict=True):
        assert panel.get_title() == setting
        assert len(panel.get_lines()) == 2 * 2
    figure = fits.normalised_change(renamed(invariants, scaled), scaled, OPTIONS)
    panels = [f"{layer} (D = 10), {setting}" for layer, setting in product(LAYERS, settings)]
    assert [panel.get_title(loc="left") for panel in figure.axes] == panels
    assert all(len(panel.containers) == 2 for panel in figure.axes)


def test_a_legend_of_long_labels_stays_within_its_figure(scaled, distances):
    figure = fits.wasserstein(renamed(distances, scaled), scaled, OPTIONS)
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_distance_matrix_tells_each_distance_and_floor(distances, conditions):
    figure = fits.distance_matrix(distances, conditions, OPTIONS)
    names = list(conditions["condition"])
    for panel, layer in zip(figure.axes[:2], LAYERS, strict=True):
        between = select(distances, layer=layer)
        between = between[between["reference"].isin(names)]
        cells = panel.images[0].get_array().filled(np.nan)
        expected = between.pivot(index="reference", columns="condition", values="w2")
        np.testing.assert_array_equal(cells, expected.loc[names[:-1], names[1:]])
        texts = {text.get_position(): text.get_text() for text in panel.texts}
        assert len(texts) == len(between)
        for row in between.itertuples():
            place = names.index(row.condition) - 1, names.index(row.reference)
            assert texts[place] == f"{row.w2:.3g}\n(floor {row.w2_floor_95:.2g})"
    assert "$W_2$ at epoch 50 (units of weight)" in words(figure)


def test_every_figure_saves_the_same_bytes_twice_and_leaves_nothing_open(every_figure, tmp_path):
    for name, draw in every_figure.items():
        save(draw(), tmp_path / "first.svg")
        save(draw(), tmp_path / "second.svg")
        first = (tmp_path / "first.svg").read_text()
        assert first == (tmp_path / "second.svg").read_text(), name
        assert "<dc:date>" not in first
        assert "hidden1-hidden2" in first or name == "accuracy"
    assert matplotlib.pyplot.get_fignums() == []


def test_text_follows_the_font_scale_and_panels_the_width(parameters):
    small = fits.parameters(parameters, OPTIONS)
    large = fits.parameters(parameters, {"panel_width": 6.8, "font_scale": 2.0})
    size = [figure.axes[-1].get_xticklabels()[0].get_fontsize() for figure in (small, large)]
    assert size[1] == 2 * size[0]
    assert large.get_figwidth() == 2 * small.get_figwidth()


@pytest.mark.parametrize(
    ("epochs", "message"),
    [([10, 50], r"expected epoch \[0\], found \[.*10.*50"), ([0], "expected an epoch after 0")],
)
def test_normalised_change_needs_a_start_and_an_end(invariants, conditions, epochs, message):
    table = invariants[invariants["epoch"].isin(epochs)]
    with pytest.raises(ValueError, match=message):
        fits.normalised_change(table, conditions, OPTIONS)


def test_a_missing_column_is_named(parameters):
    with pytest.raises(ValueError, match=r"expected columns \['value'\], found .*'parameter'"):
        fits.parameters(parameters.drop(columns="value"), OPTIONS)


def test_a_missing_invariant_is_named(invariants, conditions):
    one = select(invariants, condition=conditions["condition"][0])
    with pytest.raises(ValueError, match=r"expected published \['I52'\], found .*'I51'"):
        fits.deviation_sd(one[one["published"] != "I52"], OPTIONS)


def test_a_missing_reference_is_named(distances, conditions):
    table = distances[distances["reference"] != "start"]
    with pytest.raises(ValueError, match=r"expected reference \['start'\], found"):
        fits.wasserstein(table, conditions, OPTIONS)


def test_a_figure_of_one_condition_refuses_two(invariants):
    with pytest.raises(ValueError, match="expected one condition in a figure, found"):
        fits.deviation_start(invariants, OPTIONS)


def test_a_figure_of_one_architecture_refuses_two(learning_curves, conditions):
    conditions.loc[0, "hidden"] = "40x40"
    with pytest.raises(
        ValueError, match=r"expected one hidden in a figure, found \['40x40', '10x1"
    ):
        fits.accuracy(learning_curves, conditions, OPTIONS)


def test_distance_matrix_needs_two_conditions(distances, conditions):
    with pytest.raises(ValueError, match="expected at least two to compare, found"):
        fits.distance_matrix(distances, conditions[:1], OPTIONS)
