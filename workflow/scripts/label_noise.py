"""Store the images of a data set with some of the training labels shuffled."""

from pathlib import Path

from weightlaws.jobs import job_log
from weightlaws.storage import hdf5
from weightlaws.training.label_noise import shuffle_labels
from weightlaws.training.stored_images import read_splits

with job_log(snakemake):
    spec = snakemake.params.spec
    splits = read_splits(Path(snakemake.input[0]), spec["of"])
    # Seeded by the study and the images, so that of two shares the larger one has the other's.
    seed = [spec["seed"], *f"label_noise/{spec['dataset']}".encode()]
    with hdf5.create(Path(snakemake.output[0]), "dataset", spec) as writer:
        for name, values in shuffle_labels(splits, spec["label_noise"], seed).items():
            writer.add(name, values)
