"""Store the weights of one shard of an ensemble that was trained elsewhere."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.user_ensembles import import_shard

with job_log(snakemake.log[0]):
    import_shard(Path(snakemake.output[0]), snakemake.params.spec)
