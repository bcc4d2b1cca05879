"""Digests of networks: the same when they are trained anew, in whatever company."""

from dataclasses import replace

import numpy as np
import pytest
from support.project import CODE
from support.small_study import small_study, store_dataset

from weightlaws.planning.specs import training_spec
from weightlaws.storage.shard_digests import joint_digest, member_digests
from weightlaws.storage.shards import read_shard
from weightlaws.study.conditions import Shard
from weightlaws.training.train_job import train_shard


@pytest.fixture(scope="module")
def train(digits, tmp_path_factory):
    folder, study = tmp_path_factory.mktemp("digests"), small_study()
    (condition,) = study.conditions.values()
    store_dataset(folder / "dataset.h5", digits, study)

    def trained(first, last, threads=1):
        path = folder / f"{first}-{last}-{threads}.h5"
        train_shard(
            path,
            training_spec(study, condition, CODE, Shard(first, last)),
            folder / "dataset.h5",
            folder / f"state-{path.name}",
            engine="numba",
            device="cpu",
            threads=threads,
            keep_state=False,
        )
        return read_shard(path)

    return trained


def test_a_member_has_one_digest_in_any_shard(train):
    together = member_digests(train(0, 2, threads=2))
    assert member_digests(train(0, 0)) + member_digests(train(1, 2)) == together
    assert len({*together}) == 3
    assert joint_digest(together) != joint_digest(together[::-1])


@pytest.mark.parametrize("name", ["weights", "loss", "accuracy"])
def test_a_digest_tells_of_the_last_bit(train, name):
    shard = train(0, 1)
    if name == "weights":
        values = shard.weights["input-hidden1"].copy()
        changed = replace(shard, weights={**shard.weights, "input-hidden1": values})
    else:
        values = getattr(shard, name).copy()
        changed = replace(shard, **{name: values})
    assert member_digests(changed) == member_digests(shard)
    last = values[1].reshape(-1)[-1:]
    last[:] = np.nextafter(last, np.inf)
    found, expected = member_digests(changed), member_digests(shard)
    assert found[0] == expected[0]
    assert found[1] != expected[1]
