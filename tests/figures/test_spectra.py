from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy import stats
from support.figures import STYLE, TITLE, assert_apart
from support.recipe import RECIPE

from weightlaws.figures import lazy_rich
from weightlaws.figures import spectra as spectra_figures
from weightlaws.figures.style import save

SHAPES = {"input-hidden": (120, 300), "hidden-output": (10, 120)}
PLACE = ["condition", "layer", "rows", "columns", "epoch", "members"]
CURVE_SIZES = {
    "density": 40,
    "outlier": 3,
    "spacing": 32,
    "number_variance": 5,
    "hill": 9,
    "plateau": 2,
}
STUDENT_OF_4 = stats.t.ppf(0.975, 3)
COPIES = ["permuted", "sign-flipped"]
WITH_NULL = ["outliers_above", "mean_ratio", "brody", "bulk_distance"]
STATISTICS = [
    *WITH_NULL,
    "upper_edge",
    "edge_scale",
    "threshold",
    "learned_rank",
    "informative_vectors",
    "distance_travelled",
    "tail_exponent",
    "hill_plateau",
    "share_power_law",
    "share_not_a_power_law",
    "share_too_few_values",
]


def places(condition="a", epochs=(0, 5, 20), members=4, shapes=SHAPES):
    return [
        (condition, layer, *shape, epoch, members)
        for (layer, shape), epoch in product(shapes.items(), epochs)
    ]


def make_curves(where):
    rng, parts = np.random.default_rng(1), []
    for place, (curve, n) in product(where, CURVE_SIZES.items()):
        y = rng.uniform(0.2, 1, n)
        part = pd.DataFrame({"x": np.arange(1.0, n + 1) / (10 if n > 9 else 1), "y": y})
        part = part.assign(curve=curve, low=y - 0.1, high=y + 0.1, theory=y[::-1])
        if curve == "outlier":
            part[["y", "low", "high", "theory"]] = np.nan
        elif curve in ("spacing", "number_variance") and min(place[2:4]) < 100:
            part[["y", "low", "high"]] = np.nan
        parts.append(part.assign(**dict(zip(PLACE, place, strict=True))))
    return pd.concat(parts, ignore_index=True)


def make_spectra(where):
    rng = np.random.default_rng(2)
    rows = [(*place, name) for place, name in product(where, STATISTICS)]
    table = pd.DataFrame(rows, columns=[*PLACE, "statistic"])
    table = table.assign(value=rng.uniform(0.4, 0.6, len(table)).round(3), standard_error=0.05)
    known = table["statistic"].isin(WITH_NULL)
    small = (table["statistic"] == "brody") & (table["rows"] < 100)
    table.loc[small, ["value", "standard_error"]] = np.nan
    table = table.assign(
        null=np.where(known, "Gaussian", None),
        null_mean=np.where(known & ~small, 0.53, np.nan),
        null_sd=np.where(known & ~small, 0.1, np.nan),
        verdict=np.where(table["statistic"].str.contains("tail|share"), "not a power law", None),
    )
    for verdict in ("power law", "not a power law", "too few values"):
        mine = table["statistic"] == f"share_{verdict.replace(' ', '_')}"
        table.loc[mine, "value"] = float(verdict == "not a power law")
    table.loc[table["statistic"] == "hill_plateau", "value"] = 0.5
    counts = table[table["statistic"] == "outliers_above"]
    copies = [counts.assign(null=null, null_mean=99) for null in COPIES]
    return pd.concat([table, *copies], ignore_index=True)


def make_ranks(where):
    rng, parts = np.random.default_rng(3), []
    for place in where:
        n = min(place[2:4])
        part = pd.DataFrame({"rank": np.arange(1, n + 1)})
        part = part.assign(
            p_left=rng.uniform(0.01, 1, n),
            p_right=rng.uniform(0.01, 1, n),
            informative=np.where(part["rank"] <= 2, 0.75, 0.25 * (part["rank"] == 5)),
            learned=np.where(part["rank"] <= 7, 1.0, 0.0),
        )
        parts.append(part.assign(**dict(zip(PLACE, place, strict=True))))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def curves():
    return make_curves(places())


@pytest.fixture(scope="module")
def spectra():
    return make_spectra(places())


@pytest.fixture(scope="module")
def ranks():
    return make_ranks(places())


@pytest.fixture(scope="module")
def scaled():
    """Return spectra, conditions and learning curves of a plain network and two output scales."""
    conditions = pd.DataFrame(
        {
            "condition": ["plain", "rich", "lazy", "decayed"],
            "dataset": "digits",
            "hidden": 120,  # as a single width is read from a table
            "initialisation": "gaussian",
            "weight_decay": [0.0, 0.0, 0.0, 0.01],
            "output_scale": [np.nan, 0.5, 8.0, np.nan],
            "members": 5,
            **RECIPE,
        }
    )
    names = conditions["condition"]
    spectra = pd.concat([make_spectra(places(name)) for name in names], ignore_index=True)
    learned = pd.DataFrame(list(product(names, range(21))), columns=["condition", "epoch"])
    mean = np.linspace(0.1, 0.9, len(learned))
    return spectra, conditions, learned.assign(accuracy_mean=mean, accuracy_sd=0.1)


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def legend(figure):
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


def at(table, layer, epoch, **values):
    mine = (table["layer"] == layer) & (table["epoch"] == epoch)
    for column, value in values.items():
        mine &= table[column] == value
    return table[mine]


def value(spectra, layer, epoch, statistic):
    mine = at(spectra, layer, epoch, statistic=statistic)
    return mine[~mine["null"].isin(COPIES)]["value"].item()


def share_interval(shares, n=4):
    """Wilson's interval, by its formula."""
    z = stats.norm.ppf(0.975)
    middle = (shares + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(shares * (1 - shares) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


def panels_of(figure, layers):
    """The panels of each layer, from above."""
    columns = [[] for _ in range(layers)]
    for panel in figure.axes:
        columns[panel.get_subplotspec().colspan.start].append(panel)
    return columns


def title_of(panel):
    """The lines above a panel, as if it were wide enough for each."""
    return panel.get_title().replace("\n", " ")


def test_singular_values_stand_under_their_law_with_their_outliers(curves, spectra):
    figure = spectra_figures.singular_values(curves, spectra, TITLE, STYLE)
    for (layer, shape), panels in zip(SHAPES.items(), panels_of(figure, 2), strict=True):
        assert panels[0].get_title().startswith("{}\n{}\u2009×\u2009{}".format(layer, *shape))
        assert panels[0].get_xlim() == panels[1].get_xlim()
        for panel, epoch in zip(panels, (0, 20), strict=True):
            density = at(curves, layer, epoch, curve="density")
            bars, intervals, ticks = panel.collections
            assert bars.get_paths()[0].vertices[:, 1].max() == density["y"].max()
            ends = [path.vertices[:, 1] for path in intervals.get_paths()]
            np.testing.assert_array_equal(ends, density[["low", "high"]])
            law, threshold = panel.get_lines()
            np.testing.assert_array_equal(law.get_xydata(), density[["x", "theory"]])
            assert threshold.get_xdata()[0] == value(spectra, layer, epoch, "threshold")
            (edge,) = panel.patches
            middle, scale = (value(spectra, layer, epoch, f) for f in ("upper_edge", "edge_scale"))
            assert edge.get_x() == pytest.approx(middle - scale)
            assert edge.get_width() == pytest.approx(2 * scale)
            outliers = at(curves, layer, epoch, curve="outlier")["x"]
            assert [path.vertices[0, 0] for path in ticks.get_paths()] == outliers.tolist()
            n = value(spectra, layer, epoch, "outliers_above")
            says = f"epoch {epoch}: outliers {n:.3g}\xa0±\xa00.2 (random:\xa00.53)"
            assert says in title_of(panel)
    assert {"singular value", "share per unit"} <= set(words(figure))
    assert "Marchenko-Pastur law of the bulk" in legend(figure)


def test_no_law_is_drawn_where_the_bulk_fits_none(curves, spectra):
    far = spectra["statistic"] == "bulk_distance"
    # A random matrix is 0.53 away, with a standard deviation of 0.1.
    for distance, fits in ((0.53 + 1.9 * 0.1, True), (0.53 + 2.0 * 0.1, False), (np.nan, False)):
        found = spectra.assign(value=spectra["value"].where(~far, distance))
        figure = spectra_figures.singular_values(curves, found, TITLE, STYLE)
        for panel in figure.axes:
            assert len(panel.get_lines()) == 2 * fits
            assert len(panel.patches) == fits
            assert ("no random bulk fits" in title_of(panel)) != fits


def test_level_statistics_of_a_layer_that_unfolds_and_one_too_small(curves, spectra):
    figure = spectra_figures.level_statistics(curves, spectra, TITLE, STYLE)
    large, small = panels_of(figure, 2)
    for (ratio, *_), layer in zip((large, small), SHAPES, strict=True):
        drawn = ratio.get_lines()[2]
        assert drawn.get_xdata().tolist() == [0, 5, 20]
        wanted = [value(spectra, layer, epoch, "mean_ratio") for epoch in (0, 5, 20)]
        assert drawn.get_ydata().tolist() == wanted
        guides = [line.get_ydata()[0] for line in ratio.get_lines()[:2]]
        assert guides == pytest.approx([0.5307, 0.3863], abs=1e-4)
        (null,) = ratio.patches
        assert null.get_y() == pytest.approx(0.53 - 1.96 * 0.1 / 4**0.5)
        assert null.get_height() == pytest.approx(2 * 1.96 * 0.1 / 4**0.5)
        bars = ratio.containers[0][2][0].get_segments()
        assert np.ptp(bars[0][:, 1]) == pytest.approx(2 * STUDENT_OF_4 * 0.05)
        says = f"epoch 20: mean ratio {wanted[-1]:.3g}\xa0±\xa00.2 (random:\xa00.53)"
        assert says in title_of(ratio)
    for panel, name in zip(large[1:], ("spacing", "number_variance"), strict=True):
        first, last = (at(curves, "input-hidden", epoch, curve=name) for epoch in (0, 20))
        lines = [line.get_ydata() for line in panel.get_lines()]
        x = last["x"].to_numpy()
        poisson = np.exp(-x) if name == "spacing" else x
        wanted = first["y"], last["y"], last["theory"], poisson
        for line, y in zip(lines, wanted, strict=True):
            np.testing.assert_allclose(line, y, rtol=1e-12)
        (band,) = panel.collections
        assert band.get_paths()[0].vertices[:, 1].max() == last["high"].max()
    assert "epoch 0: Brody" in title_of(large[1])
    assert len(small) == 1
    assert legend(figure)[:2] == ["first analysed epoch", "last analysed epoch"]


def test_level_statistics_without_any_layer_to_unfold_are_mean_ratios(curves, spectra):
    small = curves[curves["layer"] == "hidden-output"]
    figure = spectra_figures.level_statistics(small, spectra, TITLE, STYLE)
    (panel,) = figure.axes
    assert panel.get_xlabel() == "epoch"
    assert "last analysed epoch" not in legend(figure)


def test_singular_vectors_are_hollow_unless_informative(ranks, spectra):
    figure = spectra_figures.singular_vectors(ranks, spectra, TITLE, STYLE)
    for (layer, shape), panels in zip(SHAPES.items(), panels_of(figure, 2), strict=True):
        lines = iter(panels[2].get_lines())
        for panel, epoch in zip(panels[:2], (0, 20), strict=True):
            part = at(ranks, layer, epoch)
            often = part["informative"] >= 0.5
            dots = iter(panel.get_lines())
            for side in ("p_left", "p_right"):
                few, many = next(dots), next(dots)
                np.testing.assert_array_equal(few.get_xydata(), part[~often][["rank", side]])
                np.testing.assert_array_equal(many.get_xydata(), part[often][["rank", side]])
                assert few.get_markerfacecolor() == "none"
                assert many.get_markerfacecolor() != "none"
            assert panel.get_yscale() == "log"
            assert panel.get_xscale() == ("log" if min(shape) > 50 else "linear")
            for share in ("informative", "learned"):
                np.testing.assert_array_equal(next(lines).get_xydata(), part[["rank", share]])
            n, learned = (
                value(spectra, layer, epoch, name)
                for name in ("informative_vectors", "learned_rank")
            )
            says = f"epoch {epoch}: learned rank {learned:.3g}\xa0±\xa00.2, {n:.3g}\xa0±\xa00.2"
            assert says in title_of(panel)
        for band, epoch in zip(panels[2].collections, (0, 20), strict=True):
            low, high = share_interval(at(ranks, layer, epoch)["informative"])
            edges = band.get_paths()[0].vertices[:, 1]
            assert (edges.min(), edges.max()) == pytest.approx((low.min(), high.max()))
    assert {"rank", "p-value"} <= set(words(figure))


def test_hill_plots_have_a_verdict_and_no_exponent_without_a_power_law(curves, spectra):
    figure = spectra_figures.hill(curves, spectra, TITLE, STYLE)
    for layer, panel in zip(SHAPES, figure.axes, strict=True):
        lines = [iter(panel.get_lines())] * 2  # in pairs
        for line, flat, band, epoch in zip(*lines, panel.collections, (0, 20), strict=True):
            part = at(curves, layer, epoch, curve="hill")
            np.testing.assert_array_equal(line.get_xydata(), part[["x", "y"]])
            level = at(curves, layer, epoch, curve="plateau")
            np.testing.assert_array_equal(flat.get_xydata(), level[["x", "y"]])
            assert band.get_paths()[0].vertices[:, 1].max() == part["high"].max()
            says = f"epoch {epoch}: not a power law; plateau in 2 of 4"
            assert says in title_of(panel)
        assert panel.get_ylabel() == ("" if panel is figure.axes[1] else "Hill estimate γₖ")
    assert not any("exponent" in word for word in words(figure))


def test_layers_of_too_few_values_for_a_verdict_are_told_and_have_no_hill_plot(curves, spectra):
    small = spectra["layer"] == "hidden-output"
    few = spectra.assign(verdict=spectra["verdict"].mask(small, "too few values"))
    figure = spectra_figures.hill(curves, few, TITLE, STYLE)
    assert [panel.get_title().split("\n")[0] for panel in figure.axes] == ["input-hidden"]
    told = figure.get_suptitle().replace("\n", " ")
    assert told == f"{TITLE}; too few values to tell of a tail: hidden-output"
    none = spectra_figures.hill(curves, spectra.assign(verdict="too few values"), TITLE, STYLE)
    assert not any(panel.axison for panel in none.axes)


@pytest.mark.parametrize(
    ("share", "error", "says"),
    [
        (1.0, 0.1, "power law, exponent 3.5\xa0±\xa00.3"),
        (1.0, np.nan, "power law, exponent 3.5"),
        (0.75, 0.1, "power law (3 of 4 members)"),
    ],
)
def test_an_exponent_is_told_where_all_members_have_a_power_law(curves, share, error, says):
    spectra = make_spectra(places()).assign(verdict="power law")
    spectra.loc[spectra["statistic"] == "share_power_law", "value"] = share
    exponents = spectra["statistic"] == "tail_exponent"
    spectra.loc[exponents, ["value", "standard_error"]] = [3.5, error]
    panel = spectra_figures.hill(curves, spectra, TITLE, STYLE).axes[0]
    wanted = [f"epoch {epoch}: {says}; plateau in 2 of 4" for epoch in (0, 20)]
    assert title_of(panel).endswith(" ".join(wanted))


def test_lazy_rich_draws_each_layer_against_the_output_scale(scaled):
    spectra, conditions, learned = scaled
    figure = lazy_rich.lazy_rich(spectra, conditions, learned, STYLE)
    rows = dict(zip(lazy_rich._BY_SCALE, figure.axes, strict=True))
    names = ["plain", "rich", "lazy"]  # the one with another weight decay is left out
    for name, panel in rows.items():
        lines = [c for c in panel.containers if len(c[0].get_xdata())]
        tables = {
            layer: pd.concat(at(spectra[spectra["condition"] == c], layer, 20) for c in names)
            for layer in sorted(SHAPES)
        }
        if name == "accuracy":
            wanted = [learned[learned["epoch"] == 20]["accuracy_mean"].tolist()[:3]]
        else:
            tables = [
                t[(t["statistic"] == name) & ~t["null"].isin(COPIES)] for t in tables.values()
            ]
            wanted = [table["value"].tolist() for table in tables]
        assert len(lines) == 2 * len(wanted)
        for k, values in enumerate(wanted):
            alone, joined = lines[2 * k][0], lines[2 * k + 1][0]
            assert [*alone.get_ydata(), *joined.get_ydata()] == values
            assert [*alone.get_xdata(), *joined.get_xdata()] == [0.125, 0.5, 8]
            assert alone.get_linestyle() == "None"
    accuracy = rows["accuracy"].containers[1][2][0].get_segments()
    reach = stats.t.ppf(0.975, 5 - 1) * 0.1 / (5 - 1) ** 0.5
    assert np.ptp(accuracy[0][:, 1]) == pytest.approx(2 * reach)
    distance = rows["distance_travelled"].containers[1][2][0].get_segments()
    assert np.ptp(distance[0][:, 1]) == pytest.approx(2 * STUDENT_OF_4 * 0.05)
    # None of the four members has a power law.
    share = rows["share_power_law"].containers[1][2][0].get_segments()
    assert share[0][:, 1].tolist() == pytest.approx([0, 0.4899], abs=1e-4)
    assert len(rows["mean_ratio"].collections) == 4 + 2  # error bars and a band of either layer
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels == ["plain", "0.5", "8"]
    assert figure.axes[-1].get_xlabel() == "output scale alpha"
    assert figure.get_suptitle().replace("\n", " ") == (
        "784-120-10, Gaussian start, no weight decay, digits"
    )
    sizes = ["120\u2009×\u2009300", "10\u2009×\u2009120"]
    wanted = ["network", *(f"{layer}, {size}" for layer, size in zip(SHAPES, sizes, strict=True))]
    assert legend(figure)[:3] == wanted


def test_lazy_rich_has_no_place_for_a_plain_network_that_there_is_not(scaled):
    spectra, conditions, learned = scaled
    conditions = conditions[conditions["condition"] != "plain"]
    figure = lazy_rich.lazy_rich(spectra, conditions, learned, STYLE)
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels == ["0.5", "8"]


def test_lazy_rich_needs_an_output_scale(scaled):
    spectra, conditions, learned = scaled
    plain = conditions.assign(output_scale=np.nan)
    with pytest.raises(ValueError, match="output_scale"):
        lazy_rich.lazy_rich(spectra, plain, learned, STYLE)


def test_many_layers_wrap_and_a_single_epoch_is_enough():
    where = places(epochs=[0], members=1, shapes={f"layer{k}": (10, 10 + k) for k in range(6)})
    curves, spectra, ranks = make_curves(where), make_spectra(where), make_ranks(where)
    for name, table, height in (
        ("level_statistics", curves, 1),
        ("singular_vectors", ranks, 2),
    ):
        figure = getattr(spectra_figures, name)(table, spectra, TITLE, STYLE)
        assert len(figure.axes) == 6 * height
        columns = {panel.get_subplotspec().colspan.start for panel in figure.axes}
        assert columns == set(range(4))
        assert "first analysed epoch" not in legend(figure)


def test_a_layer_that_was_analysed_once_has_one_panel(curves, spectra, ranks):
    def once(table):
        return table[(table["layer"] != "hidden-output") | (table["epoch"] == 0)]

    for name, table, panels in (("singular_values", curves, 3), ("singular_vectors", ranks, 5)):
        figure = getattr(spectra_figures, name)(once(table), once(spectra), TITLE, STYLE)
        assert len(figure.axes) == panels
    figure = spectra_figures.hill(once(curves), once(spectra), TITLE, STYLE)
    assert [len(panel.get_lines()) for panel in figure.axes] == [4, 2]


def test_what_is_unknown_is_left_out(curves, spectra, ranks):
    empty = curves.assign(theory=np.nan)
    rest = empty["curve"] != "density"
    empty.loc[rest, ["y", "low", "high"]] = np.nan
    empty = empty[empty["curve"] != "outlier"]
    unknown = spectra.assign(value=np.nan, standard_error=np.nan, null_mean=np.nan, null_sd=np.nan)
    unknown["verdict"] = "too few values"
    blank = ranks.assign(p_left=np.nan, p_right=np.nan)
    for name, table in (
        ("singular_values", empty),
        ("level_statistics", empty),
        ("singular_vectors", blank),
        ("hill", empty),
    ):
        figure = getattr(spectra_figures, name)(table, unknown, TITLE, STYLE)
        assert figure.axes


def test_nothing_overlaps_or_leaves_the_figure(curves, spectra, ranks, scaled):
    shapes = {f"layer{k}": (10, 10 + k) for k in range(6)}  # more than stand side by side
    many = places(shapes=shapes)
    for c, s, r in (
        (curves, spectra, ranks),
        (make_curves(many), make_spectra(many), make_ranks(many)),
    ):
        for figure in (
            spectra_figures.singular_values(c, s, TITLE, STYLE),
            spectra_figures.level_statistics(c, s, TITLE, STYLE),
            spectra_figures.singular_vectors(r, s, TITLE, STYLE),
            spectra_figures.hill(c, s, TITLE, STYLE),
        ):
            assert_apart(figure, STYLE)
    assert_apart(lazy_rich.lazy_rich(*scaled, STYLE), STYLE)


def test_figures_come_out_the_same_byte_for_byte(scaled, tmp_path):
    where = places(epochs=[20], shapes={"wide": (600, 600)})
    curves, spectra = make_curves(where), make_spectra(where)
    for draw, arguments in (
        (spectra_figures.singular_values, (curves, spectra, TITLE)),
        (spectra_figures.level_statistics, (curves, spectra, TITLE)),
        (spectra_figures.singular_vectors, (make_ranks(where), spectra, TITLE)),  # as pixels
        (spectra_figures.hill, (curves, spectra, TITLE)),
        (lazy_rich.lazy_rich, scaled),
    ):
        texts = []
        for _ in range(2):
            save(draw(*arguments, STYLE), tmp_path / "figure.svg", STYLE)
            texts.append((tmp_path / "figure.svg").read_bytes())
        assert texts[0] == texts[1]


def test_a_missing_column_or_statistic_is_named(curves, spectra, ranks, scaled):
    for name, table, column in (
        ("singular_values", curves, "theory"),
        ("level_statistics", curves, "low"),
        ("singular_vectors", ranks, "p_right"),
        ("hill", curves, "high"),
    ):
        with pytest.raises(ValueError, match=f"expected columns .*{column}"):
            getattr(spectra_figures, name)(table.drop(columns=column), spectra, TITLE, STYLE)
    with pytest.raises(ValueError, match=r"expected statistic .*threshold"):
        few = spectra[spectra["statistic"] != "threshold"]
        spectra_figures.singular_values(curves, few, TITLE, STYLE)
    with pytest.raises(ValueError, match="one condition"):
        spectra_figures.hill(
            pd.concat([curves, curves.assign(condition="b")]), spectra, TITLE, STYLE
        )
    rows, conditions, learned = scaled
    with pytest.raises(ValueError, match=r"expected condition .*lazy"):
        others = rows[rows["condition"] != "lazy"]
        lazy_rich.lazy_rich(others, conditions, learned, STYLE)
