"""What a study asks for: its typed configuration, its conditions and its shards."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from weightlaws.datasets import DATASETS
from weightlaws.networks import Shapes, layer_shapes, square_layers

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Epoch = Annotated[int, Field(ge=0)]
Snapshots = Literal["all"] | Annotated[int, Field(ge=1)] | list[Epoch]


class StudyError(ValueError):
    """A configuration that is not a study; the message names each key and what it may hold."""


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Sweep(_Section):
    """A grid of conditions over one data set: hidden widths x initialisations x weight decays."""

    dataset: Literal["digits", "mnist", "fashion-mnist", "cifar10"]
    """Images to learn; all but `digits` come through torchvision from the folder `data`."""
    hidden: Annotated[list[Annotated[list[Width], Field(min_length=1)]], Field(min_length=1)]
    """Widths of the hidden layers of each network, such as [[10, 10, 10]]."""
    initialisations: Annotated[list[Literal["gaussian", "uniform"]], Field(min_length=1)]
    """Initial laws: N(0, 1/fan_in) or U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    weight_decays: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    """Strengths of the L2 penalty that Adam adds to the gradient."""

    @field_validator("hidden")
    @classmethod
    def _layers_can_be_modelled(cls, hidden: list[list[int]]) -> list[list[int]]:
        for widths in hidden:
            squares = square_layers(layer_shapes(1, widths, 10))
            small = [name for name, (size, _) in squares.items() if size <= 3]
            if small:
                raise ValueError(
                    f"{widths} makes {' and '.join(small)} {squares[small[0]][0]} wide, but the "
                    "13-parameter model needs square weight matrices wider than 3"
                )
            if not squares:
                raise ValueError(
                    f"{widths} has no square weight matrix after the input, so nothing to model; "
                    "give two neighbouring hidden layers one width, or the last one the width 10"
                )
        return hidden


class Statistics(_Section):
    """How many simulations and resamplings stand behind the error bars and tests, and where."""

    headline_epochs: list[Epoch]
    """Epochs whose laws are tested; those after the last epoch are passed over, the last is always
    one."""
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)]
    """Expected share of false ones among the invariants that are called deviating."""
    bootstrap_replicates: Annotated[int, Field(ge=50, le=100_000)]
    """Resamplings of the members behind each standard error."""
    simulated_matrices: Annotated[int, Field(ge=100, le=10_000_000)]
    """Matrices drawn from a fitted law, of which ensembles are made to test it."""
    simulated_ensembles: Annotated[int, Field(ge=100, le=10_000_000)]
    """Ensembles made of them; no p-value is below 2 over this number."""
    randomisations: Annotated[int, Field(ge=99, le=1_000_000)]
    """Randomised ensembles behind each test of a symmetry."""
    folds: Annotated[int, Field(ge=2, le=1000)]
    """Parts of an ensemble that are held out in turn to compare laws."""
    noise_floor_draws: Annotated[int, Field(ge=20, le=1_000_000)]
    """Simulated ensembles behind the noise floor of each distance."""


class Figures(_Section):
    """How the figures look."""

    panel_width: Annotated[float, Field(gt=0, le=20)]
    """Width of one panel in inches."""
    font_scale: Annotated[float, Field(gt=0, le=5)]
    """Size of all text relative to the default."""


class Study(_Section):
    """One configuration file: what to train, how, and what to make of it."""

    name: Name
    """Name of the study and of its folder under results/; studies that share it share weights."""
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    """Seed of everything random; with a member's number it fixes that member."""
    members: Annotated[int, Field(ge=2, le=1_000_000)]
    """Networks of each condition."""
    shard_size: Annotated[int, Field(ge=1, le=100_000)]
    """Networks that one job trains together and one file holds."""
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    """Passes over the training images."""
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    """Images in one step of the optimiser."""
    learning_rate: Annotated[float, Field(gt=0, le=1000)]
    """Step size of Adam."""
    snapshots: Snapshots
    """Epochs whose square matrices are kept: all, every k-th, or a list; always 0 and the last."""
    rectangular_snapshots: list[Epoch]
    """Epochs whose other matrices are kept too, such as the input layer's; always 0 and the last,
    and those after the last epoch are passed over."""
    device: Literal["auto", "cpu", "cuda"]
    """Where to train; auto takes a CUDA device if there is one."""
    data: Annotated[str, Field(min_length=1)]
    """Folder where torchvision finds its data sets, or downloads them to."""
    invariants: Literal["published", "complete"]
    """Which invariants to evaluate: I1 to I52, or all 361 of degree 1 to 4."""
    statistics: Statistics
    """How error bars and tests are made."""
    figures: Figures
    """How the figures look; changes no number."""
    sweeps: Annotated[list[Sweep], Field(min_length=1)]
    """What to train; conditions that two sweeps share are trained once."""

    @field_validator("snapshots")
    @classmethod
    def _snapshots_exist(cls, snapshots: Snapshots, info: ValidationInfo) -> Snapshots:
        epochs = info.data.get("epochs", 0)
        if isinstance(snapshots, list) and max(snapshots, default=0) > epochs:
            raise ValueError(f"epoch {max(snapshots)} comes after the last epoch, {epochs}")
        return snapshots

    @model_validator(mode="after")
    def _tests_have_data(self) -> Self:
        kept, folds = self.snapshot_epochs, self.statistics.folds
        lost = [epoch for epoch in self.headline_epochs if epoch not in kept]
        if lost:
            raise ValueError(
                f"statistics.headline_epochs: found {lost}, of which no snapshot is kept; "
                f"name some of {kept}, or keep more snapshots"
            )
        if self.members < folds:
            raise ValueError(
                f"statistics.folds: found {folds}, expected at most {self.members}, as many as "
                "there are members"
            )
        return self

    @property
    def snapshot_epochs(self) -> list[int]:
        """Epochs whose weights are kept, ascending, from 0 to the last."""
        if self.snapshots == "all":
            kept: set[int] = set(range(self.epochs + 1))
        elif isinstance(self.snapshots, int):
            kept = set(range(0, self.epochs + 1, self.snapshots))
        else:
            kept = set(self.snapshots)
        return sorted(kept | {0, self.epochs})

    @property
    def headline_epochs(self) -> list[int]:
        """Epochs whose laws are tested, ascending, to the last."""
        return self._up_to_the_last(self.statistics.headline_epochs)

    def _up_to_the_last(self, epochs: list[int]) -> list[int]:
        return sorted({epoch for epoch in epochs if epoch < self.epochs} | {self.epochs})

    def layer_snapshots(self, condition: "Condition") -> dict[str, list[int]]:
        """Epochs whose weights are kept, ascending, by layer."""
        rectangular = self._up_to_the_last([0, *self.rectangular_snapshots])
        return {
            layer: self.snapshot_epochs if layer in condition.square_layers else rectangular
            for layer in condition.shapes
        }

    @property
    def conditions(self) -> "dict[str, Condition]":
        """All conditions by name, in the order of the sweeps, each once."""
        grid = (
            Condition(sweep.dataset, tuple(widths), initialisation, decay)
            for sweep in self.sweeps
            for widths in sweep.hidden
            for initialisation in sweep.initialisations
            for decay in sweep.weight_decays
        )
        return {condition.name: condition for condition in grid}

    @property
    def shards(self) -> "list[Shard]":
        """The ranges of members that are trained together, the same for every condition."""
        return [
            Shard(first, min(first + self.shard_size, self.members) - 1)
            for first in range(0, self.members, self.shard_size)
        ]


@dataclass(frozen=True)
class Condition:
    """Everything that fixes an ensemble except the seed."""

    dataset: str
    hidden: tuple[int, ...]
    initialisation: str
    weight_decay: float

    @property
    def architecture(self) -> str:
        """Data set and hidden widths, such as ``mnist-10x10x10``."""
        return f"{self.dataset}-{'x'.join(map(str, self.hidden))}"

    @property
    def name(self) -> str:
        """Readable and unique, such as ``mnist-10x10x10-gaussian-decay0.01``."""
        return f"{self.architecture}-{self.initialisation}-decay{_number(self.weight_decay)}"

    @property
    def shapes(self) -> Shapes:
        """Shapes (out, in) of all weight matrices, by layer."""
        info = DATASETS[self.dataset]
        return layer_shapes(info.inputs, self.hidden, info.classes)

    @property
    def square_layers(self) -> Shapes:
        """The layers that the 13-parameter law can describe, with their shapes (out, in)."""
        return square_layers(self.shapes)


@dataclass(frozen=True)
class Shard:
    """A contiguous range of members of one condition, first and last included."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """File name without its ending, such as ``25-49``."""
        return f"{self.first}-{self.last}"


def _number(value: float) -> str:
    """Write a number in the one form that names use: 0, 0.01, 1e-05."""
    text = repr(float(value) + 0.0)  # adding 0.0 makes -0.0 the same number as 0.0
    return text.removesuffix(".0")


def parse_study(config: Mapping[str, Any]) -> Study:
    """Read a configuration, as Snakemake merged it, into a study.

    Raises
    ------
    StudyError
        With one line for each key that is unknown, missing, of a wrong type or impossible.
    """
    try:
        # By way of JSON, as YAML's mappings and Snakemake's ordered ones are one thing to a study;
        # what YAML takes for a date is text.
        return Study.model_validate(json.loads(json.dumps(dict(config), default=str)))
    except ValidationError as error:
        lines = [_complaint(problem) for problem in error.errors()]
    except (TypeError, ValueError) as error:
        lines = [f"  {error}"]
    raise StudyError(
        "the configuration is not a study:\n"
        + "\n".join(lines)
        + "\nCorrect these keys in the configuration file or after --config; config.yaml "
        "and workflow/schemas/config.schema.json describe every key."
    )


def _complaint(problem: Mapping[str, Any]) -> str:
    """Say in one line what is wrong with one key: its place, what was found and what may stand."""
    key = ".".join(map(str, problem["loc"]))
    found, kind = problem["input"], problem["type"]
    value = "" if isinstance(found, dict | list) else f"found {json.dumps(found)}. "
    hint = ""
    if not problem["loc"]:
        return f"  {problem['msg'].removeprefix('Value error, ')}"
    if kind == "extra_forbidden":
        return f"  {key}: unknown key"
    if kind == "float_type" and isinstance(found, str):
        hint = " (YAML reads 1e-3 as text: write 0.001 or 1.0e-3)"
    return f"  {key}: {value}{problem['msg'].removeprefix('Value error, ')}{hint}"


def study_to_yaml(study: Study) -> str:
    """Write the resolved configuration as YAML that ``parse_study`` reads back."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, default_flow_style=None)


def schema_json() -> str:
    """Return the configuration's JSON schema, as kept in workflow/schemas/config.schema.json."""
    return json.dumps(Study.model_json_schema(), indent=2) + "\n"


def read_study(path: Path) -> Study:
    """Read a study.yaml that a run recorded."""
    return parse_study(yaml.safe_load(path.read_text()))
