"""Test the invariants of one condition against its laws, by parametric bootstrap."""

from pathlib import Path

from weightlaws.inference.significance_job import significance_tables
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards = [Path(path) for path in snakemake.input]
    out, condition = snakemake.output, snakemake.wildcards.condition
    tests, misses = significance_tables(shards, snakemake.params.spec, condition)
    tests.to_csv(out.tests, index=False)
    misses.to_csv(out.misses, index=False)
