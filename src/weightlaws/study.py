"""What a study asks for: its typed configuration, its conditions and its shards."""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, WithJsonSchema, model_validator

from weightlaws.conditions import Checkpoint, Condition, Ensemble, Imported, Shard
from weightlaws.sections import (
    Analysis,
    Epoch,
    Figures,
    Section,
    Snapshots,
    Spectra,
    Statistics,
    Sweep,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]

# A string in a configuration.
_PATH = WithJsonSchema({"type": "string", "minLength": 1})

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
    """Networks of each condition; a sweep can have another number of them."""
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
    spectra: Spectra
    """How singular values and vectors are compared with those of random matrices."""
    figures: Figures
    """How the figures look; changes no number."""
    sweeps: list[Sweep]
    """What to train; conditions that two sweeps share are trained once. Empty for a study of
    networks that were trained elsewhere."""
    ensembles: Annotated[list[Annotated[Imported, _PATH]], Field(default=[])]
    """Paths of ensembles that were trained elsewhere: HDF5 files with an array (member, out, in)
    for each layer, or folders with a file of weights for each member."""
    checkpoints: Annotated[list[Annotated[Checkpoint, _PATH]], Field(default=[])]
    """Single trained networks, whose spectra are analysed: paths of .safetensors, .pt, .pth, .bin,
    .ckpt, .h5 or .hdf5 files, or torchvision: and the name of one of its models."""

    @model_validator(mode="after")
    def _engine_runs_on_the_device(self) -> Self:
        if self.engine == "numba" and self.device == "cuda":
            raise ValueError(
                'engine: found "numba" with device "cuda", expected device "auto" or "cpu", as '
                'numba trains on the processor; or choose engine "torch"'
            )
        return self

    @model_validator(mode="after")
    def _has_networks(self) -> Self:
        if not (self.sweeps or self.ensembles or self.checkpoints):
            raise ValueError(
                "sweeps: found none, expected at least 1; or name networks that were trained "
                "elsewhere under ensembles or checkpoints"
            )
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        sources = dict.fromkeys(self.trained, "a condition of sweeps")
        own: list[Imported | Checkpoint] = [*self.ensembles, *self.checkpoints]
        for networks in own:
            if networks.name in sources:
                raise ValueError(
                    f"ensembles and checkpoints: found {networks.source} of the name "
                    f"{networks.name}, which {sources[networks.name]} has too, expected names that "
                    "differ, as results are named by them; rename its file or folder"
                )
            sources[networks.name] = networks.source
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
            same = {
                "snapshots": self.layer_snapshots(other) == self.layer_snapshots(condition),
                "members": other.members == condition.members,
                "analyses": other.analyses == condition.analyses,
            }
            asked = [
                {"snapshots": self._asked(each), "members": each.members, "analyses": each.analyses}
                for each in (other, condition)
            ]
            for key in same:
                if not same[key]:
                    found = " and ".join(json.dumps(each[key]) for each in asked)
                    raise ValueError(
                        f"sweeps: found {condition.name} in two of them with {key} {found}, "
                        "expected the same; leave it out of one sweep, or give both one value"
                    )
        return self

    @model_validator(mode="after")
    def _tests_have_data(self) -> Self:
        for condition in self.modelled.values():
            snapshots = self.layer_snapshots(condition)
            for layer in condition.square_layers:
                kept = snapshots[layer]
                lost = [epoch for epoch in self.tested_epochs(condition) if epoch not in kept]
                if lost:
                    raise ValueError(
                        f"statistics.headline_epochs: found {lost}, of which no snapshot is kept "
                        f"in {condition.name}; name some of {kept}, or keep more snapshots there"
                    )
        folds = self.statistics.folds
        for k, sweep in enumerate(self.sweeps):
            if "models" not in sweep.analyses:
                continue
            if sweep.members is None and self.members < folds:
                raise ValueError(
                    f"statistics.folds: found {folds}, expected at most {self.members}, as many as "
                    "there are members"
                )
            if sweep.members is not None and sweep.members < folds:
                raise ValueError(
                    f"sweeps.{k}.members: found {sweep.members}, expected at least {folds}, as "
                    "many as statistics.folds; train more, or leave models out of its analyses"
                )
        for k, ensemble in enumerate(self.ensembles):
            if "models" in ensemble.analyses and ensemble.members < folds:
                raise ValueError(
                    f"ensembles.{k}: found {ensemble.members} members of {ensemble.name}, expected "
                    f"at least {folds}, as many as statistics.folds; add networks, or lower folds"
                )
        return self

    @property
    def headline_epochs(self) -> list[int]:
        """Epochs whose laws are tested of networks trained here, ascending, to the last."""
        return self._up_to_the_last(self.statistics.headline_epochs)

    def tested_epochs(self, networks: Ensemble | Checkpoint) -> list[int]:
        """Epochs whose laws and spectra are tested: 0 alone of what was trained elsewhere."""
        return self.headline_epochs if isinstance(networks, Condition) else [0]

    def _up_to_the_last(self, epochs: list[int]) -> list[int]:
        return sorted({epoch for epoch in epochs if epoch < self.epochs} | {self.epochs})

    def layer_snapshots(self, condition: Ensemble) -> dict[str, list[int]]:
        """Epochs whose weights are kept, ascending, by layer."""
        if isinstance(condition, Imported):
            return {layer: [0] for layer in condition.shapes}
        square, asked = condition.square_layers, self._asked(condition)
        # Not the last as such: then fewer epochs would ask for weights that were not kept.
        rectangular = sorted({0, *(e for e in self.rectangular_snapshots if e <= self.epochs)})
        return {
            layer: self._kept(asked, prod(shape)) if layer in square else rectangular
            for layer, shape in condition.shapes.items()
        }

    def _asked(self, condition: Condition) -> Snapshots | tuple[int, ...]:
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
    def trained(self) -> dict[str, Condition]:
        """The conditions that are trained here, by name, in the order of the sweeps, each once."""
        return {condition.name: condition for condition in self._grid()}

    @property
    def conditions(self) -> dict[str, Ensemble]:
        """All ensembles by name: those that are trained here, then those trained elsewhere."""
        return {**self.trained, **{ensemble.name: ensemble for ensemble in self.ensembles}}

    @property
    def modelled(self) -> dict[str, Ensemble]:
        """The conditions, by name, whose laws are fitted and tested."""
        return self._analysed_for("models")

    @property
    def with_spectra(self) -> dict[str, Ensemble | Checkpoint]:
        """What has its singular values and vectors analysed, by name; single networks last."""
        single = {network.name: network for network in self.checkpoints}
        return {**self._analysed_for("spectra"), **single}

    def _analysed_for(self, analysis: Analysis) -> dict[str, Ensemble]:
        return {name: c for name, c in self.conditions.items() if analysis in c.analyses}

    def _grid(self) -> Iterator[Condition]:
        for sweep in self.sweeps:
            asked = sweep.snapshots
            snapshots = tuple(asked) if isinstance(asked, list) else asked
            for widths, initialisation, decay, scale in product(
                sweep.hidden, sweep.initialisations, sweep.weight_decays, sweep.output_scales
            ):
                yield Condition(
                    sweep.dataset,
                    tuple(widths),
                    initialisation,
                    decay,
                    scale,
                    snapshots=snapshots,
                    members=self.members if sweep.members is None else sweep.members,
                    analyses=tuple(sorted(sweep.analyses)),
                )

    def shards(self, networks: Ensemble | Checkpoint) -> list[Shard]:
        """The ranges of members that are trained, or read, together."""
        return [
            Shard(first, min(first + self.shard_size, networks.members) - 1)
            for first in range(0, networks.members, self.shard_size)
        ]


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
    # Our own messages say what was found.
    own = kind == "value_error" or isinstance(found, dict | list)
    value = "" if own else f"found {json.dumps(found)}. "
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
