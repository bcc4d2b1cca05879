import math
import re
from dataclasses import replace

import pytest

from weightlaws.figures.claim_picture import claim_picture
from weightlaws.inference.claims_table import CLAIMS

BELOW = replace(CLAIMS[0], side="below", margin=0.2)
ABOVE = replace(BELOW, side="above")
WITHIN = replace(BELOW, side="within")


def parts(svg):
    """Horizontal ends of the shaded ground and of the interval, and the place of the value."""
    x, width = map(float, re.search(r'<rect x="([\d.]+)" y="6" width="([\d.]+)"', svg).groups())
    low, high = re.search(r'x1="([\d.]+)" x2="([\d.]+)" y1="18" y2="18"', svg).groups()
    value = re.search(r'cx="([\d.]+)"', svg)[1]
    return (x, x + width), (float(low), float(high)), float(value)


def margins(svg):
    return [float(x) for x in re.findall(r'<line x1="([\d.]+)".*class="margin"', svg)]


@pytest.mark.parametrize(("low", "value", "high"), [(0.1, 0.15, 0.18), (-3.0, 0.5, 0.6)])
def test_the_shaded_ground_is_where_the_claim_is_true(low, value, high):
    for claim, true in (
        (BELOW, lambda x: x < 0.2),
        (ABOVE, lambda x: x > 0.2),
        (WITHIN, lambda x: -0.2 < x < 0.2),
    ):
        svg = claim_picture(claim, value, low, high)
        ground, ends, centre = parts(svg)
        for x, number in zip((*ends, centre), (low, high, value), strict=True):
            assert (ground[0] < x < ground[1]) == true(number), claim.side
        assert ends[0] < centre < ends[1]


def test_places_are_to_scale():
    svg = claim_picture(BELOW, 0.4, 0.3, 0.6)
    (_, edge), (low, high), value = parts(svg)
    assert margins(svg) == [pytest.approx(edge)]
    # 0.2, 0.3, 0.4 and 0.6 on one scale, but for rounding to a tenth of a point.
    assert value - low == pytest.approx(low - edge, abs=0.2)
    assert high - value == pytest.approx(2 * (value - low), abs=0.3)


def test_within_has_two_margins():
    assert len(margins(claim_picture(WITHIN, 0.0, -0.1, 0.1))) == 2


@pytest.mark.parametrize("high", [math.inf, 5000.0])
def test_an_end_that_is_open_or_far_away_is_drawn_to_the_edge_without_a_cap(high):
    closed = claim_picture(ABOVE, 0.4, 0.3, 0.6)
    svg = claim_picture(ABOVE, 0.4, 0.3, high)
    # What is near stays to be told apart.
    assert parts(svg)[2] - parts(svg)[1][0] > 20
    assert f"{high:.3g}" in svg
    assert parts(svg)[1][1] > 230
    assert svg.count('y1="13"') == closed.count('y1="13"') - 1


def test_there_is_no_picture_of_no_number():
    assert claim_picture(BELOW, math.nan, math.nan, math.nan) == ""


def test_labels_do_not_touch():
    svg = claim_picture(replace(BELOW, margin=0.01), 5.0, 4.0, 6.0)
    assert re.findall(r"<text[^>]*>([^<]*)<", svg) == ["0.01"]


def test_the_picture_is_said_in_words():
    label = re.search(r'aria-label="([^"]*)"', claim_picture(BELOW, 0.4, 0.3, 0.6))[1]
    assert label == f"0.4, 95 % interval 0.3 to 0.6; claimed is {BELOW.criterion}"
