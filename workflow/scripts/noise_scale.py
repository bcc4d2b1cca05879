"""Compare the laws of conditions that differ in learning rate and batch size."""

from pathlib import Path

from weightlaws.inference.noise_scale_job import noise_scale_tables
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards, out = [Path(path) for path in snakemake.input], snakemake.output
    parameters, comparisons, scalings = noise_scale_tables(
        shards, snakemake.params.spec, snakemake.wildcards.recipe
    )
    parameters.to_csv(out.parameters, index=False)
    comparisons.to_csv(out.comparisons, index=False)
    scalings.to_csv(out.scalings, index=False)
