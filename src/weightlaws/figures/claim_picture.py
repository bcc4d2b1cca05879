"""A small picture of one claim: its value and interval against what it has to reach."""

import math
from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup

from weightlaws.figures.html import template
from weightlaws.inference.claims import Claim

_WIDTH, _LEFT, _RIGHT = 260.0, 24.0, 236.0
_PAD = 0.12  # on either side, of the range that is shown
_FAR = 10  # times the value or the margin
_BETWEEN = 28.0  # labels at least

_SVG = template("""\
<svg class="picture" viewBox="0 0 260 52" role="img" aria-label="{{ words }}">
<rect x="{{ claimed[0] }}" y="6" width="{{ claimed[1] }}" height="24" class="claimed"/>
{% for x in margins %}
<line x1="{{ x }}" x2="{{ x }}" y1="2" y2="34" class="margin"/>
{% endfor %}
<line x1="24" x2="236" y1="34" y2="34" class="axis"/>
{% for x, label in ticks %}
<line x1="{{ x }}" x2="{{ x }}" y1="34" y2="38" class="axis"/>
<text x="{{ x }}" y="49">{{ label }}</text>
{% endfor %}
<line x1="{{ low }}" x2="{{ high }}" y1="18" y2="18" class="interval"/>
{% for x in ends %}
<line x1="{{ x }}" x2="{{ x }}" y1="13" y2="23" class="interval"/>
{% endfor %}
<circle cx="{{ value }}" cy="18" r="4.5" class="value"/>
</svg>""")


def claim_picture(claim: Claim, value: float, low: float, high: float) -> Markup:
    """Draw a claim's value with its interval; where the claim holds, the ground is shaded.

    An end of the interval that is not finite, or so far away that nothing else could be seen, is
    drawn open, at the edge of the picture. Without a finite value there is no picture.
    """
    if not math.isfinite(value):
        return Markup()
    margins = [-claim.margin, claim.margin] if claim.side == "within" else [claim.margin]
    words = f"{value:.3g}, 95 % interval {low:.3g} to {high:.3g}; claimed is {claim.criterion}"
    reach = _FAR * max(abs(value), claim.margin) if claim.margin else math.inf
    low, high = (math.copysign(math.inf, end) if abs(end) > reach else end for end in (low, high))
    first, last = _range([value, low, high, 0.0, *margins])

    def place(x: float) -> float:
        if not math.isfinite(x):
            return _LEFT if x == -math.inf else _RIGHT
        return round(_LEFT + (x - first) / (last - first) * (_RIGHT - _LEFT), 1)

    places = [place(margin) for margin in margins]
    left = _LEFT if claim.side == "below" else places[0]
    right = _RIGHT if claim.side == "above" else places[-1]
    finite = [place(end) for end in (low, high) if math.isfinite(end)]
    svg = _SVG.render(
        words=words,
        claimed=(left, round(right - left, 1)),
        margins=places,
        ticks=_ticks((margins[-1], 0.0, margins[0]), place),
        low=place(low if low == low else value),
        high=place(high if high == high else value),
        ends=finite,
        value=place(value),
    )
    return Markup(svg)  # a template of ours, which escapes


def _range(values: Sequence[float]) -> tuple[float, float]:
    finite = [x for x in values if math.isfinite(x)]
    first, last = min(finite), max(finite)
    pad = _PAD * (last - first or 1.0)
    return first - pad, last + pad


def _ticks(numbers: Iterable[float], place: Callable[[float], float]) -> list[tuple[float, str]]:
    """Return ticks with labels, without those that would touch one that comes before."""
    ticks: list[tuple[float, str]] = []
    for number in numbers:
        if all(abs(place(number) - x) > _BETWEEN for x, _ in ticks):
            ticks.append((place(number), f"{number:g}".replace("-", "−")))
    return ticks
