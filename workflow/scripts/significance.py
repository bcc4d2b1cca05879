"""Test the invariants of one condition against its laws, by parametric bootstrap."""

from pathlib import Path

from weightlaws.inference.significance_job import significance_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    table = significance_table(shards, snakemake.params.spec, snakemake.wildcards.condition)
    table.to_csv(snakemake.output[0], index=False)
