"""A network of odd layers, from its file to the tables of its spectra."""

import logging

import numpy as np
import pytest
import torch
from support.stored_network import random

from weightlaws.errors import WeightLawsError
from weightlaws.external.import_job import import_network
from weightlaws.spectra.null_job import store_null
from weightlaws.spectra.spectra_job import condition_tables
from weightlaws.spectra.spectra_shard_job import analyse_shard

N = 24
ODD = {
    "zero": torch.zeros(N, N),
    "constant": torch.full((N, N), 0.5),
    "low_rank": random(N, 3) @ random(3, N),
    "equal_columns": random(N, 1).expand(N, N).contiguous(),
    "identity": torch.eye(N),
    "one_entry": torch.eye(N) * (torch.arange(N) == 3),
    "dead_rows": random(N, N) * (torch.arange(N) > 5)[:, None],
    "subnormal": random(N, N) * 1e-40,
    "large": random(N, N) * 1e30,
    "usual": random(N, N),
}
BAD = random(N, N)
BAD[2, 3] = torch.nan


def imported(folder, tensors):
    torch.save({f"{name}.weight": tensor for name, tensor in tensors.items()}, folder / "a.pt")
    weights = {"source": str(folder / "a.pt"), "epochs": 0, "code": "w"}
    import_network(folder / "weights.h5", {**weights, "members": [0, 0]})
    return weights


@pytest.mark.filterwarnings("error")
def test_odd_layers_do_not_end_the_analysis_of_a_network(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "weightlaws"):
        weights = imported(tmp_path, {**ODD, "bad": BAD})
    assert "bad is left out: 1 of 576 weights NaN or infinite" in caplog.text
    assert "layers hold" in caplog.text
    store_null(tmp_path / "null.h5", {"shape": [N, N], "matrices": 30, "seed": 3, "code": "n"})
    spec = {
        "weights": weights,
        "seed": 3,
        "epochs": [0],
        "permutations": 3,
        "sign_flips": 9,
        "bootstrap_replicates": 10,
        "goodness_of_fit_replicates": 0,
        "code": "s",
    }
    path, nulls = tmp_path / "spectra.h5", [tmp_path / "null.h5"]
    analyse_shard(path, {**spec, "members": [0, 0]}, tmp_path / "weights.h5", nulls)
    stored = {"spectra": spec, "members": 1, "seed": 3, "code": "t"}
    tables = condition_tables([path], nulls, stored, "a")
    table = tables["statistics"]
    assert [*table["layer"].unique()] == [*ODD]
    values = table.drop_duplicates(["layer", "statistic"]).set_index(["layer", "statistic"])
    learned = values["value"].xs("learned_rank", level=1)
    assert np.isnan(learned["zero"])
    assert learned[["constant", "low_rank", "equal_columns"]].tolist() == [1, 3, 1]
    assert values["value"].xs("zero_rows", level=1)["dead_rows"] == 6
    # Where singular values are equal or 0 to rounding, nothing is said of their levels.
    for layer in ("zero", "constant", "low_rank", "equal_columns", "identity", "one_entry"):
        assert np.isnan(values["value"][layer, "mean_ratio"])
        assert values["note"][layer, "mean_ratio"]
    for layer in ("usual", "subnormal", "large"):
        assert 0.3 < values["value"][layer, "mean_ratio"] < 0.8
    ranks = tables["ranks"].query("layer == 'low_rank'")["singular_value"]
    assert (ranks > 0).tolist() == [True] * 3 + [False] * (N - 3)


def test_a_network_whose_layers_are_all_not_finite_is_refused(tmp_path):
    with pytest.raises(WeightLawsError, match="layer bad: found 1 of 576 weights NaN or infinite"):
        imported(tmp_path, {"bad": BAD})
    assert not (tmp_path / "weights.h5").exists()
