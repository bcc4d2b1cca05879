"""Store the images that networks learn in one checked file."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.storage import hdf5
from weightlaws.training.dataset_job import load_images

with job_log(snakemake):
    spec, own = snakemake.params.spec, [Path(path) for path in snakemake.input]
    splits = load_images(spec, Path(snakemake.config["data"]), *own)
    with hdf5.create(Path(snakemake.output[0]), "dataset", spec) as writer:
        for name, values in splits.items():
            writer.add(name, values)
