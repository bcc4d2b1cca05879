"""Conditions: ensembles that are trained here, ensembles from elsewhere, and single networks."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from weightlaws.arrays import Shapes
from weightlaws.errors import WeightLawsError
from weightlaws.study.messages import shown
from weightlaws.study.sections import Analysis, Name, Section
from weightlaws.training.dataset import dataset_info
from weightlaws.training.networks import layer_shapes, square_layers

Size = Annotated[int, Field(ge=2, le=1_000_000_000)]
Shape = Annotated[tuple[Size, Size], Field(strict=False)]
Source = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Condition:
    """Everything that fixes an ensemble except the seed, and how large it is.

    Attributes
    ----------
    dataset, hidden, initialisation, weight_decay
        The data set, widths of the hidden layers, the initial law, and strength of the penalty.
    output_scale
        See `engine.Recipe`; None for the network itself.
    classes
        The number of the data set's first classes that are learned; None for all.
    members
        Number of networks.
    snapshots
        Epochs whose square matrices are kept; None for the study's.
    analyses
        Analyses of the weights.
    """

    dataset: str
    hidden: tuple[int, ...]
    initialisation: str
    weight_decay: float
    output_scale: float | None = None
    _: KW_ONLY
    classes: int | None = None
    members: int
    snapshots: Literal["auto", "all"] | int | tuple[int, ...] | None = None
    analyses: tuple[Analysis, ...] = ("models", "spectra")

    @property
    def images(self) -> str:
        """Name of the images that are learned: ``mnist``, or ``mnist-2classes`` of some classes."""
        return self.dataset if self.classes is None else f"{self.dataset}-{self.classes}classes"

    @property
    def architecture(self) -> str:
        """Images and hidden widths: ``mnist-10x10x10``, ``mnist-2classes-10x10x10``."""
        return f"{self.images}-{'x'.join(map(str, self.hidden))}"

    @property
    def name(self) -> str:
        """Readable and unique: ``mnist-10x10-gaussian-decay0.01``, ``...-decay0-alpha4``."""
        plain = f"{self.architecture}-{self.initialisation}-decay{_number(self.weight_decay)}"
        if self.output_scale is None:
            return plain
        return f"{plain}-alpha{_number(self.output_scale)}"

    @property
    def shapes(self) -> Shapes:
        """Shapes (out, in) of all weight matrices, by layer."""
        info = dataset_info(self.dataset)
        return layer_shapes(info.inputs, self.hidden, self.classes or info.classes)

    @property
    def square_layers(self) -> Shapes:
        """The layers that the 13-parameter law can describe, with their shapes (out, in)."""
        return square_layers(self.shapes)


def by_architecture(conditions: Mapping[str, Condition]) -> dict[str, list[str]]:
    """Return the names of conditions by architecture; a figure shows them side by side."""
    architectures: dict[str, list[str]] = {}
    for name, condition in conditions.items():
        architectures.setdefault(condition.architecture, []).append(name)
    return architectures


class Imported(Section):
    """An ensemble of networks that were trained elsewhere, as the record of a study has it.

    A configuration has the path alone. The other values are found in the file or folder.
    """

    source: Source
    """Path of its file or folder."""
    name: Name
    """Name of its file or folder, in characters that results can have in their names."""
    members: Annotated[int, Field(ge=2, le=1_000_000)]
    """Number of networks."""
    shapes: Annotated[dict[str, Shape], Field(min_length=1)]
    """Shapes (out, in) of all weight matrices, by layer."""

    @model_validator(mode="before")
    @classmethod
    def _of_path(cls, value: object) -> object:
        if not isinstance(value, str) or not value:
            return _recorded(value, "networks/ensemble.h5")
        # Readers of files are slow to import.
        from weightlaws.external.ensembles import describe

        try:
            found = describe(value)
        except WeightLawsError as error:
            raise ValueError(str(error)) from None
        except OSError as error:
            raise ValueError(_unreachable(value, error)) from None
        name, members, shapes = found.name, found.members, found.shapes
        return {"source": value, "name": name, "members": members, "shapes": shapes}

    @property
    def architecture(self) -> str:
        """The ensemble's name, as its relation to others is not known."""
        return self.name

    @property
    def square_layers(self) -> Shapes:
        """The layers that the 13-parameter law can describe, with their shapes (out, in)."""
        squares = square_layers(self.shapes)
        return {name: shape for name, shape in squares.items() if shape[0] > 3}

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """Analyses of the weights; models only where a law can describe a layer."""
        return ("models", "spectra") if self.square_layers else ("spectra",)

    @property
    def doubts(self) -> list[str]:
        """What hints that members are not independent networks, or not alike."""
        from weightlaws.external.ensembles import doubts

        return doubts(self.source)

    def files(self, shard: "Shard") -> list[Path]:
        """Return the files that a shard is read from."""
        from weightlaws.external.ensembles import member_files

        return member_files(self.source, shard.first, shard.last)


class Checkpoint(Section):
    """A single network that was trained elsewhere, as the record of a study has it.

    A configuration has the source alone. The layers are known once the network is read.
    """

    source: Source
    """Path of its file, or ``torchvision:`` and the name of a model."""
    name: Name
    """Name of its file or model, in characters that results can have in their names."""

    @model_validator(mode="before")
    @classmethod
    def _of_source(cls, value: object) -> object:
        if not isinstance(value, str) or not value:
            return _recorded(value, "networks/model.safetensors")
        from weightlaws.external.networks import checkpoint_name, source_file

        try:
            source_file(value)
            return {"source": value, "name": checkpoint_name(value)}
        except WeightLawsError as error:
            raise ValueError(str(error)) from None
        except OSError as error:
            raise ValueError(_unreachable(value, error)) from None

    @property
    def members(self) -> int:
        """One."""
        return 1

    @property
    def files(self) -> list[Path]:
        """The file that it is read from, if there is one."""
        from weightlaws.external.networks import source_file

        file = source_file(self.source)
        return [] if file is None else [file]


#: Ensembles, to which laws can be fitted.
Ensemble = Condition | Imported


def _unreachable(path: str, error: OSError) -> str:
    return (
        f"found {shown(path)}, which cannot be opened ({error.strerror}), expected a path to read"
    )


def _recorded(value: object, example: str) -> object:
    if not value or not isinstance(value, dict | Section):
        raise ValueError(f"found {shown(value)}, expected a path in quotes, such as {example}")
    return value


@dataclass(frozen=True)
class Shard:
    """A contiguous range of members of one condition, first and last included."""

    first: int
    last: int

    @classmethod
    def parse(cls, name: str) -> "Shard":
        """Read the name of a shard."""
        first, last = map(int, name.split("-"))
        return cls(first, last)

    @property
    def name(self) -> str:
        """Name of its file without the suffix, such as ``25-49``."""
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return self.last - self.first + 1


def _number(value: float) -> str:
    """Write a number as names have it: 0, 0.01, 1e-05."""
    text = repr(float(value) + 0.0)  # adding 0.0 makes -0.0 the same number as 0.0
    return text.removesuffix(".0")
