"""Store the weights of one shard of an ensemble that was trained elsewhere."""

from pathlib import Path

from weightlaws.external.import_job import import_shard
from weightlaws.jobs import job_log

with job_log(snakemake):
    import_shard(Path(snakemake.output[0]), snakemake.params.spec)
