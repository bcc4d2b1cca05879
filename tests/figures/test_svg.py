"""Short pictures show what matplotlib's show."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from support.figures import STYLE

from weightlaws.figures.svg import short_path, shorter

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
NUMBER = re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+)")
VALUES = {"m": 2, "l": 2, "h": 1, "v": 1, "q": 4, "c": 6}


def read(path):
    """Return the places (x, y) that a path of relative steps leads to, by the grammar of SVG."""
    here, first, places = np.zeros(2), np.zeros(2), []
    for command, text in re.findall(r"([a-z])([^a-z]*)", path):
        numbers = [float(number) for number in NUMBER.findall(text)]
        if command == "z":
            here = first
            continue
        n = VALUES[command]
        for k in range(0, len(numbers), n):
            values = numbers[k : k + n]
            if n == 1:
                values = [values[0], 0] if command == "h" else [0, values[0]]
            moves = np.reshape(values, (-1, 2)) + here
            here = moves[-1]
            places += [*moves]
            if command == "m" and k == 0:
                first = here
    return np.array(places)


PLACES = st.tuples(st.floats(-900, 900), st.floats(-900, 900))


def written(steps):
    """Write steps as matplotlib does."""
    return "".join(f"{c} {' '.join(f'{x:.6f} {y:.6f}' for x, y in p)} \n" for c, p in steps)


STEPS = st.one_of(
    st.tuples(st.just("L"), st.lists(PLACES, min_size=1, max_size=1)),
    st.tuples(st.just("Q"), st.lists(PLACES, min_size=2, max_size=2)),
    st.tuples(st.just("C"), st.lists(PLACES, min_size=3, max_size=3)),
    st.just(("z", [])),
)


@given(PLACES, st.lists(STEPS, max_size=9))
def test_a_short_path_leads_to_the_same_places(start, steps):
    """Rounded once and not at each step, whatever the commands."""
    steps = [("M", [start]), *steps]
    places = np.array([place for _, places in steps for place in places])
    found = read(short_path(written(steps)))
    distance = np.abs(places[:, None] - found).max(axis=2)
    assert distance.min(axis=0).max() < 0.0501  # nothing is made up
    lost = places[distance.min(axis=1) > 0.0501]
    assert all(on_a_line(place, found) for place in lost)  # and what is left out lies between


def on_a_line(place, corners):
    starts, moves = corners[:-1], np.diff(corners, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = ((place - starts) * moves).sum(axis=1) / (moves**2).sum(axis=1)
    nearest = starts + np.clip(np.nan_to_num(part), 0, 1)[:, None] * moves
    return np.abs(nearest - place).max(axis=1).min() < 0.0501


@pytest.mark.parametrize(
    ("steps", "short"),
    [
        ("M 1.04 2.06 \nL 3.25 -0.04 \nL 5 6 \nz", "m1 2.1 2.2-2.1 1.8 6z"),
        ("M 0 0 L 1.5 0 L 2 0 L 2 0.5 L 2.25 0.76", "m0 0h2v.5l.2.3"),  # on the same way
        ("M 0 0 L 2 0 L 1 0", "m0 0h2-1"),  # back is another way
        ("M 3 4 L 3 4", "m3 4h0"),  # a dot, if ends are round
        ("M 0 0 L 1 1 z M 5 5 L 6 6", "m0 0 1 1zm5 5 1 1"),  # a closed path ends where it began
        ("M 0.1 0.1 C 0.2 0.3 0.4 0.5 0.6 0.7", "m.1.1c.1.2.3.4.5.6"),
    ],
)
def test_paths_are_written_by_the_grammar(steps, short):
    assert short_path(steps) == short


@pytest.fixture(scope="module")
def pictures():
    """A picture as matplotlib writes it, and the short one."""
    with STYLE.in_use():
        figure = Figure()
        panel = figure.subplots()
        panel.plot([0, 1, 2, 3], [3, 1, 2, 5], "o-", label="points")
        panel.plot([1], [2], "^", label="alone")
        panel.fill_between([0, 1, 2], [0, 1, 0], [1, 2, 3], alpha=0.2, hatch="///")
        panel.imshow(np.eye(3), extent=(0, 1, 0, 1))
        panel.set_xlabel("a < b, two\nlines")
        figure.legend()
        text = io.StringIO()
        figure.savefig(text, format="svg")
    return text.getvalue(), shorter(text.getvalue())


def elements(picture, tag):
    return [*ElementTree.fromstring(picture).iter(f"{SVG}{tag}")]


def test_text_and_images_stay(pictures):
    whole, short = pictures
    texts = [[text.text for text in elements(picture, "text")] for picture in pictures]
    assert texts[0] == texts[1]
    images = [elements(picture, "image")[0].get(f"{LINK}href") for picture in pictures]
    assert images[0] == images[1]
    assert len(short) < len(whole) / 2


def test_everything_that_is_named_is_there_and_nothing_else(pictures):
    root = ElementTree.fromstring(pictures[1])
    rules = dict(re.findall(r"\.(\w+)\{([^}]*)\}", elements(pictures[1], "style")[0].text))
    classes = {name for element in root.iter() for name in element.get("class", "").split()}
    assert classes == set(rules)
    named = {element.get("id") for element in root.iter()} - {None}
    assert named == set(re.findall(r"url\(#(\w+)\)", " ".join(rules.values())))
    assert not elements(pictures[1], "metadata")
    assert all(group.get("class") for group in elements(pictures[1], "g"))


def test_markers_stand_at_the_same_places_in_the_same_look(pictures):
    whole, short = pictures
    runs = [group.findall(f"{SVG}use") for group in elements(whole, "g")]
    (run,) = [run for run in runs if len(run) > 1]
    rules = dict(re.findall(r"\.(\w+)\{([^}]*)\}", elements(short, "style")[0].text))
    paths = [(path, path.get("class", "").split()) for path in elements(short, "path")]
    (path,) = [path for path, names in paths if any("marker: " in rules[n] for n in names)]
    places = [(float(use.get("x")), float(use.get("y"))) for use in run]
    np.testing.assert_allclose(read(path.get("d")), places, atol=0.0501)
    (look,) = {path.get("class") for path in elements(short, "marker")[0]}
    assert rules[look] == run[0].get("style")
