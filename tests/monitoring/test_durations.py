import pytest

from weightlaws.monitoring.durations import readable_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.9, "1 h 0 min"),
        (19_200, "5 h 20 min"),
        (86_400 + 3 * 3_600 + 3_599, "1 d 3 h"),
        (40 * 86_400, "40 d 0 h"),
    ],
)
def test_a_duration_has_two_units(seconds, text):
    assert readable_duration(seconds) == text
