"""Evaluate the invariants of one shard's weights."""

from pathlib import Path

from weightlaws.invariants.invariants_job import evaluate_shard
from weightlaws.jobs import job_log

with job_log(snakemake):
    evaluate_shard(Path(snakemake.output[0]), snakemake.params.spec, Path(snakemake.input.weights))
