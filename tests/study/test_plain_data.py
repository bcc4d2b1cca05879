from collections import OrderedDict

import pytest
import yaml

from weightlaws.study.messages import StudyError
from weightlaws.study.plain_data import DEEPEST, LONGEST_TEXT, MOST_VALUES, plain_data


def test_plain_data_is_copied_with_dates_as_text():
    text = "{name: 2026-11-22, widths: [[1, 2], [null, true]], rate: 1.5, none: {}}"
    config = OrderedDict(yaml.safe_load(text))
    expected = {"name": "2026-11-22", "widths": [[1, 2], [None, True]], "rate": 1.5, "none": {}}
    copied = plain_data(config)
    assert copied == expected
    assert type(copied) is dict
    copied["widths"].append(3)
    assert config["widths"] == expected["widths"][:2]


def test_what_is_within_the_bounds_is_taken():
    deepest = []
    for _ in range(DEEPEST - 2):
        deepest = [deepest]
    for value in (deepest, "x" * LONGEST_TEXT, [0] * (MOST_VALUES - 2), 10**300, "größe 模型 🙂"):
        assert plain_data({"a": value}) == {"a": value}


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (None, "all keys: found a NoneType, expected a mapping of keys"),
        ([{"a": 1}], "all keys: found a list, expected a mapping of keys"),
        ({"a": [0] * (MOST_VALUES - 1)}, "a: found more than 200,000 values up to here"),
        ({"a": {"b": [b"x"]}}, "a.b.0: found a value of type bytes, expected a mapping, a list"),
        ({"a": {"b": {7: 1}}}, "a.b: found a key of type int, expected text; put the key in"),
        ({7: 1}, "all keys: found a key of type int"),
        ({"a.b": {"c\n": 1}}, r'"a.b": a key in it: found "c\n", expected printable characters'),
        ({"a": "x" * (LONGEST_TEXT + 1)}, 'a: found 4,096 characters, "xxx'),
        ({"a": 10**5000}, "a: found an integer of 16610 bits"),
    ],
)
def test_what_is_no_plain_data_is_refused_by_the_key(config, line):
    with pytest.raises(StudyError) as error:
        plain_data(config)
    assert str(error.value).splitlines()[1].startswith(f"  {line}")


def test_all_that_is_no_plain_data_is_named():
    with pytest.raises(StudyError, match=r"a: .*set.*\n  b: .*printable.*\n  c.1: .*bytes"):
        plain_data({"a": {1, 2}, "b": "\0", "c": [1, b""]})
