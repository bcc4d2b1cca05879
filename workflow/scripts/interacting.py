"""Fit interacting laws to the layers of one condition."""

from pathlib import Path

from weightlaws.inference.interacting_job import interacting_tables
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards, out = [Path(path) for path in snakemake.input], snakemake.output
    couplings, scores, predictions = interacting_tables(
        shards, snakemake.params.spec, snakemake.wildcards.condition
    )
    couplings.to_csv(out.couplings, index=False)
    scores.to_csv(out.scores, index=False)
    predictions.to_csv(out.predictions, index=False)
