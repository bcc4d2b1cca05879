"""Conditions: ensembles that are trained here, ensembles from elsewhere, and single networks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field, ValidationInfo, model_validator

from weightlaws.arrays import Shapes, Side
from weightlaws.errors import WeightLawsError
from weightlaws.external.selection import Selection
from weightlaws.study.data_sets import DataSet
from weightlaws.study.messages import shown
from weightlaws.study.section import Name, Section
from weightlaws.study.sections import MOST_EPOCHS, Analysis, Epoch
from weightlaws.training.dataset import DatasetInfo
from weightlaws.training.engine import Activation, Optimiser
from weightlaws.training.networks import layer_shapes, square_layers

Size = Annotated[int, Field(ge=2, le=1_000_000_000)]
Shape = Annotated[tuple[Size, Size], Field(strict=False)]
Text = Annotated[str, Field(min_length=1)]
Patterns = Annotated[list[Text], Field(max_length=1000, default=[])]
LayerName = Annotated[str, Field(min_length=1, max_length=200)]
LabelledSide = Literal["rows", "columns", "none"]
Given = TypeVar("Given", bound="Elsewhere")


@dataclass(frozen=True)
class Condition:
    """Everything that fixes an ensemble except the seed, and how large it is.

    Attributes
    ----------
    data, hidden, initialisation, weight_decay
        Where images come from, widths of the hidden layers, the initial law, and strength of the
        penalty.
    output_scale
        See `engine.Recipe`; None for the network itself.
    classes
        The number of the data set's first classes that are learned; None for all.
    optimiser, activation, biases
        See `engine.Recipe`.
    learning_rate, batch_size
        See `engine.Recipe`; None for the study's.
    label_noise
        Share of the training images whose labels are shuffled.
    members
        Number of networks.
    snapshots
        Epochs whose square matrices are kept; None for the study's.
    analyses
        Analyses of the weights.
    """

    data: DataSet = field(hash=False)  # it has lists
    hidden: tuple[int, ...]
    initialisation: str
    weight_decay: float
    output_scale: float | None = None
    _: KW_ONLY
    classes: int | None = None
    optimiser: Optimiser = "adam"
    activation: Activation = "relu"
    learning_rate: float | None = None
    batch_size: int | None = None
    biases: bool = False
    label_noise: float = 0.0
    members: int
    snapshots: Literal["auto", "all"] | int | tuple[int, ...] | None = None
    analyses: tuple[Analysis, ...] = ("models", "spectra")

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return self.data.stored_name

    @property
    def images(self) -> str:
        """Name of the images that are learned: ``mnist``, or ``mnist-2classes`` of some classes."""
        return self.dataset if self.classes is None else f"{self.dataset}-{self.classes}classes"

    @property
    def stored_images(self) -> str:
        """Name of the file of images: `images`, or ``mnist-noise0.5`` of shuffled labels."""
        return self.images if not self.label_noise else f"{self.images}{self._noise}"

    @property
    def architecture(self) -> str:
        """Images and hidden widths: ``mnist-10x10x10``, ``mnist-2classes-10x10x10``."""
        return f"{self.images}-{'x'.join(map(str, self.hidden))}"

    @property
    def name(self) -> str:
        """Readable and unique: ``mnist-10x10-gaussian-decay0.01``, ``...-decay0-alpha4-sgd-tanh``.

        What is as published, or the study's, is no part of it.
        """
        parts = {
            f"-alpha{_number(self.output_scale or 0)}": self.output_scale is not None,
            f"-{self.optimiser}": self.optimiser != "adam",
            f"-{self.activation}": self.activation != "relu",
            f"-rate{_number(self.learning_rate or 0)}": self.learning_rate is not None,
            f"-batch{self.batch_size}": self.batch_size is not None,
            "-biases": self.biases,
            self._noise: self.label_noise > 0,
        }
        plain = f"{self.architecture}-{self.initialisation}-decay{_number(self.weight_decay)}"
        return plain + "".join(part for part, named in parts.items() if named)

    @property
    def _noise(self) -> str:
        return f"-noise{_number(self.label_noise)}"

    @property
    def shapes(self) -> Shapes:
        """Shapes (out, in) of all weight matrices, by layer."""
        return layer_shapes(self.info.inputs, self.hidden, self.info.classes)

    @property
    def info(self) -> DatasetInfo:
        """Facts about the images that are learned."""
        info = self.data.info
        return info if self.classes is None else info.part(self.classes)

    @property
    def square_layers(self) -> Shapes:
        """The layers that the 13-parameter law can describe, with their shapes (out, in)."""
        return square_layers(self.shapes)

    @property
    def sides(self) -> dict[str, Side | None]:
        """Labelled sides that layers' names do not tell: none."""
        return {}


def by_architecture(conditions: Mapping[str, Condition]) -> dict[str, list[str]]:
    """Return the names of conditions by architecture; a figure shows them side by side."""
    architectures: dict[str, list[str]] = {}
    for name, condition in conditions.items():
        architectures.setdefault(condition.architecture, []).append(name)
    return architectures


def by_recipe(conditions: Mapping[str, Condition]) -> dict[str, list[str]]:
    """Return the names of conditions that differ in learning rate and batch size alone.

    Each group has the name that its condition with the study's values has, or would have.
    """
    return _alike(conditions, lambda c: replace(c, learning_rate=None, batch_size=None))


def comparisons(conditions: Mapping[str, Condition]) -> dict[str, list[list[str]]]:
    """Return what conditions can be compared by, with the groups of names that are compared.

    ``width`` and ``weight decay`` have groups that differ in nothing else; of widths only those of
    as many hidden layers, all of one width. ``layer`` has each condition with two or more square
    layers, in a group of its own. What has no group is left out.
    """
    one_width = {name: c for name, c in conditions.items() if len({*c.hidden}) == 1}
    deep = [[name] for name, c in conditions.items() if len(c.square_layers) > 1]
    found = {
        "width": [*_alike(one_width, lambda c: replace(c, hidden=(1,) * len(c.hidden))).values()],
        "weight decay": [*_alike(conditions, lambda c: replace(c, weight_decay=0.0)).values()],
        "layer": deep,
    }
    return {kind: groups for kind, groups in found.items() if groups}


def by_classes(conditions: Mapping[str, Condition]) -> dict[str, list[str]]:
    """Return the names of conditions that differ in the number of classes alone, by the whole's."""
    return _alike(conditions, lambda c: replace(c, classes=None))


def _alike(
    conditions: Mapping[str, Condition], neutral: Callable[[Condition], Condition]
) -> dict[str, list[str]]:
    """Group the names of conditions that are alike once something is made neutral.

    A group has two or more, and the name of what they are then.
    """
    groups: dict[str, list[str]] = {}
    for name, condition in conditions.items():
        groups.setdefault(neutral(condition).name, []).append(name)
    return {name: names for name, names in groups.items() if len(names) > 1}


def by_noisy_images(conditions: Iterable[Condition]) -> dict[str, Condition]:
    """Return a condition of each file of images with shuffled labels, by the file's name."""
    return {each.stored_images: each for each in conditions if each.label_noise}


class Elsewhere(Section):
    """What a configuration says of networks that were trained elsewhere."""

    WHERE: ClassVar[str]
    """The key that says where they are."""
    name: Name | None = None
    """Name in results; that of the file or folder if not given."""
    include: Patterns
    """Patterns of layers' names, such as encoder.*; if there are any, only these are layers."""
    exclude: Patterns
    """Patterns of layers that are left out."""
    state_dict: Text | None = None
    """Where in a file with several state dicts the network is, as a path of keys: model.ema."""

    @property
    def where(self) -> str:
        """Where they are, as the configuration says it."""
        return str(getattr(self, self.WHERE))

    @property
    def selection(self) -> Selection:
        """The layers that are asked for."""
        return Selection(tuple(self.include), tuple(self.exclude), self.state_dict)


class Network(Elsewhere):
    """What a configuration says of a single network: a path, or these keys."""

    WHERE = "source"

    source: Text
    """Path of a file or folder; or torchvision: and the name of one of its models."""


class Networks(Elsewhere):
    """What a configuration says of an ensemble: a path, or these keys."""

    WHERE = "path"

    path: Text
    """Path of a file or folder, or a pattern of the paths of files with {member}, and of
    trajectories {epoch}, in the places of numbers."""
    epoch: Epoch | None = None
    """Epoch of the checkpoint that is taken of each member, where a member has several; the last
    if not given."""
    layout: Text | None = None
    """Path of the table that says where in a row of flattened weights each layer is."""
    layers: Annotated[dict[Text, LayerName], Field(max_length=1000, default={})]
    """New names of layers, by patterns of which each matches one: {"fc1": input-hidden1}. Layers
    named as input-hidden1, hidden1-hidden2, ..., hidden3-output have a law together."""
    labelled: Annotated[dict[LayerName, LabelledSide], Field(max_length=1000, default={})]
    """The side of a layer's matrices whose labels mean something, as pixels or classes do: rows,
    columns or none. If it is not said, columns of input-... and rows of ...-output."""

    @property
    def selection(self) -> Selection:
        """The layers that are asked for, and their names."""
        return replace(super().selection, renamed=tuple(self.layers.items()))


class Imported(Networks):
    """An ensemble of networks that were trained elsewhere, as the record of a study has it.

    The values beside those of a configuration are found in the file or folder.
    """

    name: Name
    """Name in results."""
    members: Annotated[int, Field(ge=2, le=1_000_000)]
    """Number of networks."""
    epochs: Annotated[list[Epoch], Field(min_length=1, default=[0])]
    """Epochs of each network, ascending; 0 alone where there is one."""
    shapes: Annotated[dict[str, Shape], Field(min_length=1)]
    """Shapes (out, in) of all weight matrices, by layer."""

    @model_validator(mode="before")
    @classmethod
    def _of_entry(cls, value: object, info: ValidationInfo) -> object:
        if _is_record(info):
            return value
        stated = {}
        if isinstance(value, dict):  # the record of a study is a configuration, too
            stated = {key: value[key] for key in ("members", "epochs", "shapes") if key in value}
            value = {key: each for key, each in value.items() if key not in stated}
        entry = _entry(Networks, value, "networks/ensemble.h5")
        # Readers of files are slow to import.
        from weightlaws.external.ensembles import describe

        with _refused(entry.path):
            found = describe(
                entry.path,
                selection=entry.selection,
                epoch=entry.epoch,
                layout=entry.layout,
                name=entry.name,
            )
        shapes = {layer: [*shape] for layer, shape in found.shapes.items()}
        there = {"members": found.members, "epochs": found.epochs, "shapes": shapes}
        if unknown := [layer for layer in entry.labelled if layer not in shapes]:
            raise ValueError(
                f"found labelled {unknown[0]}, expected a layer of {entry.path}: "
                f"{', '.join([*shapes][:10])}; correct the name"
            )
        if found.epochs[-1] > MOST_EPOCHS:
            raise ValueError(
                f"found epoch {found.epochs[-1]} in {entry.path}, expected at most "
                f"{MOST_EPOCHS:,}; number epochs, not steps"
            )
        for key, expected in stated.items():
            if there[key] != expected:
                raise ValueError(
                    f"found {key} {shown(there[key])} in {entry.path}, expected "
                    f"{shown(expected)}, as stated beside it; leave {key} out"
                )
        return {**entry.model_dump(), **there, "name": found.name}

    @property
    def architecture(self) -> str:
        """The ensemble's name, as its relation to others is not known."""
        return self.name

    @property
    def square_layers(self) -> Shapes:
        """The layers that the 13-parameter law can describe, with their shapes (out, in)."""
        squares = square_layers(self.shapes, self.sides)
        return {name: shape for name, shape in squares.items() if shape[0] > 3}

    @property
    def sides(self) -> dict[str, Side | None]:
        """The labelled sides that are stated."""
        return {layer: None if side == "none" else side for layer, side in self.labelled.items()}

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """Analyses of the weights; models only where a law can describe a layer."""
        return ("models", "spectra") if self.square_layers else ("spectra",)

    @property
    def doubts(self) -> list[str]:
        """What hints that members are not independent networks, or not alike."""
        from weightlaws.external.ensembles import doubts

        return doubts(self.path, epoch=self.epoch, layout=self.layout)

    def files(self, shard: "Shard") -> list[Path]:
        """Return the files that a shard is read from."""
        from weightlaws.external.ensembles import member_files

        return member_files(
            self.path, shard.first, shard.last, epoch=self.epoch, layout=self.layout
        )


class Checkpoint(Network):
    """A single network that was trained elsewhere, as the record of a study has it.

    The layers are known once the network is read.
    """

    name: Name
    """Name in results."""

    @model_validator(mode="before")
    @classmethod
    def _of_entry(cls, value: object, info: ValidationInfo) -> object:
        if _is_record(info):
            return value
        entry = _entry(Network, value, "networks/model.safetensors")
        from weightlaws.external.networks import checkpoint_name, layer_shapes, source_file

        with _refused(entry.source):
            # Models of torchvision are looked into by `check_model`.
            if source_file(entry.source) is not None:
                layer_shapes(entry.source, selection=entry.selection)
            name = entry.name or checkpoint_name(entry.source)
        return {**entry.model_dump(), "name": name}

    @property
    def members(self) -> int:
        """One."""
        return 1

    def files(self, _: "Shard") -> list[Path]:
        """Return the files that it is read from, if there are any."""
        from weightlaws.external.formats.detect import files_of
        from weightlaws.external.networks import source_file

        file = source_file(self.source)
        return [] if file is None else files_of(file)

    def check_model(self) -> None:
        """Look whether torchvision has the model, and the model the layers that are asked for.

        A file has been looked into. torchvision takes seconds to import, so that not every start
        does it.

        Raises
        ------
        WeightLawsError
            If torchvision, the model, or a layer that a pattern matches is not there.
        """
        from weightlaws.external.networks import layer_shapes, source_file

        if source_file(self.source) is None:
            layer_shapes(self.source, selection=self.selection)


#: Ensembles, to which laws can be fitted.
Ensemble = Condition | Imported


@contextmanager
def _refused(source: str) -> Iterator[None]:
    """Turn errors of a network's files into ones of the configuration."""
    try:
        yield
    except WeightLawsError as error:
        raise ValueError(str(error)) from None
    except OSError as error:
        raise ValueError(
            f"found {shown(source)}, which cannot be opened ({error.strerror}), expected a path to "
            "read"
        ) from None


def _is_record(info: ValidationInfo) -> bool:
    """Whether the record of a study is read, whose networks need not be there any more."""
    return bool(info.context and info.context["recorded"])


def _entry(kind: type[Given], value: object, example: str) -> Given:
    """Read a path, or a mapping with it."""
    if isinstance(value, str) and value:
        return kind.model_validate({kind.WHERE: value})
    if not value or not isinstance(value, dict):
        raise ValueError(
            f"found {shown(value)}, expected a path in quotes, such as {example}, or a mapping "
            f"with the key {kind.WHERE}"
        )
    return kind.model_validate(value)


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
