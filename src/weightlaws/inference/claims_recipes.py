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

#: Margin: of relative differences.
RELATIVE = 0.1

#: What two conditions have in common, as `noise_scale.SCALINGS` name it.
_RATIO = "rate / batch"


def one_number(evidence: Evidence) -> Judged:
    """N2: with stochastic gradient descent rate and batch size act through their ratio alone."""
    what = "no conditions that differ in learning rate and batch size alone"
    table = enough(evidence.table("noise_scale_comparisons", what), LEAST_OF_LAWS)
    conditions = evidence.conditions()
    descent = conditions.index[conditions["optimiser"] == "sgd"]
    table = table[(table["same"] == _RATIO) & table["condition"].isin(descent)]
    if table.empty:
        raise NotTestedError(
            "no two conditions with stochastic gradient descent have one ratio of learning rate "
            "and batch size"
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
