"""What the analysis of spectra says of matrices whose answer is known: false statements and power.

    python benchmarks/spectra_calibration.py [--quick] [--csv docs/spectra_calibration.csv]

One row a case and shape. Entries that are independent with symmetric laws, of any scales, have
learned nothing; the learned rank errs in 1 / (1 + flips) of them, and vectors in 1 / 20.
Spikes are five dense components (less in small matrices) of one strength, in units of the strength
from where on singular values of noise show a spike: (M N)^(1/4) times the root mean square of the
noise's entries (Benaych-Georges and Nadakuditi, arXiv:1103.2221). With --quick there are few
matrices and no 512 x 784. It runs on one core, and ends with a JSON object.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy import linalg

from weightlaws.arrays import Floats, Shape
from weightlaws.spectra.analysis import analyse
from weightlaws.spectra.null import Null, simulate_null
from weightlaws.spectra.tails import POWER_LAW

FLIPS, LEVEL = 39, 0.05
#: Matrices of each case by shape: large ones take seconds.
MATRICES: dict[Shape, int] = {
    (10, 10): 400,
    (50, 50): 100,
    (400, 20): 100,
    (128, 128): 40,
    (512, 784): 2,
}
QUICK: dict[Shape, int] = {(10, 10): 20, (50, 50): 5, (400, 20): 5, (128, 128): 1}
STRENGTHS = (0.8, 1.0, 1.2, 1.5, 2.0)
SCALES = 0.3

Draw = Callable[[Shape, np.random.Generator], Floats]


def gaussian(shape: Shape, rng: np.random.Generator) -> Floats:
    """Draw independent Gaussian entries."""
    return rng.standard_normal(shape)


def row_scales(sigma: float) -> Draw:
    """Return Gaussian entries times a log-normal scale of each row."""
    return lambda shape, rng: (
        np.exp(sigma * rng.standard_normal((shape[0], 1))) * gaussian(shape, rng)
    )


def sparse(shape: Shape, rng: np.random.Generator) -> Floats:
    """Draw Gaussian entries of which nine in ten are 0."""
    return gaussian(shape, rng) * (rng.random(shape) < 0.1)


def autoregressive(shape: Shape, rng: np.random.Generator) -> Floats:
    """Draw rows that are correlated with 0.3 from each to the next, separably."""
    lags = np.abs(np.subtract.outer(np.arange(shape[0]), np.arange(shape[0])))
    return np.asarray(linalg.cholesky(0.3**lags, lower=True) @ gaussian(shape, rng))


def zero_rows(shape: Shape, rng: np.random.Generator) -> Floats:
    """Draw a matrix of which three rows in ten are 0."""
    matrix = gaussian(shape, rng)
    matrix[rng.permutation(shape[0])[: round(0.3 * shape[0])]] = 0
    return matrix


def orthogonal(shape: Shape, rng: np.random.Generator) -> Floats:
    """Draw orthonormal rows or columns."""
    q, _ = np.linalg.qr(gaussian((max(shape), min(shape)), rng))
    return np.asarray(q if shape[0] >= shape[1] else q.T)


def toeplitz(shape: Shape, rng: np.random.Generator) -> Floats:
    """Draw a matrix whose diagonals are constant."""
    return np.asarray(linalg.toeplitz(rng.standard_normal(shape[0]), rng.standard_normal(shape[1])))


def product(shape: Shape, rng: np.random.Generator) -> Floats:
    """Draw the product of two Gaussian matrices, the first one square."""
    return gaussian((shape[0], shape[0]), rng) @ gaussian(shape, rng)


def planted(shape: Shape) -> int:
    """Return the number of spikes."""
    return min(5, min(shape) // 5)


def spikes(strength: float, noise: Draw, filled: float = 1.0) -> Draw:
    """Return noise with components of one strength, each on its own share of rows and columns."""

    def draw(shape: Shape, rng: np.random.Generator) -> Floats:
        matrix, sides = noise(shape, rng), []
        for size in shape:
            side = gaussian((size, planted(shape)), rng)
            if filled < 1:
                mine = rng.permutation(size) // max(1, round(filled * size))
                side *= mine[:, None] == np.arange(planted(shape))
            sides.append(np.linalg.qr(side)[0])
        unit = np.sqrt((matrix**2).mean()) * np.prod(shape) ** 0.25
        return matrix + strength * unit * sides[0] @ sides[1].T

    return draw


CASES: dict[str, Draw] = {
    "Gaussian": gaussian,
    "uniform": lambda shape, rng: rng.uniform(-1, 1, shape),
    "Student t, 3 degrees of freedom": lambda shape, rng: rng.standard_t(3, shape),
    "90 % zeros": sparse,
    "row scales 0.3": row_scales(0.3),
    "row scales 0.8": row_scales(0.8),
    "30 % of rows 0": zero_rows,
    "rows AR(1) 0.3": autoregressive,
    "orthogonal": orthogonal,
    "Toeplitz": toeplitz,
    "product of two": product,
    **{f"spikes {strength:g}": spikes(strength, gaussian) for strength in STRENGTHS},
    **{
        f"spikes {strength:g}, row scales {SCALES:g}": spikes(strength, row_scales(SCALES))
        for strength in STRENGTHS
    },
    "spikes 2 on a tenth": spikes(2.0, gaussian, 0.1),
    f"spikes 2 on a tenth, row scales {SCALES:g}": spikes(2.0, row_scales(SCALES), 0.1),
}


def row(case: str, shape: Shape, null: Null, matrices: int) -> dict[str, object]:
    """Analyse matrices of one case and shape, and sum up what is said of them."""
    found = []
    for seed in range(matrices):
        rng = np.random.default_rng([seed, *shape, *case.encode()])
        matrix = CASES[case](shape, rng)
        found.append(
            analyse(
                matrix, rng, null=null, permutations=0, sign_flips=FLIPS, bootstrap_replicates=2
            )
        )
    true = planted(shape) if case.startswith("spikes") else 0
    # Of a few sparse matrices 10 x 10 a single row is left, which has no learned rank.
    learned = np.array([one.learned_rank for one in found])
    learned = learned[np.isfinite(learned)]
    tables = pd.concat([one.table() for one in found])
    rejected = {}
    for name in ("bulk_distance", "mean_ratio", "brody", "spacing_distance"):
        p = tables.loc[tables["statistic"] == name, "p_value"].dropna()
        rejected[f"{name}_rejects"] = (p < LEVEL).mean() if len(p) else np.nan
    return {
        "case": case,
        "rows": shape[0],
        "columns": shape[1],
        "matrices": matrices,
        "planted": true,
        "outliers": np.mean([one.n_outliers for one in found]),
        "share_with_outliers": np.mean([one.n_outliers > 0 for one in found]),
        "informative": np.mean([one.n_informative_vectors for one in found]),
        "share_with_informative": np.mean([one.n_informative_vectors > 0 for one in found]),
        "learned_rank": learned.mean(),
        "share_exact": (learned == true).mean(),
        "share_too_many": (learned > true).mean(),
        **rejected,
        "share_power_law": np.mean([one.tail_verdict == POWER_LAW for one in found]),
    }


def main() -> None:
    """Run all cases, print their table, write it if asked to, and end with JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few matrices, under 50 s")
    parser.add_argument("--csv", help="write the table to this file")
    options = parser.parse_args()
    start, rows = time.perf_counter(), []
    for shape, matrices in (QUICK if options.quick else MATRICES).items():
        null = simulate_null(shape, 0, matrices=300)
        for case in CASES:
            rows.append(row(case, shape, null, matrices))
            print(f"{time.perf_counter() - start:5.0f} s {shape} {case}", file=sys.stderr)
            table = pd.DataFrame(rows).round(4)
            if options.csv:  # as it goes: a run takes minutes
                table.to_csv(options.csv, index=False)
    print(table.to_string(index=False))
    exact = table[table["case"].isin([*CASES][:7])]
    weights = exact["matrices"]
    figures = {
        f"{name} where nothing is learned": round(
            float(np.average(exact[name], weights=weights)), 4
        )
        for name in ("share_with_informative", "share_too_many")
    }
    print(json.dumps({"flips": FLIPS, "seconds": round(time.perf_counter() - start), **figures}))


if __name__ == "__main__":
    main()
