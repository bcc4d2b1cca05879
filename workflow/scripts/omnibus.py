"""Test one condition's laws as a whole."""

from pathlib import Path

from weightlaws.inference.omnibus_job import omnibus_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    table = omnibus_table(shards, snakemake.params.spec, snakemake.wildcards.condition)
    table.to_csv(snakemake.output[0], index=False)
