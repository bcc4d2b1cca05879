"""The pages say what the stored numbers say."""

import json
import re
import sys

import pandas as pd
import pytest
from support.project import ROOT

from weightlaws.inference.noise_scale_names import RATIO, SAME_TIME
from weightlaws.study.conditions import by_recipe

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


@pytest.fixture
def compared():
    """Comparisons as the study of optimisers makes them, of two parameters that differ."""
    trained = measured.configured("optimisers").trained
    differences = {"mean": 0.0, "v_total": 0.05, "v_rows": 0.0, "v_columns": 0.0, "v_rest": 0.02}
    rows = [
        {
            "recipe": recipe,
            "layer": layer,
            "n_members": 100,
            "same": same,
            "condition": names[0],
            "epoch": epoch,
            "other": names[1],
            "parameter": parameter,
            "difference": difference + 0.5 * (layer != "hidden1-hidden2"),
            "standard_error": 0.001,
            "p_adjusted": 0.04 if difference else 1.0,
        }
        for recipe, names in by_recipe(trained).items()
        for layer in ("hidden1-hidden2", "hidden2-output")
        for same in (RATIO, "rate / sqrt(batch)", SAME_TIME)
        for epoch in (10, 50)
        for parameter, difference in differences.items()
    ]
    return pd.DataFrame(rows)


def test_pairs_of_rates_and_batch_sizes_are_kept_and_judged(compared, tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "COMPARED", tmp_path / "kept.csv")
    assert dict(measured.noise_scale()) == {"noise.claim": "not judged yet"}
    (tmp_path / "noise_scale").mkdir()
    for recipe, part in compared.groupby("recipe"):
        part.to_csv(tmp_path / f"noise_scale/{recipe}.comparisons.csv", index=False)
    measured.keep_compared(tmp_path)
    found = dict(measured.noise_scale())
    assert {key for key in NUMBERS if key.startswith("noise.")} == set(found)
    # Two recipes of SGD, one pair each, five parameters of one layer.
    assert found["noise.claim"] == "**holds**: 0.05 (0.05 to 0.05); of 10 places 10 agree"
    cells = "0.000 (0.001) | 0.050 (0.001) | 0.000 (0.001) | 0.000 (0.001) | 0.020 (0.001)"
    assert f"| Adam, 0.01 | time | 1 | {cells} | 2 of 5 |" in found["noise.table"]
    assert found["noise.sgd.ratio.rest"] == "0.020"
    assert found["noise.sgd.root.most"] == "0.050"
    assert found["noise.adam.root.rows"] == "0.000 (0.001)"
    assert "**holds** 0.05 (0.05 to 0.05) `optimisers`" in dict(measured.claims())["claims.short"]


def test_a_number_that_differs_is_seen_and_written():
    page = "It gains <!-- gain.out -->4.7<!-- / --> and <!-- gain.in -->\n\n1\n\n<!-- / -->."
    assert measured.written(page) == {"gain.out": ["4.7"], "gain.in": ["\n\n1\n\n"]}
    new = measured.filled(page, {"gain.out": "5.0", "gain.in": "\n\n2\n\n"})
    assert new == "It gains <!-- gain.out -->5.0<!-- / --> and <!-- gain.in -->\n\n2\n\n<!-- / -->."
    with pytest.raises(KeyError, match=r"gain\.in"):
        measured.filled(page, {"gain.out": "5.0"})
