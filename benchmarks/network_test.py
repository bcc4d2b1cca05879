"""Does the test of independent layers keep its level, and what does it find? A simulation study.

    python benchmarks/network_test.py [--quick]

Ensembles of networks 10-10-10-10-10 are drawn. Their layers are independent, with entries that are
Gaussian, or of Student's t with 4 degrees of freedom in members of different scales: the share of
ensembles is counted in which a test has p of 0.05 or less, and in which any test of a family has.
Or the last layer depends on what enters its neurons by sums, one class (labels) or norms, with
some correlation: the share is the test's power there. With a correlation r of sums or norms, n
members and h neurons z is normal about r sqrt(n (h - 1)), from which `theory` follows. The last
line is a JSON object.
"""

import argparse
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy import stats

from weightlaws.arrays import Floats
from weightlaws.inference.network_test import independence_tests, neurons

WIDTH, LAYERS, LEVEL = 10, 4, 0.05
CORRELATIONS = (0.02, 0.05, 0.1, 0.2)


def independent(n: int, tails: str, rng: np.random.Generator) -> list[Floats]:
    """Draw networks of independent layers."""
    size = (n, WIDTH, WIDTH)
    if tails == "gaussian":
        return [rng.standard_normal(size) for _ in range(LAYERS)]
    scales = rng.uniform(0.5, 2, (n, 1, 1))
    return [scales * rng.standard_t(4, size) for _ in range(LAYERS)]


def joined(n: int, statistic: str, r: float, rng: np.random.Generator) -> list[Floats]:
    """Draw Gaussian networks whose last layer depends on the one before by a correlation."""
    layers = independent(n, "gaussian", rng)
    before, after = layers[-2:]
    if statistic == "norms":
        # A factor of each column, whose square has this correlation with what enters.
        squares = np.square(before).sum(2)
        noise = rng.standard_normal(squares.shape)
        part = (squares - WIDTH) / np.sqrt(2 * WIDTH)
        after *= np.exp(0.1 * (r * part + np.sqrt(1 - r**2) * noise))[:, None, :]
        return layers
    sums = before.sum(2) / np.sqrt(WIDTH)
    if statistic == "sums":
        # The part of the column sums alone.
        mean = after.mean(1, keepdims=True)
        part = r * sums[:, None, :] / np.sqrt(WIDTH)
        after += np.sqrt(1 - r**2) * mean - mean + part
    else:  # one class, which is 1 of as many
        after[:, 0] = np.sqrt(1 - r**2) * after[:, 0] + r * sums
    return layers


def shares(n: int, ensembles: int, permutations: int, rng: np.random.Generator) -> pd.DataFrame:
    """Count rejections: one row a case and statistic."""
    cases = [("independent", tails, 0.0) for tails in ("gaussian", "t4, scales")]
    cases += [("joined", name, r) for name in ("sums", "labels", "norms") for r in CORRELATIONS]
    rows = []
    for kind, what, r in cases:
        tables = []
        for _ in range(ensembles):
            layers = independent(n, what, rng) if kind == "independent" else joined(n, what, r, rng)
            tables.append(independence_tests({0: neurons(layers)}, permutations, rng))
        found = pd.concat(tables, keys=range(ensembles), names=["ensemble"])
        if kind == "joined":
            found = found[(found["statistic"] == what) & (found["hidden"] == f"hidden{LAYERS - 1}")]
        for statistic, part in found.groupby("statistic"):
            z = float(part["correlation"].mean()) * np.sqrt(n * (WIDTH - 1))
            bounds = stats.norm.isf(LEVEL / 2)
            rows.append(
                {
                    "case": f"{kind}, {what}, {r:g}",
                    "statistic": statistic,
                    "members": n,
                    "correlation": part["correlation"].mean(),
                    "p": (part["p"] <= LEVEL).mean(),
                    "family": (part["p_adjusted"].groupby("ensemble").min() <= LEVEL).mean(),
                    "theory": stats.norm.sf(bounds - z) + stats.norm.cdf(-bounds - z),
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study, print its table, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer ensembles, some minutes")
    options = parser.parse_args()
    ensembles, permutations = (100, 39) if options.quick else (1000, 199)
    numbers = (100,) if options.quick else (100, 1000)
    rng = np.random.default_rng(1)
    table = pd.concat(shares(n, ensembles, permutations, rng) for n in numbers)
    print(table.round(3).to_string(index=False))
    figures = {
        f"{row['case']}, {row['statistic']}, {row['members']} members": {
            name: None if np.isnan(row[name]) else round(row[name], 4)
            for name in ("correlation", "p", "family", "theory")
        }
        for row in table.to_dict("records")
    }
    print(json.dumps({"ensembles": ensembles, "permutations": permutations, **figures}))


if __name__ == "__main__":
    main()
