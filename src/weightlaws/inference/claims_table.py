"""The table of claims: what papers and this project say, and what a study shows of it."""

from collections.abc import Sequence

import pandas as pd

from weightlaws.inference import claims_distances as distances
from weightlaws.inference import claims_laws as laws
from weightlaws.inference import claims_networks as networks
from weightlaws.inference import claims_recipes as recipes
from weightlaws.inference import claims_spectra as spectra
from weightlaws.inference.claims import (
    NOT_TESTED,
    Claim,
    Evidence,
    NotTestedError,
    note_of,
    shown_numbers,
    shown_place,
    verdict,
)
from weightlaws.inference.claims_figures import FIGURES

#: Columns of the table.
COLUMNS = (
    *("claim", "statement", "source", "quantity", "value", "low", "high"),
    *("criterion", "verdict", "figure", "note"),
)

_GAUSSIAN, _RANDOM = "arXiv:2510.05218", "arXiv:2203.14661"
_THEOREM, _OTHERS, _OURS = "this project; arXiv:1810.08351", "others, 2026", "this project"

_MISS = "miss of invariants in SD"
_DESCRIBES = f"below {laws.MISS} SD, and no invariant beyond it"
_RATIO = "ratio of Wasserstein distances from the start"

#: All claims, in the order of the table; their criteria are derived in docs/background/claims.md.
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "H1",
        "Independent Gaussian entries describe the initial weights",
        _GAUSSIAN,
        f"{_MISS}, i.i.d. law at the start",
        _DESCRIBES,
        laws.MISS,
        "below",
        laws.independent_start,
    ),
    Claim(
        "H2",
        "Independent Gaussian entries fail as training goes on",
        _GAUSSIAN,
        f"{_MISS}, i.i.d. law after training",
        f"above {laws.MISS} SD, or an invariant beyond it",
        laws.MISS,
        "above",
        laws.independent_fails,
    ),
    Claim(
        "H3",
        "The 13-parameter law predicts the cubic and quartic invariants all through training",
        _GAUSSIAN,
        f"{_MISS}, 13-parameter law at headline epochs",
        _DESCRIBES,
        laws.MISS,
        "below",
        laws.published_invariants,
    ),
    Claim(
        "H4",
        "The Wasserstein distance from the start grows smoothly",
        _GAUSSIAN,
        "share that grows of the steps that change beyond their error",
        f"above {distances.SMOOTH}",
        distances.SMOOTH,
        "above",
        distances.smooth_growth,
    ),
    Claim(
        "H5",
        "Deeper layers move further",
        _GAUSSIAN,
        f"{_RATIO}, a layer over the one before",
        "above 1",
        1.0,
        "above",
        distances.deeper_layers,
    ),
    Claim(
        "H6",
        "Networks with a uniform start move further",
        _GAUSSIAN,
        f"{_RATIO}, uniform over Gaussian start",
        "above 1",
        1.0,
        "above",
        distances.uniform_starts,
    ),
    Claim(
        "H7",
        "With weight decay the model stays good while some higher invariants deviate more",
        _GAUSSIAN,
        f"{_MISS}, 13-parameter law with decay",
        f"below {laws.MISS} SD, and some invariant deviates more",
        laws.MISS,
        "below",
        laws.decay,
    ),
    Claim(
        "H8",
        "The 13-parameter law becomes less representative as width grows",
        _GAUSSIAN,
        f"slope of the {_MISS} by doubling of width",
        "above 0",
        0.0,
        "above",
        laws.width,
    ),
    Claim(
        "T1",
        "Most singular values follow universal statistics",
        _RANDOM,
        "mean ratio of spacings, part of the way from random matrices to independent levels",
        f"within {spectra.INDEPENDENT_WAY} of 0, and less than half of the values outside",
        spectra.INDEPENDENT_WAY,
        "within",
        spectra.universal_levels,
    ),
    Claim(
        "T2",
        "Most singular vectors are random; only those of the largest values are not",
        _RANDOM,
        "share of vectors that are not random after scale is accounted for",
        "below 0.5, and more than by chance, most in the largest tenth",
        spectra.HALF,
        "below",
        spectra.random_vectors,
    ),
    Claim(
        "T3",
        "Rich and lazy training are told apart",
        _RANDOM,
        "learned rank at the smallest less that at the largest output scale",
        f"above 0; to fail, below {spectra.COMPONENT:g}",
        0.0,
        "above",
        spectra.rich_and_lazy,
    ),
    Claim(
        "T4",
        "The tail of singular values is in general no power law",
        _RANDOM,
        "share of tails that are called a power law",
        f"below {spectra.HALF}",
        spectra.HALF,
        "below",
        spectra.no_power_law,
    ),
    Claim(
        "N1",
        "The number of learned directions is the number of classes less one",
        _OTHERS,
        "learned rank less (classes - 1)",
        f"within {spectra.HALF} of 0",
        spectra.HALF,
        "within",
        spectra.classes_less_one,
    ),
    Claim(
        "N2",
        "With stochastic gradient descent learning rate and batch size act through their ratio "
        "alone",
        "arXiv:2407.16427",
        "relative difference of the mean and variances of two bipartite laws of one ratio",
        f"within {recipes.RELATIVE} of 0",
        recipes.RELATIVE,
        "within",
        recipes.one_number,
    ),
    Claim(
        "B1",
        "Trained hidden layers follow an interacting law led by the single-trace quartic",
        _OURS,
        "held-out score gained by chosen couplings over the bipartite law",
        f"above 0, tr (W W^T)^2 first; to fail, below {networks.SCORE}",
        0.0,
        "above",
        networks.interacting,
    ),
    Claim(
        "B2",
        "The layers of a network are not independent",
        _OURS,
        "largest correlation of what enters a hidden neuron with what leaves it",
        f"above 0; to fail, below {networks.CORRELATION}",
        0.0,
        "above",
        networks.dependent_layers,
    ),
    Claim(
        "B3",
        "A network drawn from its law classifies as well as a trained one",
        _OURS,
        "accuracy above chance of drawn networks, over that of trained ones",
        f"above {networks.KEPT}",
        networks.KEPT,
        "above",
        networks.drawn_networks,
    ),
    Claim(
        "O1",
        "The 13 parameters never pay over the five of the bipartite law",
        _THEOREM,
        "nats per held-out network that the 13-parameter law gains over the bipartite one",
        f"below {laws.NATS}",
        laws.NATS,
        "below",
        laws.bipartite,
    ),
    Claim(
        "O2",
        "The rows of the output layer are labelled",
        _OURS,
        "variance between rows over that within, of means or spreads",
        f"above {laws.BETWEEN}",
        laws.BETWEEN,
        "above",
        laws.output_rows,
    ),
    Claim(
        "O3",
        "The columns of the input layer are labelled",
        _OURS,
        "variance between columns over that within, of means or spreads",
        f"above {laws.BETWEEN}",
        laws.BETWEEN,
        "above",
        laws.input_columns,
    ),
)


def claims_table(evidence: Evidence, claims: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """Judge claims by a study's tables.

    Returns
    -------
    DataFrame
        One row a claim. ``value`` is the mean effect size over places, or of a claim that
        something is 0 the one furthest from it. ``low`` and ``high`` are its 95 % interval; see
        docs/background/claims.md. ``verdict`` is ``holds``, ``holds in part``, ``fails`` or ``not
        tested here``. ``figure`` is the path of a figure from the folder of the results. ``note``
        says which places agree or not, or what the study lacks.
    """
    return pd.DataFrame([_row(claim, evidence) for claim in claims], columns=[*COLUMNS])


def _row(claim: Claim, evidence: Evidence) -> dict[str, object]:
    row: dict[str, object] = {
        "claim": claim.name,
        "statement": claim.statement,
        "source": claim.source,
        "quantity": claim.quantity,
        "criterion": claim.criterion,
    }
    try:
        judged = claim.judge(evidence)
    except NotTestedError as reason:
        return {**row, "verdict": NOT_TESTED, "figure": "", "note": str(reason)}
    value, low, high = shown_numbers(claim, judged.places)
    said, note = verdict(claim, judged.places), note_of(claim, judged)
    if said == NOT_TESTED:
        note = f"intervals are too wide for a verdict, more members would narrow them. {note}"
    return {
        **row,
        "value": value,
        "low": low,
        "high": high,
        "verdict": said,
        "figure": _figure(claim, evidence, shown_place(claim, judged.places).condition),
        "note": note,
    }


def _figure(claim: Claim, evidence: Evidence, condition: str) -> str:
    path = evidence.figures.get(FIGURES[claim.name], "")
    if "{condition}" in path:
        return path.format(condition=condition)
    for name, owners in (("architecture", evidence.architectures), ("recipe", evidence.recipes)):
        if f"{{{name}}}" in path:
            return path.format(**{name: owners[condition]}) if condition in owners else ""
    return path
