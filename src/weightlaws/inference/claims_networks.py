"""Claims on interacting laws and on networks as a whole: B1 to B3."""

import numpy as np

from weightlaws.inference.claims import (
    LEAST_OF_LAWS,
    LEVEL,
    Evidence,
    Judged,
    NotTestedError,
    Place,
    by_place,
    ends,
    enough,
    rows_where,
)
from weightlaws.inference.drawn_names import ALL, OTHERS, PERMUTED, TRAINED
from weightlaws.inference.intervals import student_quantile
from weightlaws.laws.names import BIPARTITE, CHOSEN

#: Margins: of a score, of a correlation, and of the part of accuracy that is kept.
SCORE, CORRELATION, KEPT = 0.1, 0.1, 0.9

#: tr (W W^T)^2 as tables of couplings name it.
SINGLE_TRACE = "ia.ib.ja.jb"

_NOT_MADE = "no interacting laws: statistics.interacting is false, or no condition has models"


def interacting(evidence: Evidence) -> Judged:
    """B1: trained hidden layers follow an interacting law led by the single-trace quartic."""
    scores = enough(evidence.table("scores", _NOT_MADE), LEAST_OF_LAWS)
    scores = evidence.of_side(scores, None)
    if scores.empty:
        raise NotTestedError("no network has a layer between hidden layers")
    scores = evidence.after_training(scores)
    couplings = evidence.after_training(evidence.table("couplings", _NOT_MADE))
    first = couplings[couplings["step"] == 1].set_index(["condition", "layer"])["invariant"]
    chosen, gaussian = (scores[scores["law"] == law] for law in (CHOSEN, BIPARTITE))
    both = chosen.merge(gaussian, on=["condition", "layer"], suffixes=("", " 0"))
    both = both.dropna(subset=["gain", "gain 0"])
    if both.empty:
        raise NotTestedError("no interacting law could be fitted after training")
    places = []
    for _, row in both.iterrows():
        key = row["condition"], row["layer"]
        value = row["gain"] - row["gain 0"]
        error = np.hypot(row["gain_standard_error"], row["gain_standard_error 0"])
        least, most = ends(value, error, row["n_members"], len(both))
        low, high = ends(value, error, row["n_members"])
        leader = first.get(key)
        interacts, led = bool(least > 0), leader == SINGLE_TRACE
        places.append(
            Place(
                row["condition"],
                " ".join(key),
                float(value),
                low,
                high,
                agrees=interacts,
                disagrees=bool(most < SCORE) or (interacts and not led),
                said=f"the first coupling is that of {leader}" if leader else "no coupling joins",
            )
        )
    n = sum(
        first.get((row["condition"], row["layer"])) == SINGLE_TRACE for _, row in both.iterrows()
    )
    return Judged(places, f"first comes tr (W W^T)^2, {SINGLE_TRACE}, in {n} of {len(both)} layers")


def dependent_layers(evidence: Evidence) -> Judged:
    """B2: the layers of a network are not independent."""
    table = enough(evidence.table("network_law", _NOT_MADE), LEAST_OF_LAWS)
    table = evidence.after_training(table.dropna(subset=["correlation", "z"]))
    groups = by_place(table, "condition", "hidden")
    places = []
    for (condition, hidden), part in groups.items():
        # The standard deviation over permutations is the same whatever the correlation.
        error = (part["correlation"] / part["z"]).abs().median()
        sizes, members = part["correlation"].abs(), int(part["n_members"].iloc[0])
        half = float(student_quantile(members, LEVEL, len(table))) * error
        most = sizes.max()
        low, high = ends(most, error, members)
        each = (f"of {r['statistic']} {r['correlation']:+.2f}" for _, r in part.iterrows())
        said = f"correlation {', '.join(each)}"
        places.append(
            Place(
                condition,
                f"{condition} {hidden}",
                float(most),
                max(low, 0.0),
                high,
                agrees=bool(most - half > 0),
                disagrees=bool(most + half < CORRELATION),
                said=said,
            )
        )
    strongest = max(places, key=lambda place: place.value)
    return Judged(places, f"strongest at {strongest.name}: {strongest.said}")


def drawn_networks(evidence: Evidence) -> Judged:
    """B3: a network drawn from its law classifies as well as a trained one."""
    what = "no networks drawn from laws: statistics.interacting is false, or none is trained here"
    table = enough(evidence.after_training(evidence.table("drawn_networks", what)), LEAST_OF_LAWS)
    table = table.dropna(subset="accuracy")
    trained = table[table["law"] == TRAINED].set_index("condition")["accuracy"]
    whole = table[(table["drawn"] == ALL) & ~table["law"].isin((TRAINED, OTHERS, PERMUTED))]
    chances = 1 / evidence.conditions()["outputs"]  # of guessing
    whole = rows_where(
        whole, (c in trained and trained[c] > 2 * chances[c] for c in whole["condition"])
    )
    if whole.empty:
        raise NotTestedError("no trained networks that classify better than by chance")
    places = []
    for _, row in whole.iterrows():
        chance = chances[row["condition"]]
        unit, n = trained[row["condition"]] - chance, row["n_networks"]
        value, error = (row["accuracy"] - chance) / unit, row["standard_error"] / unit
        least, most = ends(value, error, n, len(whole))
        low, high = ends(value, error, n)
        places.append(
            Place(
                row["condition"],
                f"{row['condition']} {row['law']}",
                float(value),
                low,
                high,
                agrees=bool(least > KEPT),
                disagrees=bool(most < KEPT),
            )
        )
    best = whole.iloc[int(whole["accuracy"].argmax())]
    note = (
        f"the best drawn networks ({best['condition']}, {best['law']}) are right for "
        f"{best['accuracy']:.3f} ± {best['standard_error']:.3f} of the images, where chance is "
        f"{chances[best['condition']]:.3f} and trained ones are right for "
        f"{trained[best['condition']]:.3f}"
    )
    return Judged(places, note)
