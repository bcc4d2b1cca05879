"""Evaluate the published invariants of one shard's weights."""

from pathlib import Path

from weightlaws import storage
from weightlaws.graphs import PUBLISHED
from weightlaws.invariants import evaluate
from weightlaws.jobs import job_log
from weightlaws.shards import read_shard

with job_log(snakemake.log[0]):
    spec = snakemake.params.spec
    shard = read_shard(snakemake.input.weights, {**spec["weights"], "members": spec["members"]})
    with storage.create(Path(snakemake.output[0]), "invariants", spec) as writer:
        for layer, weights in shard.weights.items():
            writer.add(f"epochs/{layer}", shard.epochs[layer])
            writer.add(f"invariants/{layer}", evaluate(tuple(PUBLISHED.values()), weights))
