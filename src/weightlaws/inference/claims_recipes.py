"""The claim on how learning rate and batch size act: N2."""

from weightlaws.inference.claims import (
    LEAST_OF_LAWS,
    Evidence,
    Judged,
    NotTestedError,
    Place,
    beyond,
    enough,
    interval,
)
from weightlaws.inference.noise_scale_names import RATIO

#: Margin: of relative differences.
RELATIVE = 0.1


def one_number(evidence: Evidence) -> Judged:
    """N2: with stochastic gradient descent rate and batch size act through their ratio alone.

    Hidden layers are judged alone: the rows of others are classes, or the columns pixels, and
    their law is not the bipartite one whose parameters are compared.
    """
    what = "no conditions that differ in learning rate and batch size alone"
    table = enough(evidence.table("noise_scale_comparisons", what), LEAST_OF_LAWS)
    conditions = evidence.conditions()
    descent = conditions.index[conditions["optimiser"] == "sgd"]
    table = table[(table["same"] == RATIO) & table["condition"].isin(descent)]
    table = evidence.of_side(table, None)
    if table.empty:
        raise NotTestedError(
            "no two conditions with stochastic gradient descent and a square layer between hidden "
            "ones have one ratio of learning rate and batch size"
        )
    table = evidence.after_training(table)
    values, errors, members = (
        table[column].to_numpy() for column in ("difference", "standard_error", "n_members")
    )
    low, high = interval(values, errors, members)
    least, most = interval(values, errors, members, len(table))
    larger = beyond(least, most, RELATIVE, "above") | beyond(least, most, -RELATIVE, "below")
    smaller = (least > -RELATIVE) & (most < RELATIVE)
    places = [
        Place(
            row["condition"],
            f"{row['condition']} and {row['other']}, {row['layer']}, {row['parameter']}",
            float(values[k]),
            float(low[k]),
            float(high[k]),
            agrees=bool(smaller[k]),
            disagrees=bool(larger[k]),
        )
        for k, (_, row) in enumerate(table.iterrows())
    ]
    return Judged(places, f"the largest is {max(abs(values)):.2g}")
