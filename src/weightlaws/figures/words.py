"""Words for titles, axes and legends: what conditions, layers and invariants are called there."""

import re
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

from weightlaws.errors import WeightLawsError
from weightlaws.inference.symmetry_names import SYMMETRY_TESTS
from weightlaws.invariants.catalogue import graph_of, published_number
from weightlaws.laws.names import DIAGONAL
from weightlaws.training.recipe_names import TRAINED_BY

if TYPE_CHECKING:  # pandas is slow to import, and every start of a study finds words
    import pandas as pd

Row = Mapping[Any, Any]  # of the table of conditions

#: Columns of the table of conditions that words are made from.
TOLD_BY = ("condition", "dataset", "inputs", "hidden", "outputs", "initialisation", *TRAINED_BY)
_DATA_SETS = {
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
}
_STARTS = {"gaussian": "Gaussian", "kaiming": "Kaiming", "xavier": "Xavier"}
_OPTIMISERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU"}
_SHARES = {0.25: "a quarter", 0.5: "half", 0.75: "three quarters", 1.0: "all"}
# Each test that can reject a law.
_TESTS = {"deviations": "invariants that deviate", "omnibus": "omnibus test", **SYMMETRY_TESTS}
# There are no subscripts b, c, d: columns of bipartite invariants are Greek.
_SUBSCRIPTS = dict(zip("ijklmnopabcd", "ᵢⱼₖₗₘₙₒₚₐᵦᵧᵨ", strict=True))
_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def condition_words(row: Row, but: Container[str] = ()) -> str:
    """Say what networks are: ``784-10-10-10-10, Gaussian start, weight decay 0.01, digits``.

    Parameters
    ----------
    row
        Of the table of conditions, or a mapping with its columns `TOLD_BY`.
    but
        What is left unsaid, of widths, start, decay, scale, optimiser, activation, rate, batch,
        biases, noise and data.

    Returns
    -------
    str
        Widths, start, weight decay, what else differs from the published recipe, and the data set.
        Networks that were trained elsewhere, which have no data set, keep the user's name.

    Raises
    ------
    WeightLawsError
        If a column is missing.

    Examples
    --------
    >>> row = {"condition": "own", "dataset": "mnist", "inputs": 784, "hidden": "10x10"}
    >>> row |= {"outputs": 10, "initialisation": "uniform", "weight_decay": 0.0}
    >>> row |= {"output_scale": 0.25, "optimiser": "sgd", "activation": "tanh"}
    >>> row |= {"learning_rate": 0.002, "batch_size": 100, "biases": False, "label_noise": 0.5}
    >>> condition_words(row).split(", ")[:5]
    ['784-10-10-10', 'uniform start', 'no weight decay', 'alpha 0.25', 'SGD']
    >>> condition_words(row).split(", ")[5:]
    ['tanh', 'learning rate 0.002', 'half of the labels shuffled', 'MNIST']
    """
    _check(row, "a condition")
    if _unknown(row["dataset"]):
        return str(row["condition"])
    facts = {name: fact for name, fact in _facts(row).items() if name not in but}
    return ", ".join(word for word, published in facts.values() if not published)


def shared_words(conditions: "pd.DataFrame") -> str:
    """Say what the conditions of a table have in common, in the words of `condition_words`."""
    return ", ".join(
        word
        for (word, published), *others in _found(conditions).values()
        if not others and not published
    )


def words_apart(conditions: "pd.DataFrame", but: Container[str] = ()) -> list[str]:
    """Say of each condition what tells it from the others, such as ``uniform start, alpha 4``.

    Nothing is said where all facts are shared. For what is left out see `condition_words`.
    """
    several = [name for name, facts in _found(conditions).items() if len(facts) > 1]
    told = [name for name in several if name not in but]
    rows = map(_facts, conditions.to_dict("records"))
    return [", ".join(facts[name][0] for name in told) for facts in rows]


def start_words(initialisation: str) -> str:
    """Say how networks begin: ``Gaussian start``."""
    return f"{_STARTS.get(initialisation, initialisation.replace('_', ' '))} start"


def data_words(dataset: str) -> str:
    """Say what is learned: ``MNIST``, ``2 classes of digits``, ``classes 3, 5 of MNIST``."""
    name, _, part = dataset.rpartition("-")
    if few := re.fullmatch(r"(\d+)classes", part):
        return f"{few[1]} classes of {data_words(name)}"
    if some := re.fullmatch(r"classes([\d.]+)", part):
        return f"classes {some[1].replace('.', ', ')} of {data_words(name)}"
    return _DATA_SETS.get(dataset, dataset)


def layer_words(layer: str) -> str:
    """Say where a layer is: ``input to hidden 1``; other layers keep the user's names."""
    found = re.fullmatch(r"(input|hidden\d+)-(hidden\d+|output)", layer)
    return " to ".join(neuron_words(side) for side in found.groups()) if found else layer


def neuron_words(neurons: str) -> str:
    """Say which neurons these are: ``hidden 1`` for ``hidden1``."""
    return re.sub(r"^hidden(\d+)$", r"hidden \1", neurons)


def law_words(law: str) -> str:
    """Say which law this is: ``13-parameter`` for ``diagonal S_D``; others keep their names."""
    return "13-parameter" if law == DIAGONAL else law


def rejection_words(rejected_by: str) -> str:
    """Say which tests reject a law, of the table of findings.

    Examples
    --------
    >>> rejection_words("deviations; row means")
    'invariants that deviate; row labels, by means'
    """
    return "; ".join(_TESTS.get(test, test) for test in rejected_by.split("; "))


def formula_words(invariant: str) -> str:
    """Write an invariant as a sum over all its indices.

    Examples
    --------
    >>> formula_words("ij.ij.jk")
    'ΣWᵢⱼ²Wⱼₖ'
    """
    factors = invariant.split(".")
    terms = []
    for factor in dict.fromkeys(factors):
        indices = "".join(_SUBSCRIPTS.get(index, index) for index in factor)
        power = factors.count(factor)
        terms.append(f"W{indices}{str(power).translate(_POWERS) if power > 1 else ''}")
    return "Σ" + "".join(terms)


def invariant_words(invariant: str) -> str:
    """Write an invariant's formula, before it the number that it was published with.

    Examples
    --------
    >>> invariant_words("ij.ik")
    'I7  ΣWᵢⱼWᵢₖ'
    """
    return f"{published_number(graph_of(invariant))}  {formula_words(invariant)}".strip()


def text_words(text: str, titles: Mapping[str, str]) -> str:
    """Write a text with the names of tables in words: networks, layers, neurons, laws, invariants.

    Parameters
    ----------
    text
        Such as a note of a claim: ``a hidden1-hidden2 epoch 0: 0.5 (0.4 to 0.6), largest ij.ij``.
    titles
        Networks in words, by their names.

    Examples
    --------
    >>> text_words("a input-hidden1 epoch 0: 0.5, most ij.ij", {"a": "784-10-10, Gaussian start"})
    '784-10-10, Gaussian start, input to hidden 1, epoch 0: 0.5, most ΣWᵢⱼ²'
    """
    # The longest first, as a name can begin another.
    names = "|".join(map(re.escape, sorted(titles, key=len, reverse=True))) or "(?!)"
    network = rf"(?P<network>{names})(?![\w-]|\.\w)"
    pattern = rf"(?<![\w.-])(?:{network}(?P<then> (?!over |and ))?|{_OTHER_NAMES})"

    def words(found: re.Match[str]) -> str:
        if found["network"] is not None:
            return titles[found["network"]] + (", " if found["then"] else "")
        if found["layer"]:
            return layer_words(found["layer"])
        if found["neurons"]:
            return neuron_words(found["neurons"])
        if found["law"]:
            return law_words(found["law"])
        return invariant_words(found["invariant"]).replace("  ", " ")

    return re.sub(r"(?<=\w) (epoch \d)", r", \1", re.sub(pattern, words, text))


# Names of layers, of hidden neurons, of a law and of invariants in a text.
_OTHER_NAMES = (
    r"(?P<layer>(?:input|hidden\d+)-(?:hidden\d+|output)\b)|(?P<neurons>hidden\d+\b)"
    rf"|(?P<law>{re.escape(DIAGONAL)}\b)"
    r"|(?P<invariant>[a-di-p]{2}(?:\.[a-di-p]{2})+\b(?!\.\w))"
)


def _check(columns: Any, what: str) -> None:  # noqa: ANN401
    missing = [name for name in TOLD_BY if name not in columns]
    if missing:
        raise WeightLawsError(
            what,
            f"no {', '.join(missing)}",
            f"the columns {', '.join(TOLD_BY)} of conditions.csv",
            "make the table again",
        )


def _found(conditions: "pd.DataFrame") -> dict[str, list[tuple[str, bool]]]:
    """Return what there is of each fact in the conditions, without copies."""
    _check(conditions, "conditions")
    rows = [_facts(row) for row in conditions.to_dict("records")]
    return {name: list(dict.fromkeys(facts[name] for facts in rows)) for name in rows[0]}


def _unknown(value: object) -> bool:
    """Whether a value is none, or no number, as tables have it."""
    return value is None or value != value


def _facts(row: Row) -> dict[str, tuple[str, bool]]:
    """Return each fact in words, and whether it is so in the published recipe, which is not said.

    Start, weight decay and data set are always said.
    """
    hidden = row["hidden"]
    # A single width is a number where a table is read.
    hidden = hidden.split("x") if isinstance(hidden, str) else [f"{int(hidden)}"]
    widths = [f"{int(row['inputs'])}", *hidden, f"{int(row['outputs'])}"]
    optimiser, activation = str(row["optimiser"]), str(row["activation"])
    rate, batch, decay = (row[name] for name in ("learning_rate", "batch_size", "weight_decay"))
    scale, noise = row["output_scale"], row["label_noise"]
    plain = _unknown(scale)
    shuffled = f"{_SHARES.get(noise, f'{100 * noise:g} %')} of the labels shuffled"
    return {
        "widths": ("-".join(widths), False),
        "start": (start_words(row["initialisation"]), False),
        "decay": (f"weight decay {decay:g}" if decay else "no weight decay", False),
        "scale": ("no output scale" if plain else f"alpha {scale:g}", plain),
        "optimiser": (_OPTIMISERS.get(optimiser, optimiser), optimiser == "adam"),
        "activation": (_ACTIVATIONS.get(activation, activation), activation == "relu"),
        "rate": (f"learning rate {rate:g}", rate == 0.001),
        "batch": (f"batches of {batch:g}", batch == 100),
        "biases": ("biases" if row["biases"] else "no biases", not row["biases"]),
        "noise": (shuffled if noise else "true labels", not noise),
        "data": (data_words(row["dataset"]), False),
    }
