"""Train one shard's members and store their weights."""

from pathlib import Path

from weightlaws.jobs import job_log, should_continue
from weightlaws.training.train_job import train_shard

weights = Path(snakemake.output[0])
# Beside the DAG: Snakemake neither deletes it nor asks for it.
state = weights.parents[2] / "state" / weights.parent.name / weights.name

with job_log(snakemake):
    train_shard(
        weights,
        snakemake.params.spec,
        Path(snakemake.input.dataset),
        state,
        engine=snakemake.config["engine"],
        device=snakemake.config["device"],
        threads=snakemake.threads,
        keep_state=snakemake.config["keep_state"],
        go_on=should_continue(),
    )
