"""The level and the power of the tests of a fitted law: a simulation study.

    python benchmarks/calibration.py [--quick] [--csv FILE]

Level: ensembles are drawn from a known law of each kind, and all invariants that the law predicts
are tested in each of them as one family. A family rejects if any adjusted p is at most 5 %. Beside
it stands the share of single invariants whose own p is below 5 %, the share of 95 % intervals that
hold the true deviation, 0, and the share of omnibus tests that reject. Power: the same with
ensembles for which the bipartite law is false in a stated way. The last line is a JSON object.
"""

import argparse
import json
import os
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core instead

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats
from weightlaws.inference.omnibus import omnibus
from weightlaws.inference.significance import deviations, judge, simulated_deviations
from weightlaws.invariants.catalogue import catalogue
from weightlaws.laws.base import Law
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.moments import moments
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, ONE_SIDED
from weightlaws.laws.one_sided import OneSided
from weightlaws.laws.pigmm import PIGMM

SIZE, LEVEL = 10, 0.05
SHAPE = (SIZE, SIZE)
# The laws of 10 x 10 matrices after 50 epochs on 4,500 digits, rounded: the first between hidden
# layers, the last before the output, with means of the classes that scatter as theirs do.
LAWS: dict[str, Law] = {
    INDEPENDENT: IID(SHAPE, [0.027, 0.138]),
    BIPARTITE: Bipartite(SHAPE, [0.027, 0.126, 0.129, 0.109, 0.14]),
    DIAGONAL: PIGMM(
        SIZE,
        [
            0.27,
            0.017,
            0.126,
            -0.008,
            0.131,
            0.109,
            0.003,
            -0.001,
            0.129,
            0.001,
            0.135,
            0.142,
            0.139,
        ],
    ),
    ONE_SIDED: OneSided.fit(
        np.random.default_rng(0).normal(0, 0.4, (5000, SIZE, SIZE))
        + np.linspace(-0.2, 0.2, SIZE)[:, None]
    ),
}


def heavy_tailed(excess_kurtosis: float, n: int, rng: np.random.Generator) -> Floats:
    """Draw independent entries of variance 0.1 and a stated excess kurtosis, Student's t."""
    freedom = 4 + 6 / excess_kurtosis
    scale = np.sqrt(0.1 * (freedom - 2) / freedom)
    return scale * rng.standard_t(freedom, (n, SIZE, SIZE))


def scattered(cv: float, n: int, rng: np.random.Generator) -> Floats:
    """Draw members of the law, each scaled by a lognormal factor of a stated scatter."""
    return np.exp(cv * rng.standard_normal((n, 1, 1))) * LAWS[BIPARTITE].sample(n, rng)


def pulled(share: float, n: int, rng: np.random.Generator) -> Floats:
    """Draw Gaussian members whose singular values are pulled towards their mean by a share."""
    u, s, vt = np.linalg.svd(rng.standard_normal((n, SIZE, SIZE)))
    s = (1 - share) * s + share * s.mean(axis=1, keepdims=True)
    return np.asarray((u * s[:, None, :]) @ vt)


def labelled(size: float, n: int, rng: np.random.Generator) -> Floats:
    """Draw independent entries of variance 1 with fixed row means of a stated SD."""
    means = np.linspace(-1, 1, SIZE)
    return rng.standard_normal((n, SIZE, SIZE)) + (size * means / means.std())[:, None]


FALSE = {
    "excess kurtosis 0.1": partial(heavy_tailed, 0.1),
    "excess kurtosis 1": partial(heavy_tailed, 1.0),
    "scale scattered by 3 %": partial(scattered, 0.03),
    "scale scattered by 10 %": partial(scattered, 0.1),
    "singular values pulled by 5 %": partial(pulled, 0.05),
    "singular values pulled by 15 %": partial(pulled, 0.15),
    "row means scattered by 0.1": partial(labelled, 0.1),
    "row means scattered by 0.3": partial(labelled, 0.3),
}


def one_ensemble(
    seed: int, kind: str, n_members: int, n_matrices: int, n_ensembles: int, n_omnibus: int
) -> pd.DataFrame:
    """Test one ensemble: a row an invariant, and one of the omnibus test."""
    rng = np.random.default_rng([seed, n_members, *kind.encode()])
    name = kind if kind in LAWS else BIPARTITE
    draw = LAWS[kind].sample if kind in LAWS else FALSE[kind]
    matrices = draw(n_members, rng)
    side = "rows" if name == ONE_SIDED else None
    law = moments(name, SHAPE, side, catalogue("published"))
    simulated = simulated_deviations(
        law.fit(matrices), law, n_members, rng, n_matrices=n_matrices, n_ensembles=n_ensembles
    )
    found = deviations(matrices, law)
    family = judge(found, simulated, LEVEL)
    low, high = found.interval
    table = pd.DataFrame(
        {
            "invariant": law.names,
            "alone": family.p <= LEVEL,
            "adjusted": family.p_adjusted <= LEVEL,
            "covers": (low <= 0) & (high >= 0),
            "detectable": family.detectable,
            "deviation": found.deviation,
        }
    )
    p = omnibus(matrices, law.fit, n_omnibus, rng).p
    return table.assign(seed=seed, omnibus=p <= LEVEL)


def summary(
    pool: Executor, kind: str, n_members: int, n_studies: int, settings: dict[str, int]
) -> dict[str, object]:
    """Sum up the ensembles of one kind and size."""
    one = partial(one_ensemble, kind=kind, n_members=n_members, **settings)
    found = pd.concat(pool.map(one, range(n_studies), chunksize=4))
    by_seed, by_invariant = found.groupby("seed"), found.groupby("invariant", sort=False)
    alone, adjusted = by_invariant["alone"].mean(), by_invariant["adjusted"].mean()
    return {
        "ensembles": kind,
        "members": n_members,
        "studies": n_studies,
        "family": by_seed["adjusted"].any().mean(),
        "alone_mean": alone.mean(),
        "alone_lowest": alone.min(),
        "alone_highest": alone.max(),
        "covered_mean": by_invariant["covers"].mean().mean(),
        "covered_lowest": by_invariant["covers"].mean().min(),
        "omnibus": by_seed["omnibus"].first().mean(),
        "sees_most": adjusted.idxmax(),
        "sees_most_share": adjusted.max(),
        "sees_most_deviation": by_invariant["deviation"].median()[adjusted.idxmax()],
        "detectable": by_invariant["detectable"].median()[adjusted.idxmax()],
    }


def main() -> None:
    """Run the study, print its table, write it if asked to, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer ensembles, under 50 s")
    parser.add_argument("--csv", help="write the table to this file")
    options = parser.parse_args()
    settings = {"n_matrices": 1000, "n_ensembles": 499, "n_omnibus": 19}
    members, level, power = (20, 100, 1000), 1000, 200
    if options.quick:
        members, level, power = (20, 100), 20, 10
        settings = {"n_matrices": 500, "n_ensembles": 199, "n_omnibus": 19}
    rows = []
    with ProcessPoolExecutor() as pool:
        for kinds, n_studies in ((LAWS, level), (FALSE, power)):
            for kind in kinds:
                # With 1000 members all of these are found.
                for n in members if kinds is LAWS else members[:2]:
                    rows.append(summary(pool, kind, n, n_studies, settings))
    table = pd.DataFrame(rows)
    if options.csv:
        table.round(4).to_csv(options.csv, index=False)
    print(table.round(3).to_string())
    figures = {
        f"{row['ensembles']}, {row['members']} members: {name}": round(float(row[name]), 4)
        for row in rows
        for name in ("family", "omnibus", "alone_mean", "covered_mean")
    }
    print(json.dumps({"level_ensembles": level, "power_ensembles": power, **figures}))


if __name__ == "__main__":
    main()
