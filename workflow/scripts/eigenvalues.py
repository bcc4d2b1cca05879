"""Find the eigenvalues of one condition's square matrices, and of draws of its laws."""

from pathlib import Path

from weightlaws.inference.eigenvalues_job import eigenvalues_tables
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards, out = [Path(path) for path in snakemake.input], snakemake.output
    shares, plane = eigenvalues_tables(shards, snakemake.params.spec, snakemake.wildcards.condition)
    shares.to_csv(out.shares, index=False)
    plane.to_csv(out.plane, index=False)
