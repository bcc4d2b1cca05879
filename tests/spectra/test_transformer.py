"""A real trained transformer, as the documentation has it."""

import numpy as np
import pandas as pd
import pytest
from support import transformer
from support.project import ROOT

from weightlaws.external.networks import skipped

DOCUMENTED = ROOT / "docs" / "transformer.csv"


@pytest.fixture(scope="module")
def table():
    return transformer.table()


def test_all_linear_layers_are_analysed_and_embeddings_are_not(table):
    blocks = [f"{block}." for block in range(6)]
    assert [sum(name.startswith(block) for name in table["layer"]) for block in blocks] == [6] * 6
    assert sorted(set(table["shape"])) == ["1536x384", "384x1536", "384x384"]
    embeddings = [name for name, why in skipped(transformer.weights()).items() if "embed" in why]
    assert sorted(name.split(".")[1] for name in embeddings) == [
        "position_embeddings",
        "token_type_embeddings",
        "word_embeddings",
    ]


def test_the_documented_table_is_what_the_library_finds(table):
    documented = pd.read_csv(DOCUMENTED)
    for name in ("layer", "shape", "tail"):
        assert list(table[name]) == list(documented[name])
    for name in ("above", "below", "informative"):
        np.testing.assert_allclose(table[name], documented[name], atol=1)
    for name in ("bulk_distance", "mean_ratio", "brody", "exponent"):
        np.testing.assert_allclose(table[name], documented[name], rtol=0.02)


def test_levels_in_the_bulk_are_random_though_the_law_of_the_bulk_is_not(table):
    trained = table[table["layer"] != "pooler.dense"]
    assert (trained["p_gaussian"] < 0.05).all()
    # Thirty-six p-values, four of which tests at 5 % may well reject if levels are random.
    assert (trained["p_mean_ratio"] < 0.05).sum() <= 5
    # Sentence embeddings do not use the pooler, which stayed as it was drawn.
    pooler = table[table["layer"] == "pooler.dense"].iloc[0]
    assert (pooler["above"], pooler["informative"]) == (0, 0)
    assert pooler["p_gaussian"] > 0.05
