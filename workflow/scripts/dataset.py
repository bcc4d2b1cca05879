"""Store a data set's splits in one checked file."""

from pathlib import Path

from weightlaws import storage
from weightlaws.datasets import load_dataset
from weightlaws.jobs import job_log

with job_log(snakemake):
    spec = snakemake.params.spec
    splits = load_dataset(spec["dataset"], Path(snakemake.config["data"]))
    with storage.create(Path(snakemake.output[0]), "dataset", spec) as writer:
        for name, values in splits.items():
            writer.add(name, values)
