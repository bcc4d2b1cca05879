"""The findings of a study: the best law of each layer and epoch, and whether it holds."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from weightlaws.arrays import Side
from weightlaws.inference.symmetry_names import SYMMETRY_TESTS, speaks_against
from weightlaws.invariants.catalogue import graph_of
from weightlaws.training.networks import labelled_side

PLACE = ["condition", "layer", "selection", "n_members", "epoch"]

#: A law replaces a simpler one if held-out members gain more than this many standard errors by it.
STANDARD_ERRORS = 2.0

#: Verdicts on the best of the laws compared.
REJECTED, NOT_REJECTED, NOT_TESTED = "rejected", "not rejected", "not tested"
#: The verdict where fewer than two laws have a density, so that none is best.
NOT_COMPARED = "not compared"


def findings_table(
    comparison: pd.DataFrame,
    symmetry: pd.DataFrame,
    significance: pd.DataFrame,
    omnibus: pd.DataFrame,
    level: float,
    labelled: Mapping[str, Mapping[str, Side | None]] | None = None,
) -> pd.DataFrame:
    """Sum up a study's tests at its headline epochs.

    Parameters
    ----------
    comparison, symmetry, significance, omnibus
        The tables of all conditions, as the jobs of these names make them.
    level
        The family-wise level of the tests.
    labelled
        By condition, where it is said: see `networks.labelled_side`.

    Returns
    -------
    DataFrame
        One row a condition, layer, ``selection`` of members and headline epoch. ``law``: the best
        of the laws compared, see `best_law`; missing where fewer than two have a density.
        ``verdict``: whether that law is rejected, and ``rejected_by`` the tests that reject it. A
        symmetry test rejects at the level divided by the number of tests of the layer that speak
        against the law (Bonferroni). ``deviating`` of ``tested`` invariants deviate from the law,
        ``p deviations`` is the least adjusted p. ``detectable_sd``: the median of the smallest
        deviations that the tests would have found in 80 % of cases. ``p omnibus``: of the omnibus
        test. ``gain <law>`` and ``gain_standard_error <law>``: nats per held-out member, over the
        law that it is nested above. ``p <test>``: of each symmetry test. ``note``: the laws that
        have no density, and why.
    """
    laws = comparison.merge(symmetry[PLACE].drop_duplicates())
    place = [*PLACE, "rows", "columns"]
    best = [(*at, best_law(part.set_index("law"))) for at, part in laws.groupby(place, sort=False)]
    quantities = ["gain", "gain_standard_error"]
    gains = laws[laws["than"].notna()].pivot(index=PLACE, columns="law", values=quantities)
    gains.columns = gains.columns.map(" ".join)
    p = symmetry.pivot(index=PLACE, columns="test", values="p").add_prefix("p ")
    notes = laws.dropna(subset="note")
    said = (notes["law"] + ": " + notes["note"]).groupby([notes[name] for name in PLACE])
    table = pd.DataFrame(best, columns=[*place, "law"])
    table = table.merge(_deviating(significance, level), how="left", on=[*PLACE, "law"])
    p_omnibus = omnibus[[*PLACE, "law", "p"]].rename(columns={"p": "p omnibus"})
    table = table.merge(p_omnibus, how="left", on=[*PLACE, "law"])
    for part in (gains, p, said.agg("; ".join).rename("note")):
        table = table.merge(part.reset_index(), how="left", on=PLACE)
    epochs = table.groupby(PLACE[:-1])["epoch"].transform("size")
    rejections = [
        [*_rejections(row, n, level, (labelled or {}).get(row["condition"]))]
        for (_, row), n in zip(table.iterrows(), epochs, strict=True)
    ]
    verdicts = [
        _verdict(row, tests) for (_, row), tests in zip(table.iterrows(), rejections, strict=True)
    ]
    return table.assign(verdict=verdicts, rejected_by=["; ".join(tests) for tests in rejections])


def _verdict(row: pd.Series, rejections: Sequence[str]) -> str:
    if pd.isna(row["law"]):
        return NOT_COMPARED
    if rejections:
        return REJECTED
    return NOT_TESTED if pd.isna(row["tested"]) else NOT_REJECTED


def _rejections(
    row: pd.Series, n_epochs: int, level: float, labelled: Mapping[str, Side | None] | None
) -> Iterator[str]:
    """Name the tests that reject the law of a row of findings."""
    if pd.isna(row["law"]):
        return
    if row["p deviations"] <= level:
        yield "deviations"
    if row["p omnibus"] <= level / n_epochs:
        yield "omnibus"
    against = speaks_against(row["law"], labelled_side(row["layer"], labelled))
    made = [test for test in SYMMETRY_TESTS if pd.notna(row.get(f"p {test}"))]
    speaking = [test for test in made if test in against]
    for test in speaking:
        if row[f"p {test}"] <= level / (n_epochs * len(speaking)):
            yield test


def best_law(laws: pd.DataFrame) -> str | None:
    """Choose the simplest law that no larger one beats clearly on held-out members.

    ``laws`` is the comparison of one layer and epoch, indexed by law, simpler ones first. A law
    replaces the chosen one if its gain over it exceeds two standard errors. The errors of several
    steps are summed in quadrature. A law without a density is never chosen. Where fewer than two
    have one, nothing is compared, and the answer is None.
    """
    than = laws["than"].fillna("")
    compared = laws.index[laws["log_likelihood"].notna()]
    if len(compared) < 2:
        return None
    best = str(compared[0])
    for law in compared[1:]:
        gain = laws["log_likelihood"][law] - laws["log_likelihood"][best]
        errors = [laws["gain_standard_error"][step] for step in _between(law, best, than)]
        if gain > STANDARD_ERRORS * sum(error**2 for error in errors) ** 0.5:
            best = str(law)
    return best


def _between(law: str, other: str, than: pd.Series) -> set[str]:
    """Steps of the nesting that lead from one law to the other, by way of a law below both."""
    return {*_chain(law, than)} ^ {*_chain(other, than)}


def _chain(law: str, than: pd.Series) -> list[str]:
    chain = [law]
    while than[chain[-1]]:
        chain.append(than[chain[-1]])
    return chain


def _deviating(significance: pd.DataFrame, level: float) -> pd.DataFrame:
    """Count the invariants that deviate from each law at each epoch."""
    tests = significance.dropna(subset="p_adjusted")
    tests = tests.assign(deviating=tests["p_adjusted"] <= level)
    counts = tests.groupby([*PLACE, "law"], sort=False).agg(
        deviating=("deviating", "sum"),
        tested=("deviating", "count"),
        least=("p_adjusted", "min"),
        detectable_sd=("detectable", "median"),
    )
    counts = counts.rename(columns={"least": "p deviations"})
    return counts.astype({"deviating": "Int64", "tested": "Int64"}).reset_index()


def ranked_deviations(significance: pd.DataFrame, level: float) -> pd.DataFrame:
    """Rank the deviating invariants of each layer, epoch and law by the size of their deviation.

    Parameters
    ----------
    significance, level
        As for `findings_table`.

    Returns
    -------
    DataFrame
        The rows with an adjusted p up to the level, the largest deviation first, with its ``rank``
        and the ``formula`` of the invariant.
    """
    place = [*PLACE, "law"]
    found = significance[significance["p_adjusted"] <= level]
    found = found.sort_values("deviation_sd", key=lambda values: -values.abs(), kind="stable")
    found = found.assign(rank=found.groupby(place, sort=False).cumcount() + 1)
    # Conditions and layers keep the order of the tests.
    ranked = significance[place].drop_duplicates().merge(found, on=place)
    formulas = [graph_of(name).formula for name in ranked["invariant"]]
    return ranked.assign(formula=formulas)
