"""Test whether the layers of one condition's networks know of each other."""

from pathlib import Path

from weightlaws.inference.network_law_job import network_law_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    table = network_law_table(shards, snakemake.params.spec, snakemake.wildcards.condition)
    table.to_csv(snakemake.output[0], index=False)
