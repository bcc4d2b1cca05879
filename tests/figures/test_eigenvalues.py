import numpy as np
import pandas as pd
import pytest
from support.figures import LAYERS, STYLE, assert_apart, assert_same_when_read, select, words

from weightlaws.figures import eigenvalues as figures
from weightlaws.figures.style import save
from weightlaws.inference.eigenvalues import eigenvalues


@pytest.fixture(scope="module")
def tables():
    rng, parts = np.random.default_rng(4), ([], [])
    for layer in LAYERS:
        for epoch in (0, 10):
            found = eigenvalues((1 + epoch) * rng.normal(size=(10, 6, 6)), 50, rng)
            for table, part in zip(parts, found, strict=True):
                table.append(part.assign(layer=layer, epoch=epoch))
    return tuple(pd.concat(table, ignore_index=True) for table in parts)


def draw(shares, plane):
    return figures.eigenvalues(shares, plane, "a", STYLE)


def test_a_row_has_members_and_law_at_both_epochs(tables):
    figure = draw(*tables)
    row = figure.axes[5:10]
    shares, plane = (select(table, layer=LAYERS[1], epoch=10) for table in tables)
    for panel, density in ((row[2], "density"), (row[3], "law_density")):
        (image,) = panel.images
        # Rows are the imaginary axis, from below.
        assert image.origin == "lower"
        expected = plane[density].to_numpy().reshape(33, 33).clip(0.1, 10)
        np.testing.assert_array_equal(image.get_array(), expected)
        assert image.get_extent() == [-1.6, 1.6, -1.6, 1.6]
    assert f"epoch 10, radius {shares['radius'].iloc[0]:.2g}" in words(figure)


def test_the_order_of_cells_does_not_matter(tables):
    shares, plane = tables
    mixed = plane.sample(frac=1, random_state=0)
    for one, other in zip(draw(*tables).axes, draw(shares, mixed).axes, strict=True):
        for image, same in zip(one.images, other.images, strict=True):
            np.testing.assert_array_equal(image.get_array(), same.get_array())


def test_shares_by_distance_have_bars(tables):
    panel = draw(*tables).axes[4]
    one = select(tables[0], layer=LAYERS[0], epoch=0)
    points = panel.containers[0]
    np.testing.assert_array_equal(points.lines[0].get_ydata(), one["within"])
    ends = np.array(points.lines[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, one[["low", "high"]])


def test_one_epoch_has_one_pair(tables):
    figure = draw(*(select(table, epoch=0) for table in tables))
    assert "epoch 10" not in words(figure)


def test_nothing_overlaps_or_leaves_the_figure(tables, tmp_path):
    assert_apart(draw(*tables), STYLE)
    for k in range(2):
        save(draw(*tables), tmp_path / f"{k}.svg", STYLE)
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()


def test_tables_that_are_read_back_draw_the_same_picture(tables, tmp_path):
    assert_same_when_read(draw, tables, tmp_path)


def test_what_is_missing_is_named(tables):
    shares, plane = tables
    with pytest.raises(ValueError, match=r"eigenvalues: expected columns \['low'\]"):
        draw(shares.drop(columns="low"), plane)
    with pytest.raises(ValueError, match=r"eigenvalue plane: expected columns \['density'\]"):
        draw(shares, plane.drop(columns="density"))
    with pytest.raises(ValueError, match=r"eigenvalue plane: expected epoch \[10\]"):
        draw(shares, select(plane, epoch=0))
