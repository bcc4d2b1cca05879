import pytest
from pydantic import ValidationError, field_validator

from weightlaws.study.messages import StudyError, dotted, problems_of, shown
from weightlaws.study.sections import Section


class Part(Section):
    size: int
    kinds: list[int] | int = 1


class Whole(Section):
    part: Part
    name: str = "a"

    @field_validator("name")
    @classmethod
    def _is_a(cls, name: str) -> str:
        if name != "a":
            raise ValueError(f"found {name}, expected a")
        return name


def lines(**config):
    with pytest.raises(ValidationError) as error:
        Whole.model_validate(config)
    return problems_of(error.value.errors(), config)


def test_a_line_has_the_key_and_what_was_found_and_expected():
    assert lines(part={"size": "3", "colour": 1}, name="b") == [
        'part.size: found "3", expected an integer',
        "part.colour: unknown key, found 1, expected only keys that config.yaml describes",
        "name: found b, expected a",
    ]
    assert lines(part={}) == ["part.size: found nothing, expected a value"]
    assert lines(part=[1]) == ["part: found [1], expected a mapping"]


def test_kinds_that_a_key_takes_are_one_line():
    ways = "part.kinds: found {}, expected a list or an integer"
    assert lines(part={"size": 1, "kinds": "a"}) == [ways.format('"a"')]
    assert lines(part={"size": 1, "kinds": {"a": 1}}) == [ways.format('{"a": 1}')]


def test_a_wrong_entry_of_a_list_is_named_alone():
    expected = ["part.kinds.1: found null, expected an integer"]
    assert lines(part={"size": 1, "kinds": [1, None]}) == expected


def test_values_are_cut_and_keys_of_other_characters_quoted():
    assert len(shown("x" * 10**5)) < 110
    assert shown({"ä": [None, True, 1.5]}) == '{"ä": [null, true, 1.5]}'
    assert dotted(("sweeps", 0, "a-b", "a.b", "")) == 'sweeps.0.a-b."a.b".""'


def test_an_error_is_short_and_printable():
    error = StudyError([f"{k}: found \x1b\n{'x' * 5000}, expected y" for k in range(30)])
    first, *middle, last = str(error).split("\n")
    assert first == "the configuration is not a study:"
    assert middle[-1] == "  and 10 more"
    assert len(middle) == 21
    assert middle[3].startswith(r"  3: found \x1b\nxxx")
    assert middle[3].endswith("xxx, expected y")
    assert all(line.isprintable() and len(line) < 1100 for line in middle)
    assert "config.yaml" in last
