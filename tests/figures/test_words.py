import numpy as np
import pandas as pd
import pytest
from support.recipe import RECIPE

from weightlaws.errors import WeightLawsError
from weightlaws.figures.words import (
    TOLD_BY,
    condition_words,
    data_words,
    formula_words,
    invariant_words,
    law_words,
    layer_words,
    neuron_words,
    rejection_words,
    shared_words,
    start_words,
    text_words,
    words_apart,
)
from weightlaws.invariants.graphs import PUBLISHED

PLAIN = {
    "condition": "mnist-10x10-gaussian-decay0",
    "dataset": "mnist",
    "hidden": "10x10",
    "initialisation": "gaussian",
    "weight_decay": 0.0,
    "output_scale": np.nan,
    **RECIPE,
}


def test_the_published_recipe_goes_without_saying():
    assert condition_words(PLAIN) == "784-10-10-10, Gaussian start, no weight decay, MNIST"
    assert condition_words(PLAIN | {"output_scale": None}) == condition_words(PLAIN)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("hidden", 40, "784-40-10, Gaussian start, no weight decay, MNIST"),
        ("weight_decay", 0.01, "784-10-10-10, Gaussian start, weight decay 0.01, MNIST"),
        ("initialisation", "uniform", "784-10-10-10, uniform start, no weight decay, MNIST"),
        ("dataset", "digits", "784-10-10-10, Gaussian start, no weight decay, digits"),
    ],
)
def test_widths_start_decay_and_data_are_always_said(column, value, words):
    assert condition_words(PLAIN | {column: value}) == words


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("output_scale", 0.25, "alpha 0.25"),
        ("optimiser", "sgd", "SGD"),
        ("optimiser", "adamw", "AdamW"),
        ("activation", "tanh", "tanh"),
        ("activation", "gelu", "GELU"),
        ("learning_rate", 0.002, "learning rate 0.002"),
        ("batch_size", 25, "batches of 25"),
        ("biases", True, "biases"),
        ("label_noise", 0.5, "half of the labels shuffled"),
        ("label_noise", 0.3, "30 % of the labels shuffled"),
    ],
)
def test_what_differs_from_the_published_recipe_is_said(column, value, said):
    row = PLAIN | {column: value}
    expected = f"784-10-10-10, Gaussian start, no weight decay, {said}, MNIST"
    assert condition_words(row) == expected
    two = pd.DataFrame([PLAIN, row])
    assert words_apart(two)[1] == said
    assert shared_words(two) == condition_words(PLAIN)


def test_conditions_share_some_facts_and_differ_in_others():
    rows = [PLAIN, PLAIN | {"initialisation": "uniform", "optimiser": "sgd"}]
    table = pd.DataFrame(rows)
    assert shared_words(table) == "784-10-10-10, no weight decay, MNIST"
    assert words_apart(table) == ["Gaussian start, Adam", "uniform start, SGD"]
    assert words_apart(table, but=("start",)) == ["Adam", "SGD"]
    assert condition_words(rows[1], but=("start", "data")) == "784-10-10-10, no weight decay, SGD"
    assert words_apart(table.head(1)) == [""]
    assert shared_words(table.head(1)) == condition_words(PLAIN)


def test_networks_from_elsewhere_keep_the_users_name():
    unknown = dict.fromkeys(TOLD_BY, np.nan) | {"condition": "my nets"}
    assert condition_words(unknown) == "my nets"
    assert condition_words(unknown | {"dataset": None}) == "my nets"


def test_a_table_without_a_column_is_refused():
    short = {name: value for name, value in PLAIN.items() if name != "inputs"}
    with pytest.raises(WeightLawsError, match="inputs"):
        condition_words(short)
    with pytest.raises(WeightLawsError, match="inputs"):
        shared_words(pd.DataFrame([short]))


def test_words_of_data_sets_and_starts():
    assert data_words("mnist-2classes") == "2 classes of MNIST"
    assert data_words("fashion-mnist-classes3.5") == "classes 3, 5 of Fashion-MNIST"
    assert data_words("fashion-mnist") == "Fashion-MNIST"
    assert data_words("own-set") == "own-set"
    assert start_words("kaiming") == "Kaiming start"
    assert start_words("orthogonal") == "orthogonal start"


def test_words_of_layers():
    assert layer_words("input-hidden1") == "input to hidden 1"
    assert layer_words("hidden12-output") == "hidden 12 to output"
    assert layer_words("input-output") == "input to output"
    assert layer_words("encoder.hidden1-hidden2") == "encoder.hidden1-hidden2"
    assert neuron_words("hidden2") == "hidden 2"
    assert neuron_words("hidden2x") == "hidden2x"


def test_formulas_are_sums_over_all_indices():
    assert formula_words("ii.ij.ij") == "ΣWᵢᵢWᵢⱼ²"
    assert formula_words("ij.kl.mn.op") == "ΣWᵢⱼWₖₗWₘₙWₒₚ"
    assert formula_words("ia.ib.ja.jb") == "ΣWᵢₐWᵢᵦWⱼₐWⱼᵦ"
    assert invariant_words("ij.ik") == "I7  ΣWᵢⱼWᵢₖ"
    assert invariant_words("ij.ij.ij.ij.ij") == "ΣWᵢⱼ⁵"
    found = {invariant_words(graph.name) for graph in PUBLISHED.values()}
    assert len(found) == 52
    assert all(words.startswith("I") for words in found)


def test_words_of_laws():
    assert law_words("diagonal S_D") == "13-parameter"
    assert law_words("bipartite") == "bipartite"
    assert text_words("diagonal S_D: no density", {}) == "13-parameter: no density"
    assert rejection_words("omnibus; diagonal; own") == (
        "omnibus test; row i belongs to column i; own"
    )


TITLES = {"a-decay0": "plain", "a-decay0.01": "decay", "u": "u", "own.net": "own.net"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a-decay0 input-hidden1 epoch 3: 0.5", "plain, input to hidden 1, epoch 3: 0.5"),
        ("a-decay0.01 hidden2: 1", "decay, hidden 2: 1"),  # its name begins with another
        (
            "u hidden1-output over hidden1-hidden2",
            "u, hidden 1 to output over hidden 1 to hidden 2",
        ),
        ("a-decay0.01 over a-decay0 hidden1-output", "decay over plain, hidden 1 to output"),
        ("most ii.ii, ij.ij.ij.ij; and ia.ib", "most I11 ΣWᵢᵢ², I45 ΣWᵢⱼ⁴; and ΣWᵢₐWᵢᵦ"),
        ("own.net fc.1 epoch 2", "own.net, fc.1, epoch 2"),
        ("a-decay0-sgd and i.i.d., u-net", "a-decay0-sgd and i.i.d., u-net"),  # other names
    ],
)
def test_names_in_a_text_are_put_in_words(text, words):
    assert text_words(text, TITLES) == words


def test_a_text_without_known_networks_keeps_their_names():
    assert text_words("a input-hidden1: 2", {}) == "a input to hidden 1: 2"
