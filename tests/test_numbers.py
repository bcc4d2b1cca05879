"""The pages say what the stored numbers say."""

import json
import re
import sys

import pytest
from support.project import ROOT

sys.path.insert(0, str(ROOT / "docs"))
import measured

NUMBERS = json.loads(measured.STORED.read_text())


@pytest.mark.parametrize("path", measured.PAGES, ids=lambda path: path.name)
def test_a_page_has_the_stored_numbers(path):
    page = path.read_text()
    for key, texts in measured.written(page).items():
        assert set(texts) == {NUMBERS[key]}, f"{key}: run python docs/measured.py write"
    # Every mark that opens is closed, and so is seen.
    opened = re.findall(r"<!-- [a-z][\w.-]* -->", page)
    assert len(opened) == page.count("<!-- / -->")
    assert len(opened) == sum(map(len, measured.written(page).values()))


def test_every_stored_number_stands_on_a_page():
    shown = {key for path in measured.PAGES for key in measured.written(path.read_text())}
    assert shown == set(NUMBERS)


def test_tables_of_simulations_are_those_that_stand_beside_the_pages():
    found = measured.beside()
    assert found
    assert found == {key: NUMBERS[key] for key in found}


def test_a_number_that_differs_is_seen_and_written():
    page = "It gains <!-- gain.out -->4.7<!-- / --> and <!-- gain.in -->\n\n1\n\n<!-- / -->."
    assert measured.written(page) == {"gain.out": ["4.7"], "gain.in": ["\n\n1\n\n"]}
    new = measured.filled(page, {"gain.out": "5.0", "gain.in": "\n\n2\n\n"})
    assert new == "It gains <!-- gain.out -->5.0<!-- / --> and <!-- gain.in -->\n\n2\n\n<!-- / -->."
    with pytest.raises(KeyError, match=r"gain\.in"):
        measured.filled(page, {"gain.out": "5.0"})
