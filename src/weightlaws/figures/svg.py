"""Pictures as matplotlib writes them, in fewer bytes that look the same.

Places are whole tenths of a point, which no eye tells apart, and paths count from their last
point. Styles, clips and markers that many elements share are written once. Groups and names that
nothing refers to are left out.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from string import ascii_letters, digits
from xml.etree import ElementTree
from zlib import crc32

Element = ElementTree.Element
Place = tuple[float, float]  # in points
Step = tuple[str, list[int]]  # a command, and how far it moves, in tenths of a point

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_PATH, _HREF = f"{_SVG}path", f"{_LINK}href"
_NUMBERS = ("x", "y", "transform", "width", "height", "viewBox")  # attributes
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_NO_TURN = re.compile(r"rotate\(-?0 [^)]*\)")
_STEP = re.compile(r"([MLQCz])([^MLQCz]*)")
_LONG_NAME = re.compile(r' id="(\w{6,})"')
_LETTERS = ascii_letters + digits

ElementTree.register_namespace("", _SVG[1:-1])
ElementTree.register_namespace("xlink", _LINK[1:-1])


def shorter(picture: str) -> str:
    """Return an SVG of matplotlib's in fewer bytes."""
    root = ElementTree.fromstring(picture)
    root[:] = [part for part in root if part.tag != f"{_SVG}metadata"]
    _join_markers(root)
    _flatten(root)
    for element in root.iter():
        _round(element)
    _share_styles(root)
    text = ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")
    for name in _LONG_NAME.findall(text):
        text = text.replace(name, short_name(name))
    return text


def _join_markers(root: Element) -> None:
    """Write all paths short, and each run of equal markers as one path."""
    shapes = {path.get("id"): path.attrib.pop("d") for path in root.iter(_PATH) if path.get("id")}
    for path in root.iter(_PATH):
        path.set("d", short_path(path.get("d", "")))
    markers: dict[str, Element] = {}
    for parent in [*root.iter()]:
        parts: list[Element] = []
        children = [child for child in parent if child.get("id") not in shapes]
        for (link, style), run in groupby(children, _look):
            if link[1:] not in shapes:
                parts += run
                continue
            shape = shapes[link[1:]]
            places = [(float(use.get("x", 0)), float(use.get("y", 0))) for use in run]
            if len(places) > 1:
                name = short_name(f"{shape}{style}")
                markers[name] = _marker(name, short_path(shape), style)
                steps, style = _dots(places), f"fill: none; marker: url(#{name})"
            else:  # a path of one place may have no markers
                steps = short_path(shape, places[0])
            parts.append(ElementTree.Element(_PATH, d=steps, style=style))
        parent[:] = parts
    if markers:
        ElementTree.SubElement(root, f"{_SVG}defs").extend(markers.values())


def _look(use: Element) -> tuple[str, str]:
    return use.get(_HREF, ""), use.get("style", "")


def _marker(name: str, steps: str, style: str) -> Element:
    how = {"markerUnits": "userSpaceOnUse", "overflow": "visible"}
    marker = ElementTree.Element(f"{_SVG}marker", how, id=name)
    ElementTree.SubElement(marker, _PATH, d=steps, style=style)
    return marker


def short_path(steps: str, start: Place = (0, 0)) -> str:
    """Write a path of absolute steps from a place as one of relative steps.

    Lines that go on the same way are one.
    """
    written: list[Step] = []
    here = first = (0, 0)
    for command, places in _tenths(steps, start):
        moves = [x - y for place in places for x, y in zip(place, here, strict=True)]
        here = places[-1] if places else first
        if command == "M":
            first = here
        if command == "L" and written[-1][0] == "l" and _same_way(written[-1][1], moves):
            moves = [x + y for x, y in zip(written.pop()[1], moves, strict=True)]
        written.append((command.lower(), moves))
    return _text(written)


def _dots(places: Iterable[Place]) -> str:
    """Write a path that goes from dot to dot."""
    steps = "".join(f"{'L' if k else 'M'} {x} {y} " for k, (x, y) in enumerate(places))
    here, written = (0, 0), []
    for command, ((x, y),) in _tenths(steps, (0, 0)):
        written.append((command.lower(), [x - here[0], y - here[1]]))
        here = x, y
    return _text(written)


def _tenths(steps: str, start: Place) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Split a path into commands, with places in tenths of a point."""
    for command, numbers in _STEP.findall(steps):
        values = [float(number) for number in numbers.split()]
        pairs = zip(values[::2], values[1::2], strict=True)
        yield command, [(round(10 * (x + start[0])), round(10 * (y + start[1]))) for x, y in pairs]


def _same_way(one: list[int], other: list[int]) -> bool:
    cross = one[0] * other[1] - one[1] * other[0]
    return cross == 0 and one[0] * other[0] + one[1] * other[1] >= 0


def _text(steps: Iterable[Step]) -> str:
    """Write relative steps without what their grammar implies."""
    text, last = "", ""
    for command, moves in steps:
        if command == "l" and 0 in moves:
            command, moves = ("v", moves[1:]) if moves[1] else ("h", moves[:1])
        if command != ("l" if last == "m" else last) or not moves:
            text += command
        last = command
        for move in moves:
            whole, tenth = divmod(abs(move), 10)
            number = "-" * (move < 0) + (f"{whole or ''}.{tenth}" if tenth else str(whole))
            # A sign begins a number, and a point does so after one that has a point.
            before = re.split("[a-z -]", text)[-1] if number[0] == "." else ""
            joined = text[-1:].isalpha() or number[0] == "-" or "." in before
            text += number if joined else f" {number}"
    return text


def _flatten(element: Element) -> list[Element]:
    """Return an element without the space in it, or the parts of a group that says nothing."""
    element[:] = [part for child in element for part in _flatten(child)]
    for space in ("text", "tail"):
        if not (getattr(element, space) or "").strip():
            setattr(element, space, None)
    if element.tag in (f"{_SVG}g", f"{_SVG}image"):
        element.attrib.pop("id", None)
    if element.tag not in (f"{_SVG}g", f"{_SVG}defs"):
        return [element]
    clip = element.get("clip-path")
    if clip and not any({"clip-path", "transform"} & {*part.attrib} for part in element):
        del element.attrib["clip-path"]
        for part in element:
            part.set("clip-path", clip)
    says = element.tag == f"{_SVG}defs" or element.attrib
    return [element] if says and len(element) else [*element]


def _round(element: Element) -> None:
    """Round places to a tenth of a point, and those that scale others to a hundredth."""
    scales = element.tag in (f"{_SVG}svg", f"{_SVG}image")
    for name in _NUMBERS:
        value = element.get(name)
        if value is None:
            continue
        n = 2 if scales or "scale" in value else 1
        value = _NUMBER.sub(partial(_rounded, n=n), value)
        if _NO_TURN.fullmatch(value):
            del element.attrib[name]
        else:
            element.set(name, value)


def _rounded(number: re.Match[str], n: int) -> str:
    return f"{round(float(number[0]), n) + 0:g}"


def _share_styles(root: Element) -> None:
    """Write styles and clips as classes.

    A class is called after its content, so that pictures on one page cannot change each other.
    """
    rules: dict[str, str] = {}
    for element in root.iter():
        style, clip = element.attrib.pop("style", ""), element.attrib.pop("clip-path", "")
        rules_here = [style, f"clip-path: {clip}" if clip else ""]
        names = [short_name(rule) for rule in rules_here if rule]
        rules |= zip(names, filter(None, rules_here), strict=True)
        if names:
            element.set("class", " ".join(names))
    sheet = next(root.iter(f"{_SVG}style"))
    sheet.text = (sheet.text or "") + "".join(f".{name}{{{rule}}}" for name, rule in rules.items())


def short_name(text: str) -> str:
    """Return a name of five letters that stands for a text."""
    number, name = crc32(text.encode()), ""
    for letters in (ascii_letters, *[_LETTERS] * 4):
        number, k = divmod(number, len(letters))
        name += letters[k]
    return name
