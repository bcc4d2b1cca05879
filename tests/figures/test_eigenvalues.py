import numpy as np
import pytest
from support.figures import LAYERS, STYLE, assert_apart, words

from weightlaws.figures.eigenvalues import eigenvalues_figure
from weightlaws.figures.style import save
from weightlaws.inference.eigenvalues import eigenvalues


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(4)
    return {
        (layer, epoch): eigenvalues((1 + epoch) * rng.normal(size=(10, 6, 6)), 50, rng)
        for layer in LAYERS
        for epoch in (0, 10)
    }


def test_a_row_has_members_and_law_at_both_epochs(found):
    figure = eigenvalues_figure(found, "a", STYLE)
    row = figure.axes[5:10]
    one = found[LAYERS[1], 10]
    for panel, expected in ((row[2], one.observed), (row[3], one.law)):
        (image,) = panel.images
        np.testing.assert_array_equal(image.get_array(), expected.clip(0.1, 10))
    assert f"epoch 10, radius {one.radius:.2g}" in words(figure)


def test_shares_by_distance_have_bars(found):
    panel = eigenvalues_figure(found, "a", STYLE).axes[4]
    one = found[LAYERS[0], 0]
    points = panel.containers[0]
    np.testing.assert_array_equal(points.lines[0].get_ydata(), one.within)
    ends = np.array(points.lines[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, np.stack([one.low, one.high], axis=1))


def test_one_epoch_has_one_pair(found):
    alone = {(layer, epoch): one for (layer, epoch), one in found.items() if epoch == 0}
    figure = eigenvalues_figure(alone, "a", STYLE)
    assert "epoch 10" not in words(figure)


def test_nothing_overlaps_or_leaves_the_figure(found, tmp_path):
    assert_apart(eigenvalues_figure(found, "a", STYLE), STYLE)
    for k in range(2):
        save(eigenvalues_figure(found, "a", STYLE), tmp_path / f"{k}.svg", STYLE)
    assert (tmp_path / "0.svg").read_bytes() == (tmp_path / "1.svg").read_bytes()


def test_without_a_square_layer_there_is_no_figure():
    with pytest.raises(ValueError, match="eigenvalues of a square layer"):
        eigenvalues_figure({}, "a", STYLE)
