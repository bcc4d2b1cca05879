"""What a study asks for: its typed configuration, its conditions and its shards."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from weightlaws.datasets import DATASETS
from weightlaws.networks import Shapes, layer_shapes, square_layers
from weightlaws.sections import Epoch, Figures, Section, Snapshots, Statistics, Sweep

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]

#: Entries up to which ``snapshots: auto`` keeps a square matrix after every epoch: 181 x 181.
AUTO_ENTRIES = 2**15


class StudyError(ValueError):
    """A configuration that is not a study; the message names each key and what it may hold."""


class Study(Section):
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
    """Epochs whose square matrices are kept: all, every k-th, or a list; always 0 and the last.
    auto keeps all of matrices of up to 32,768 entries, such as 160 x 160, and of larger ones those
    of statistics.headline_epochs."""
    rectangular_snapshots: list[Epoch]
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
    figures: Figures
    """How the figures look; changes no number."""
    sweeps: Annotated[list[Sweep], Field(min_length=1)]
    """What to train; conditions that two sweeps share are trained once."""

    @model_validator(mode="after")
    def _engine_runs_on_the_device(self) -> Self:
        if self.engine == "numba" and self.device == "cuda":
            raise ValueError(
                'engine: found "numba" with device "cuda", expected device "auto" or "cpu", as '
                'numba trains on the processor; or choose engine "torch"'
            )
        return self

    @model_validator(mode="after")
    def _snapshots_exist(self) -> Self:
        places = {f"sweeps.{k}.snapshots": sweep.snapshots for k, sweep in enumerate(self.sweeps)}
        for key, snapshots in {"snapshots": self.snapshots, **places}.items():
            if isinstance(snapshots, list) and max(snapshots, default=0) > self.epochs:
                raise ValueError(
                    f"{key}: found epoch {max(snapshots)}, expected none after the last epoch, "
                    f"{self.epochs}; leave it out, or train for more epochs"
                )
        return self

    @model_validator(mode="after")
    def _sweeps_agree(self) -> Self:
        first: dict[str, Condition] = {}
        for condition in self._grid():
            other = first.setdefault(condition.name, condition)
            if self.layer_snapshots(other) != self.layer_snapshots(condition):
                found = " and ".join(json.dumps(self._asked(each)) for each in (other, condition))
                raise ValueError(
                    f"sweeps: found {condition.name} in two of them with snapshots {found}, "
                    "expected the same; leave it out of one sweep, or give both one value"
                )
        return self

    @model_validator(mode="after")
    def _tests_have_data(self) -> Self:
        for condition in self.conditions.values():
            snapshots = self.layer_snapshots(condition)
            for layer in condition.square_layers:
                kept = snapshots[layer]
                lost = [epoch for epoch in self.headline_epochs if epoch not in kept]
                if lost:
                    raise ValueError(
                        f"statistics.headline_epochs: found {lost}, of which no snapshot is kept "
                        f"in {condition.name}; name some of {kept}, or keep more snapshots there"
                    )
        folds = self.statistics.folds
        if self.members < folds:
            raise ValueError(
                f"statistics.folds: found {folds}, expected at most {self.members}, as many as "
                "there are members"
            )
        return self

    @property
    def headline_epochs(self) -> list[int]:
        """Epochs whose laws are tested, ascending, to the last."""
        return self._up_to_the_last(self.statistics.headline_epochs)

    def _up_to_the_last(self, epochs: list[int]) -> list[int]:
        return sorted({epoch for epoch in epochs if epoch < self.epochs} | {self.epochs})

    def layer_snapshots(self, condition: "Condition") -> dict[str, list[int]]:
        """Epochs whose weights are kept, ascending, by layer."""
        square, asked = condition.square_layers, self._asked(condition)
        # Not the last as such: then fewer epochs would ask for weights that were not kept.
        rectangular = sorted({0, *(e for e in self.rectangular_snapshots if e <= self.epochs)})
        return {
            layer: self._kept(asked, prod(shape)) if layer in square else rectangular
            for layer, shape in condition.shapes.items()
        }

    def _asked(self, condition: "Condition") -> Snapshots | tuple[int, ...]:
        return self.snapshots if condition.snapshots is None else condition.snapshots

    def _kept(self, asked: Snapshots | tuple[int, ...], entries: int) -> list[int]:
        """Epochs whose square matrices of so many entries are kept, ascending."""
        if asked == "auto":
            asked = "all" if entries <= AUTO_ENTRIES else self.headline_epochs
        if asked == "all":
            asked = 1
        kept = range(0, self.epochs + 1, asked) if isinstance(asked, int) else asked
        return sorted({*kept, 0, self.epochs})

    @property
    def conditions(self) -> "dict[str, Condition]":
        """All conditions by name, in the order of the sweeps, each once."""
        return {condition.name: condition for condition in self._grid()}

    def _grid(self) -> "Iterator[Condition]":
        for sweep in self.sweeps:
            asked = sweep.snapshots
            snapshots = tuple(asked) if isinstance(asked, list) else asked
            for widths, initialisation, decay in product(
                sweep.hidden, sweep.initialisations, sweep.weight_decays
            ):
                yield Condition(sweep.dataset, tuple(widths), initialisation, decay, snapshots)

    @property
    def shards(self) -> "list[Shard]":
        """The ranges of members that are trained together, the same for every condition."""
        return [
            Shard(first, min(first + self.shard_size, self.members) - 1)
            for first in range(0, self.members, self.shard_size)
        ]


@dataclass(frozen=True)
class Condition:
    """Everything that fixes an ensemble except the seed.

    ``snapshots`` changes no ensemble: it tells what is kept of this one, where that is not what
    the study's ``snapshots`` say.
    """

    dataset: str
    hidden: tuple[int, ...]
    initialisation: str
    weight_decay: float
    snapshots: Literal["auto", "all"] | int | tuple[int, ...] | None = None

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
    record = study.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(record, sort_keys=False, default_flow_style=None)


def schema_json() -> str:
    """Return the configuration's JSON schema, as kept in workflow/schemas/config.schema.json."""
    return json.dumps(Study.model_json_schema(), indent=2) + "\n"


def read_study(path: Path) -> Study:
    """Read a study.yaml that a run recorded."""
    return parse_study(yaml.safe_load(path.read_text()))
