"""One job: the images that networks of some conditions learn, from wherever they come."""

from pathlib import Path

from weightlaws.arrays import Splits
from weightlaws.errors import WeightLawsError
from weightlaws.storage.file_digest import file_digest
from weightlaws.storage.shard_specs import Spec
from weightlaws.training import own_data
from weightlaws.training.class_subset import take_classes
from weightlaws.training.dataset import load_dataset
from weightlaws.training.teacher import teacher_splits


def load_images(stored: Spec, folder: Path, file: Path | None = None) -> Splits:
    """Load the images of a ``specs.dataset_spec``.

    Parameters
    ----------
    folder
        Where torchvision keeps its data sets.
    file
        The file of a user's data set.

    Raises
    ------
    WeightLawsError
        If they cannot be loaded or are not as expected; or the file is not the one of the spec.
    """
    splits = _whole(stored, folder, file)
    return splits if stored.get("classes") is None else take_classes(splits, stored["classes"])


def _whole(stored: Spec, folder: Path, file: Path | None) -> Splits:
    if teacher := stored.get("teacher"):
        return teacher_splits(
            teacher["name"],
            inputs=teacher["inputs"],
            hidden=teacher["hidden"],
            classes=teacher["classes"],
            images=(teacher["train"], teacher["test"]),
            seed=stored["seed"],
        )
    if file is None:
        return load_dataset(stored.get("of") or stored["dataset"], folder)
    limits = stored["range"]
    splits = own_data.load(file, limits and tuple(limits))
    if (found := file_digest(file)) != stored["digest"]:
        raise WeightLawsError(
            file, f"the digest {found}", stored["digest"], "run snakemake again, as it has changed"
        )
    return splits
