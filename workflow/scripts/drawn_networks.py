"""Measure the accuracy of networks that are drawn from one condition's laws."""

from pathlib import Path

from weightlaws.inference.drawn_networks_job import drawn_networks_table
from weightlaws.jobs import job_log

with job_log(snakemake):
    shards, dataset = [Path(path) for path in snakemake.input.weights], snakemake.input.dataset
    table = drawn_networks_table(
        shards, Path(dataset), snakemake.params.spec, snakemake.wildcards.condition
    )
    table.to_csv(snakemake.output[0], index=False)
