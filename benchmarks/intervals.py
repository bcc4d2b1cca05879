"""Do the intervals of parameters and distances hold? A simulation study.

    python benchmarks/intervals.py [--quick]

Ensembles are drawn whose law is known: 10 x 10 matrices of the law of a trained layer, and
independent entries of Student's t with 5 degrees of freedom. For f1 to f13 the share of ensembles
is counted whose 95 % interval holds the parameter, and the same for 1.96 bootstrap standard errors
on both sides. For squared distances, from the law that training starts from and from the members'
own start, the share that holds the distance is counted, and the mean is compared with it. The last
line is a JSON object.
"""

import argparse
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.inference.distance import estimate, without_one
from weightlaws.inference.layer_fit import parameter_intervals
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.pigmm import FITTED, PIGMM, parameters_from_moments
from weightlaws.laws.wasserstein import squared_distances

SIZE = 10
# The law of the first 10 x 10 matrix after 50 epochs on 4,500 digits, rounded.
LAW = PIGMM(
    SIZE,
    [0.27, 0.017, 0.126, -0.008, 0.131, 0.109, 0.003, -0.001, 0.129, 0.001, 0.135, 0.142, 0.139],
)
START = PIGMM.iid(SIZE, 0.1)
# Shares of the way from the start to the law.
WAYS = (0.0, 0.05, 0.1, 0.3, 1.0)
# Weights of fresh noise in the members at the end, and the mean added to their entries.
MOVES = ((0.1, 0.0), (0.1, 0.02), (0.3, 0.0), (0.3, 0.1))


def statistics_of(matrices: Floats, n_members: int) -> Floats:
    """Values (member, ensemble, 13) of the fitted invariants."""
    return evaluate(FITTED, matrices).reshape(n_members, -1, 13)


def heavy_tailed(n: int, rng: np.random.Generator) -> Floats:
    """Draw independent entries of the start's variance, Student's t with 5 degrees of freedom."""
    return np.sqrt(0.1 * 3 / 5) * rng.standard_t(5, (n, SIZE, SIZE))


def of_parameters(n: int, ensembles: int, rng: np.random.Generator) -> pd.DataFrame:
    """Share of ensembles of n members whose interval holds each parameter."""
    rows = []
    kinds = {"trained law": (LAW, LAW.sample), "t5 entries": (START, heavy_tailed)}
    for kind, (law, draw) in kinds.items():
        statistics = statistics_of(draw(n * ensembles, rng), n)
        fits = parameters_from_moments(statistics.mean(axis=0), SIZE)
        weights = resampling_weights(n, 200, rng)
        resampled = np.tensordot(weights, statistics, axes=1)
        half = 1.96 * parameters_from_moments(resampled, SIZE).std(axis=0)
        for method, (low, high) in {
            "jackknife": parameter_intervals(statistics, SIZE),
            "1.96 errors": (fits - half, fits + half),
        }.items():
            held = (low <= law.parameters) & (law.parameters <= high)
            names = {f"f{k + 1}": share for k, share in enumerate(held.mean(axis=0))}
            rows.append({"ensembles": kind, "members": n, "method": method, **names})
    return pd.DataFrame(rows)


def of_distances(n: int, ensembles: int, rng: np.random.Generator) -> pd.DataFrame:
    """Means of squared distances, plain and corrected, and the share of intervals that hold."""
    rows = []

    def add(place: str, true: float, squared: Floats, left_out: Floats) -> None:
        found = estimate(squared, left_out)
        held = (found.low <= true) & (true <= found.high)
        means = {"plain": squared.mean(), "corrected": found.corrected.mean()}
        row = {"place": place, "members": n, "true": true, **means}
        error = found.corrected.std() / np.sqrt(ensembles)
        rows.append({**row, "standard_error": error, "held": held.mean()})

    for way in WAYS:
        law = PIGMM(SIZE, (1 - way) * START.parameters + way * LAW.parameters)
        ends = statistics_of(law.sample(n * ensembles, rng), n)
        squared = squared_distances(
            START.parameters, parameters_from_moments(ends.mean(axis=0), SIZE), SIZE
        )
        left_out = squared_distances(START.parameters, without_one(ends, SIZE), SIZE)
        true = float(squared_distances(START.parameters, law.parameters, SIZE))
        add(f"initial law, way {way:g}", true, squared, left_out)
    start = START.sample(n * ensembles, rng)
    starts = statistics_of(start, n)
    for noise, mean in MOVES:
        fresh = START.sample(n * ensembles, rng)
        ends = statistics_of(np.sqrt(1 - noise**2) * start + noise * fresh + mean, n)
        laws = [parameters_from_moments(side.mean(axis=0), SIZE) for side in (starts, ends)]
        squared = squared_distances(laws[0], laws[1], SIZE)
        left_out = squared_distances(without_one(starts, SIZE), without_one(ends, SIZE), SIZE)
        add(f"own start, noise {noise:g}, mean {mean:g}", (SIZE * mean) ** 2, squared, left_out)
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study, print its tables, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer ensembles, under 50 s")
    options = parser.parse_args()
    numbers = {20: 400, 100: 100} if options.quick else {20: 4000, 100: 1500}
    rng = np.random.default_rng(1)
    parameters = pd.concat(of_parameters(n, count, rng) for n, count in numbers.items())
    distances = pd.concat(of_distances(n, count, rng) for n, count in numbers.items())
    print(parameters.round(3).to_string(index=False))
    print(distances.round(5).to_string(index=False))
    figures: dict[str, object] = {"ensembles": {str(n): count for n, count in numbers.items()}}
    for row in parameters.to_dict("records"):
        place = f"{row['ensembles']}, {row['members']} members, {row['method']}"
        shares = {name: round(row[name], 4) for name in parameters.columns[3:]}
        figures[place] = {"least": min(shares.values()), **shares}
    for row in distances.to_dict("records"):
        place = f"{row['place']}, {row['members']} members"
        figures[place] = {name: round(row[name], 6) for name in distances.columns[2:]}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
