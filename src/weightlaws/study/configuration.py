"""The keys of a configuration, in its order; those of its sections stand in `sections`."""

from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator

from weightlaws.study.conditions import Checkpoint, Imported
from weightlaws.study.sections import (
    MOST_EPOCHS,
    Epochs,
    Figures,
    Name,
    Section,
    Snapshots,
    Spectra,
    Statistics,
    Sweep,
)

# A string in a configuration.
_PATH = WithJsonSchema({"type": "string", "minLength": 1})

#: Conditions of all sweeps together; the published studies have some twenty.
MOST_CONDITIONS = 1000


class Configuration(Section):
    """One configuration file: what to train, how, and what to make of it."""

    name: Name
    """Name of the study and of its folder under results/; studies that share it share weights."""
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    """Seed of everything random; with a member's number it fixes that member."""
    members: Annotated[int, Field(ge=2, le=1_000_000)]
    """Networks of each condition; a sweep can have another number of them."""
    shard_size: Annotated[int, Field(ge=1, le=100_000)]
    """Networks that one job trains together and one file holds: a shard. A study has at most 20,000
    of them."""
    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
    """Passes over the training images."""
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    """Images in one step of the optimiser."""
    learning_rate: Annotated[float, Field(gt=0, le=1000)]
    """Step size of Adam."""
    snapshots: Snapshots
    """Epochs whose square matrices are kept: all, every k-th, or a list; always 0 and the last.
    auto keeps all of matrices of up to 32,768 entries, such as 160 x 160, and of larger ones those
    of statistics.headline_epochs."""
    rectangular_snapshots: Epochs
    """Epochs whose other matrices are kept too, such as the input layer's; always 0. Those after
    the last epoch are passed over."""
    device: Literal["auto", "cpu", "cuda"]
    """Where to train; auto takes a CUDA device if there is one, unless the engine is numba."""
    engine: Literal["auto", "numba", "torch"]
    """How to train: numba trains one network a thread on the processor, torch all of a shard
    together, on a CUDA device or, for comparison, the processor; auto takes torch on a CUDA device,
    else numba."""
    keep_state: bool
    """Whether to keep what is needed to train on from the last epoch, under results/<study>/state;
    without it more epochs mean training anew."""
    data: Annotated[str, Field(min_length=1)]
    """Folder where torchvision finds its data sets, or downloads them to."""
    invariants: Literal["published", "complete"]
    """Which invariants to evaluate: I1 to I52, or all 361 of degree 1 to 4."""
    statistics: Statistics
    """How error bars and tests are made."""
    spectra: Spectra
    """How singular values and vectors are compared with those of random matrices."""
    figures: Figures
    """How the figures look; changes no number."""
    sweeps: Annotated[list[Sweep], Field(max_length=1000)]
    """What to train, at most 1000 conditions; those that two sweeps share are trained once. Empty
    for a study of networks that were trained elsewhere."""
    ensembles: Annotated[list[Annotated[Imported, _PATH]], Field(max_length=1000, default=[])]
    """Paths of ensembles that were trained elsewhere: HDF5 files with an array (member, out, in)
    for each layer, or folders with a file of weights for each member."""
    checkpoints: Annotated[list[Annotated[Checkpoint, _PATH]], Field(max_length=1000, default=[])]
    """Single trained networks, whose spectra are analysed: paths of .safetensors, .pt, .pth, .bin,
    .ckpt, .h5 or .hdf5 files, or torchvision: and the name of one of its models."""

    @model_validator(mode="after")
    def _conditions_can_be_listed(self) -> Self:
        n_listed = sum(
            len(s.hidden) * len(s.initialisations) * len(s.weight_decays) * len(s.output_scales)
            for s in self.sweeps
        )
        if n_listed > MOST_CONDITIONS:
            raise ValueError(
                f"sweeps: found {n_listed:,} combinations of hidden, initialisations, "
                f"weight_decays and output_scales, expected at most {MOST_CONDITIONS:,} in all; "
                "ask for fewer, or make several studies of them"
            )
        return self
