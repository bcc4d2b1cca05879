"""What a configuration says as it was written."""

import json

import pytest

from weightlaws.study.messages import StudyError
from weightlaws.study.strict_yaml import check_file, values_after_config


def refused(folder, text):
    path = folder / "study.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as error:
        check_file(path)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 010", "seed: found 010, which YAML reads as 8 (base 8"),
        ("seed: -0_17", "seed: found -0_17, which YAML reads as -15"),
        ("data: 1:30", "data: found 1:30, which YAML reads as 90 (base 60"),
        ("data: 1:30.5", "which YAML reads as 90.5"),
        ("sweeps:\n- hidden: [[10, 010]]", "sweeps.0.hidden.0.1: found 010"),
        ("a: 1\nb: 2\na: 1", "a: found twice, in lines 1 and 3"),
        ("s:\n  a: 1\n  'a': 2", "s.a: found twice, in lines 2 and 3"),
        ("s: &s {a: 1, a: 2}\nt: *s", "t.a: found twice"),
        ('{"s": {"a": 1,\n\t"a": 2}}', "a: found twice"),
    ],
)
def test_what_seems_to_say_something_else_is_refused(tmp_path, text, words):
    assert words in refused(tmp_path, text)


def test_every_problem_is_told_at_once(tmp_path):
    message = refused(tmp_path, "seed: 010\nseed: 1:30\n")
    assert message.count("seed: found") == 3


@pytest.mark.parametrize(
    "text",
    [
        "a: 0\nb: 10\nc: 0x1F\nd: '010'\ne: 08\nf: 07\ng: 0.5\nh: 1_000\ni: -3\nj: 1:a",
        "base: &base {a: 1}\nmine:\n  <<: *base\n  a: 2",
        "a: &a [*a]",
        "",
        json.dumps({"a": [{"b": 1}, {"b": 2}]}, indent="\t"),
    ],
)
def test_what_says_what_it_seems_to_passes(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    check_file(path)


def test_values_after_config_are_yaml():
    given = ["keep_state=true", "sweeps=[{hidden: [[10]]}]", "data=", "name=@home", "rate=1e-3"]
    config = {"keep_state": "true", "sweeps": [{"hidden": [["10"]]}], "rate": 0.001}
    assert [*values_after_config(given, config)] == [
        {"keep_state": True},
        {"sweeps": [{"hidden": [[10]]}]},
        {"data": None},
        {"rate": 0.001},
    ]


def test_the_equals_sign_can_be_in_a_value():
    assert [*values_after_config(["data=/a=b"], {"data": "/a=b"})] == [{"data": "/a=b"}]
