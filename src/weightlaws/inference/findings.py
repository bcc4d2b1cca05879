"""The findings of a study: the law that fits each layer and epoch, and its failures."""

import pandas as pd

PLACE = ["condition", "layer", "selection", "n_members", "epoch"]

#: A law replaces a simpler one if held-out members gain more than this many standard errors by it.
STANDARD_ERRORS = 2.0


def findings_table(
    comparison: pd.DataFrame, symmetry: pd.DataFrame, significance: pd.DataFrame, rate: float
) -> pd.DataFrame:
    """Sum up a study's tests at its headline epochs.

    Parameters
    ----------
    comparison, symmetry, significance
        The tables of all conditions, as the jobs of these names make them.
    rate
        The false discovery rate at which an invariant is called deviating.

    Returns
    -------
    DataFrame
        One row a condition, layer, ``selection`` of members and headline epoch. ``law``: see
        `best_law`. ``gain <law>`` and ``gain_standard_error <law>``: nats per held-out member, over
        the law that it is nested above. ``p <test>``: of each symmetry test.
        ``deviating_published`` of ``tested_published`` and ``deviating`` of ``tested`` invariants;
        empty for a layer that no 13-parameter law was fitted to. ``note``: the laws that have no
        density, and why.
    """
    laws = comparison.merge(symmetry[PLACE].drop_duplicates())
    places = laws.groupby([*PLACE, "rows", "columns"], sort=False)
    best: pd.Series = places.apply(lambda part: best_law(part.set_index("law")))
    quantities = ["gain", "gain_standard_error"]
    gains = laws[laws["than"].notna()].pivot(index=PLACE, columns="law", values=quantities)
    gains.columns = gains.columns.map(" ".join)
    p = symmetry.pivot(index=PLACE, columns="test", values="p").add_prefix("p ")
    notes = laws.dropna(subset="note")
    said = (notes["law"] + ": " + notes["note"]).groupby([notes[name] for name in PLACE])
    table = best.rename("law").reset_index()
    for part in (gains, p, _counts(significance, rate), said.agg("; ".join).rename("note")):
        table = table.merge(part.reset_index(), how="left", on=PLACE)
    return table


def best_law(laws: pd.DataFrame) -> str:
    """Choose the simplest law that no larger one beats clearly on held-out members.

    ``laws`` is the comparison of one layer and epoch, indexed by law, simpler ones first. A law
    replaces the chosen one if its gain over it exceeds two standard errors. The errors of several
    steps are summed in quadrature. A law without a density is never chosen.
    """
    than = laws["than"].fillna("")
    best = str(laws.index[0])
    for law in laws.index[1:]:
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


def _counts(significance: pd.DataFrame, rate: float) -> pd.DataFrame:
    tests = significance.dropna(subset="q")
    tests = tests.assign(deviating=tests["q"] <= rate)
    published = tests[tests["published"].notna() & (tests["published"] != "")]
    counts = {
        name + suffix: part.groupby(PLACE)["deviating"].agg(how)
        for part, suffix in ((published, "_published"), (tests, ""))
        for name, how in (("deviating", "sum"), ("tested", "count"))
    }
    return pd.DataFrame(counts).astype("Int64")


def ranked_deviations(
    significance: pd.DataFrame, invariants: pd.DataFrame, rate: float
) -> pd.DataFrame:
    """Rank the deviating invariants of each layer and epoch by the size of their deviation.

    Parameters
    ----------
    significance
        As for `findings_table`.
    invariants
        The study's ``invariants.csv``, for the formulas.

    Returns
    -------
    DataFrame
        The rows with q up to the rate, the largest ``deviation_sd`` first, with its ``rank``.
    """
    found = significance[significance["q"] <= rate]
    found = found.sort_values("deviation_sd", ascending=False, kind="stable")
    found = found.assign(rank=found.groupby(PLACE, sort=False).cumcount() + 1)
    # Conditions and layers keep the order of the tests.
    order = significance[PLACE].drop_duplicates()
    formulas = invariants[["invariant", "formula"]]
    return order.merge(found, on=PLACE).merge(formulas, on="invariant", how="left")
