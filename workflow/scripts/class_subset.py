"""Store the images of a data set's first classes in one checked file."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.storage import hdf5
from weightlaws.training.class_subset import first_classes
from weightlaws.training.dataset import load_dataset

with job_log(snakemake):
    spec = snakemake.params.spec
    splits = load_dataset(spec["of"], Path(snakemake.config["data"]))
    with hdf5.create(Path(snakemake.output[0]), "dataset", spec) as writer:
        for name, values in first_classes(splits, spec["classes"]).items():
            writer.add(name, values)
