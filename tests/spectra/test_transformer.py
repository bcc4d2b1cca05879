"""A real trained transformer, as the documentation has it."""

import numpy as np
import pandas as pd
import pytest
from support import transformer
from support.project import ROOT

from weightlaws.external.networks import layer_shapes, skipped

DOCUMENTED = ROOT / "docs" / "transformer.csv"


@pytest.fixture(scope="module")
def table():
    """A layer with much learned, and the pooler; all of them take minutes."""
    return transformer.table(names=r"layer\.0\.attention\.output|pooler")


def test_all_linear_layers_are_read_and_embeddings_are_not():
    shapes = layer_shapes(transformer.weights())
    blocks = [f"encoder.layer.{block}." for block in range(6)]
    assert [sum(name.startswith(block) for name in shapes) for block in blocks] == [6] * 6
    assert set(shapes.values()) == {(1536, 384), (384, 1536), (384, 384)}
    embeddings = [name for name, why in skipped(transformer.weights()).items() if "embed" in why]
    assert sorted(name.split(".")[1] for name in embeddings) == [
        "position_embeddings",
        "token_type_embeddings",
        "word_embeddings",
    ]


def test_the_documented_table_is_what_the_library_finds(table):
    assert len(table) == 2
    documented = pd.read_csv(DOCUMENTED)
    documented = documented[documented["layer"].isin(table["layer"])]
    for name in ("layer", "shape", "tail"):
        assert list(table[name]) == list(documented[name])
    for name in ("above", "below", "learned", "informative"):
        np.testing.assert_allclose(table[name], documented[name], atol=1)
    for name in ("bulk_distance", "mean_ratio", "brody", "exponent"):
        np.testing.assert_allclose(table[name], documented[name], rtol=0.02)


def test_levels_in_the_bulk_are_random_though_the_law_of_the_bulk_is_not():
    documented = pd.read_csv(DOCUMENTED)
    trained = documented[documented["layer"] != "pooler.dense"]
    assert len(trained) == 36
    assert (trained["p_gaussian"] < 0.05).all()
    # Thirty-six p-values, four of which tests at 5 % may well reject if levels are random.
    assert (trained["p_mean_ratio"] < 0.05).sum() <= 5


def test_the_pooler_stayed_as_it_was_drawn(table):
    # Sentence embeddings do not use it.
    pooler = table[table["layer"] == "pooler.dense"].iloc[0]
    assert (pooler["above"], pooler["learned"], pooler["informative"]) == (0, 0, 0)
    assert pooler["p_gaussian"] > 0.05
