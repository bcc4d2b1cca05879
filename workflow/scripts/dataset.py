"""Store a data set's splits in one checked file."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.storage import hdf5
from weightlaws.training.dataset import load_dataset

with job_log(snakemake):
    spec = snakemake.params.spec
    splits = load_dataset(spec["dataset"], Path(snakemake.config["data"]))
    with hdf5.create(Path(snakemake.output[0]), "dataset", spec) as writer:
        for name, values in splits.items():
            writer.add(name, values)
