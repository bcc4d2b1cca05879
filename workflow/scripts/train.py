"""Train one shard's members and store their weights."""

from pathlib import Path

from weightlaws.jobs import job_log, run_is_alive
from weightlaws.training_job import train_shard

with job_log(snakemake.log[0]):
    train_shard(
        Path(snakemake.output[0]),
        snakemake.params.spec,
        Path(snakemake.input.dataset),
        device=snakemake.config["device"],
        threads=snakemake.threads,
        go_on=run_is_alive(),
    )
