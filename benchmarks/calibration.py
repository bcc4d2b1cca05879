"""The level and the power of the tests of a fitted law: a simulation study.

    python benchmarks/calibration.py [--quick] [--csv FILE]

Level: ensembles are drawn from a known 13-parameter law, and every invariant that the law does not
fit is tested in each of them, by the z-score (bootstrap over members) and by the parametric
bootstrap. The share of tests beyond the nominal 5 % is counted for both. Power: the same with
ensembles whose entries have a stated excess kurtosis, or whose members have a stated scatter of
their scale. The last line is a JSON object.
"""

import argparse
import json
import os
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core instead

import numpy as np
import pandas as pd

from weightlaws.arrays import Bools, Floats
from weightlaws.inference.bootstrap import resampling_weights
from weightlaws.inference.layer_fit import fit_layer
from weightlaws.inference.significance import p_values
from weightlaws.invariants.catalogue import catalogue, published_number
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.pigmm import FITTED, PIGMM

SIZE = 10
# The law of the first 10 x 10 matrix after 50 epochs on 4,500 digits, rounded.
LAW = PIGMM(
    SIZE,
    [0.27, 0.017, 0.126, -0.008, 0.131, 0.109, 0.003, -0.001, 0.129, 0.001, 0.135, 0.142, 0.139],
)
GRAPHS = catalogue("complete")


def from_law(n: int, rng: np.random.Generator) -> Floats:
    """Draw members of the law itself."""
    return LAW.sample(n, rng)


def heavy_tailed(excess_kurtosis: float, n: int, rng: np.random.Generator) -> Floats:
    """Draw independent entries of variance 0.1 and a stated excess kurtosis, Student's t."""
    freedom = 4 + 6 / excess_kurtosis
    scale = np.sqrt(0.1 * (freedom - 2) / freedom)
    return scale * rng.standard_t(freedom, (n, SIZE, SIZE))


def scattered(cv: float, n: int, rng: np.random.Generator) -> Floats:
    """Draw members of the law, each scaled by a lognormal factor of a stated scatter."""
    return np.exp(cv * rng.standard_normal((n, 1, 1))) * LAW.sample(n, rng)


ENSEMBLES = {
    "the law": from_law,
    "excess kurtosis 0.1": partial(heavy_tailed, 0.1),
    "excess kurtosis 1": partial(heavy_tailed, 1.0),
    "scale scattered by 3 %": partial(scattered, 0.03),
    "scale scattered by 10 %": partial(scattered, 0.1),
}


def rejections(
    seed: int, kind: str, n_members: int, replicates: int, matrices: int, ensembles: int
) -> Bools:
    """Test one ensemble: whether z, and whether p, are beyond the 5 % point, (2, invariant)."""
    rng = np.random.default_rng([seed, n_members, *kind.encode()])
    invariants = evaluate(GRAPHS, ENSEMBLES[kind](n_members, rng))
    weights = resampling_weights(n_members, replicates, rng)
    z = fit_layer([invariants], GRAPHS, SIZE, "gaussian", weights).deviation_z[0]
    p = p_values(invariants, GRAPHS, SIZE, rng, n_matrices=matrices, n_ensembles=ensembles)
    return np.stack([z > 1.959964, p < 0.05])[:, len(FITTED) :]


def shares(
    pool: Executor, kind: str, n_members: int, n_studies: int, settings: dict[str, int]
) -> pd.DataFrame:
    """Share of the ensembles of one kind that each test rejects, a row an invariant."""
    one = partial(rejections, kind=kind, n_members=n_members, **settings)
    rejected = np.mean(list(pool.map(one, range(n_studies), chunksize=4)), axis=0)
    higher = GRAPHS[len(FITTED) :]
    return pd.DataFrame(
        {
            "ensembles": kind,
            "members": n_members,
            "invariant": [graph.name for graph in higher],
            "published": [published_number(graph) for graph in higher],
            "share_z": rejected[0],
            "share_p": rejected[1],
        }
    )


def main() -> None:
    """Run the study, print its table, write it if asked to, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer ensembles, under 50 s")
    parser.add_argument("--csv", help="write the shares of every invariant to this file")
    options = parser.parse_args()
    settings = {"replicates": 400, "matrices": 10_000, "ensembles": 2000}
    members, level, power = (100, 1000), 1000, 200
    if options.quick:
        settings = {"replicates": 200, "matrices": 2000, "ensembles": 400}
        members, level, power = (100,), 40, 10
    with ProcessPoolExecutor() as pool:
        table = pd.concat(
            shares(pool, kind, n, level if kind == "the law" else power, settings)
            for n in members
            for kind in ENSEMBLES
        )
    if options.csv:
        table.round(4).to_csv(options.csv, index=False)
    groups = table.groupby(["ensembles", "members"], sort=False)[["share_z", "share_p"]]
    print(groups.quantile([0, 0.25, 0.5, 0.75, 1]).unstack().round(3).to_string())
    figures = {
        f"{kind}, {n} members: {test}, {name}": round(float(value), 4)
        for (kind, n), part in groups
        for test, column in (("z", part["share_z"]), ("p", part["share_p"]))
        for name, value in (("mean", column.mean()), ("highest", column.max()))
    }
    print(json.dumps({"level_ensembles": level, "power_ensembles": power, **figures}))


if __name__ == "__main__":
    main()
