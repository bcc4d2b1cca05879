"""Fit one condition's ensembles and write its tables."""

from pathlib import Path

from weightlaws.inference.model_job import write_models
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    files = {name: Path(path) for name, path in snakemake.output.items()}
    write_models(shards, snakemake.params.spec, snakemake.wildcards.condition, **files)
