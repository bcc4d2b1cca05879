"""Analyse the spectra of one shard's weight matrices."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.spectra.spectra_shard_job import analyse_shard

with job_log(snakemake):
    nulls = [Path(path) for path in snakemake.input.nulls]
    weights = Path(snakemake.input.weights)
    analyse_shard(Path(snakemake.output[0]), snakemake.params.spec, weights, nulls)
