"""A study: its typed configuration, its conditions and its shards."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from weightlaws.errors import WeightLawsError
from weightlaws.inference.symmetry_names import SYMMETRY_TESTS
from weightlaws.study.conditions import (
    Checkpoint,
    Condition,
    Ensemble,
    Imported,
    Network,
    Networks,
    Shard,
)
from weightlaws.study.data_sets import DataSet
from weightlaws.study.layout import PATHS, derived_names
from weightlaws.study.messages import StudyError, problems_of, shown
from weightlaws.study.section import LONGEST_NAME, Name, Section
from weightlaws.study.sections import (
    AXES,
    MOST_EPOCHS,
    Analysis,
    BatchSize,
    Epochs,
    Figures,
    LearningRate,
    Snapshots,
    Spectra,
    Statistics,
    Sweep,
)
from weightlaws.training.layer_chain import chain

#: Entries up to which ``snapshots: auto`` keeps a square matrix after every epoch: 181 x 181.
AUTO_ENTRIES = 2**15

#: What Snakemake plans in minutes; the published studies' networks, ten times, are 2000 of 100.
MOST_SHARDS = 20_000
#: Each job is told the epochs that it keeps, layer by layer: 51 epochs of ten layers in each shard.
MOST_EPOCHS_TOLD = 10_000_000
#: Epochs up to which all of a trajectory from elsewhere are tested.
MOST_TESTED = 5
#: Conditions of all sweeps together; the published studies have some twenty.
MOST_CONDITIONS = 1000

Number = TypeVar("Number", int, float)

# What a configuration says of networks: a path, or more in a mapping.
_PATH = {"type": "string", "minLength": 1}
_NETWORK = WithJsonSchema({"anyOf": [_PATH, Network.model_json_schema()]})
_NETWORKS = WithJsonSchema({"anyOf": [_PATH, Networks.model_json_schema()]})
# YAML can make more than a configuration may hold: dates, sets, keys that are numbers.
_PLAIN = TypeAdapter(dict[str, JsonValue])


class Study(Section):
    """One configuration file: networks to train or to read, and analyses of their weights."""

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
    batch_size: BatchSize
    """Images in one step of the optimiser; a sweep can have others."""
    learning_rate: LearningRate
    """Step size of the optimiser; a sweep can have others."""
    snapshots: Snapshots
    """Epochs whose square matrices are kept: all, every k-th, or a list; always 0 and the last.
    auto keeps all of matrices of up to 32,768 entries, such as 160 x 160, and of larger ones those
    of statistics.headline_epochs."""
    rectangular_snapshots: Epochs
    """Epochs whose other matrices are kept, such as the input layer's; always 0. Epochs after the
    last one are passed over."""
    device: Literal["auto", "cpu", "cuda"]
    """Where to train; auto takes a CUDA device if there is one, unless the engine is numba."""
    engine: Literal["auto", "numba", "torch"]
    """How to train: numba trains one network a thread on the processor, torch all of a shard
    together, on a CUDA device or, for comparison, the processor; auto takes torch on a CUDA device,
    else numba."""
    keep_state: bool
    """Whether to keep the state of training after the last epoch, under results/<study>/state;
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
    """Networks to train, at most 1000 conditions; a condition of two sweeps is trained once. Empty
    for a study of networks that were trained elsewhere."""
    ensembles: Annotated[list[Annotated[Imported, _NETWORKS]], Field(max_length=1000, default=[])]
    """Ensembles that were trained elsewhere: HDF5 files with an array (member, out, in) for each
    layer, or folders with a file of weights for each member; of trajectories arrays (member, epoch,
    out, in), or a pattern of paths with {member} and {epoch}. An entry is a path, or a mapping with
    the key path."""
    checkpoints: Annotated[
        list[Annotated[Checkpoint, _NETWORK]], Field(max_length=1000, default=[])
    ]
    """Single trained networks, whose spectra are analysed: files of weights, or torchvision: and
    the name of one of its models. An entry is a path, or a mapping with the key source."""

    @model_validator(mode="after")
    def _conditions_can_be_listed(self) -> Self:
        n_listed = sum(sweep.n_combinations for sweep in self.sweeps)
        if n_listed > MOST_CONDITIONS:
            *keys, last = AXES
            raise ValueError(
                f"sweeps: found {n_listed:,} combinations of {', '.join(keys)} and {last}, "
                f"expected at most {MOST_CONDITIONS:,} in all; ask for fewer, or make several "
                "studies of them"
            )
        return self

    @model_validator(mode="after")
    def _can_be_planned(self) -> Self:
        """Refuse, before any list is made of them, more shards and epochs than can be planned."""
        for condition in self.trained.values():
            if len(condition.name) > LONGEST_NAME:
                raise ValueError(
                    f"sweeps: found a condition of the name {shown(condition.name)}, expected at "
                    f"most {LONGEST_NAME} characters, as files are named by it; give its networks "
                    "fewer hidden layers"
                )
        members = [networks.members for networks in (*self.conditions.values(), *self.checkpoints)]
        n_shards = sum(ceil(n / self.shard_size) for n in members)
        if n_shards > MOST_SHARDS:
            enough = ceil(sum(members) / (MOST_SHARDS - len(members)))
            raise ValueError(
                f"shard_size: found {self.shard_size}, which makes {n_shards:,} shards of all "
                f"members, expected at most {MOST_SHARDS:,}, as each is a job; raise it, to "
                f"{enough} say, or have fewer members or conditions"
            )
        n_told = sum(
            ceil(condition.members / self.shard_size) * self._n_kept(condition)
            for condition in self.conditions.values()
        )
        if n_told > MOST_EPOCHS_TOLD:
            raise ValueError(
                f"snapshots: found {n_told:,} epochs to keep, counted by layer and shard, expected "
                f"at most {MOST_EPOCHS_TOLD:,}; keep fewer, such as every 100th, or raise "
                "shard_size"
            )
        return self

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        checks = (
            self._engine_runs_on_the_device,
            self._has_networks,
            self._names_differ,
            self._snapshots_exist,
            self._data_sets_agree,
            self._sweeps_agree,
            self._tests_have_data,
            self._tests_can_reject,
        )
        # Layers of a condition can have the same problem.
        if problems := dict.fromkeys(problem for check in checks for problem in check()):
            raise ValueError("\n".join(problems))
        return self

    def _engine_runs_on_the_device(self) -> Iterator[str]:
        if self.engine == "numba" and self.device == "cuda":
            yield (
                'engine: found "numba" with device "cuda", expected device "auto" or "cpu", as '
                'numba trains on the processor; or choose engine "torch"'
            )

    def _has_networks(self) -> Iterator[str]:
        if not (self.sweeps or self.ensembles or self.checkpoints):
            yield (
                "sweeps: found none, expected at least 1; or name networks that were trained "
                "elsewhere under ensembles or checkpoints"
            )

    def _names_differ(self) -> Iterator[str]:
        own: list[Imported | Checkpoint] = [*self.ensembles, *self.checkpoints]
        named = dict.fromkeys(self.trained, "a condition of sweeps")
        for networks in own:
            if networks.name in named:
                yield (
                    f"ensembles and checkpoints: found {networks.where} of the name "
                    f"{networks.name}, which {named[networks.name]} has too, expected names that "
                    "differ, as results are named by them; give one another name: "
                    f"{{{networks.WHERE}: ..., name: ...}}"
                )
            named[networks.name] = networks.where
        taken = derived_names(named, {each.architecture for each in self.trained.values()})
        for networks in own:
            if networks.name in taken:
                yield (
                    f"ensembles and checkpoints: found {networks.where} of the name "
                    f"{networks.name}, by which results of {taken[networks.name]} are named, "
                    f"expected another name; give it one: {{{networks.WHERE}: ..., name: ...}}"
                )

    def _snapshots_exist(self) -> Iterator[str]:
        places = {f"sweeps.{k}.snapshots": sweep.snapshots for k, sweep in enumerate(self.sweeps)}
        for key, snapshots in {"snapshots": self.snapshots, **places}.items():
            if isinstance(snapshots, list) and max(snapshots, default=0) > self.epochs:
                yield (
                    f"{key}: found epoch {max(snapshots)}, expected none after the last epoch, "
                    f"{self.epochs}; leave it out, or train for more epochs"
                )

    def _sweeps_agree(self) -> Iterator[str]:
        first: dict[str, Condition] = {}
        for condition in self._grid():
            other = first.setdefault(condition.name, condition)
            if other is condition:
                continue
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
                    found = " and ".join(shown(each[key]) for each in asked)
                    yield (
                        f"sweeps: found {condition.name} in two of them with {key} {found}, "
                        "expected the same; leave it out of one sweep, or give both one value"
                    )

    def _data_sets_agree(self) -> Iterator[str]:
        first: dict[str, DataSet] = {}
        for k, sweep in enumerate(self.sweeps):
            other = first.setdefault(sweep.dataset.name, sweep.dataset)
            if other.source != sweep.dataset.source:
                yield (
                    f"sweeps.{k}.dataset: found another data set of the name {other.name} than in "
                    "a sweep before, expected one for each name; give it another name"
                )

    def _tests_have_data(self) -> Iterator[str]:
        for condition in self.modelled.values():
            snapshots = self.layer_snapshots(condition)
            for layer in condition.square_layers:
                kept = snapshots[layer]
                lost = sorted({*self.tested_epochs(condition)} - {*kept})
                if lost:
                    yield (
                        f"statistics.headline_epochs: found {shown(lost)}, but "
                        f"{condition.name} keeps no snapshot there, expected epochs among "
                        f"{shown(kept)}; name such epochs, or keep more snapshots"
                    )
        folds = self.statistics.folds
        for k, sweep in enumerate(self.sweeps):
            if "models" not in sweep.analyses:
                continue
            if sweep.members is None and self.members < folds:
                yield (
                    f"statistics.folds: found {folds}, expected at most {self.members}, as many as "
                    "there are members"
                )
            if sweep.members is not None and sweep.members < folds:
                yield (
                    f"sweeps.{k}.members: found {sweep.members}, expected at least {folds}, as "
                    "many as statistics.folds; train more, or leave models out of its analyses"
                )
        for k, ensemble in enumerate(self.ensembles):
            if "models" in ensemble.analyses and ensemble.members < folds:
                yield (
                    f"ensembles.{k}: found {ensemble.members} members of {ensemble.name}, expected "
                    f"at least {folds}, as many as statistics.folds; add networks, or lower folds"
                )

    def _tests_can_reject(self) -> Iterator[str]:
        statistics = self.statistics
        tested = [self.headline_epochs, *map(self.tested_epochs, self.ensembles)]
        level, n_epochs = statistics.significance_level, max(map(len, tested))
        # The omnibus tests of a layer and law share the level, and so do its six symmetry tests.
        for key, share in (
            ("simulated_ensembles", level),
            ("omnibus_ensembles", level / n_epochs),
            ("randomisations", level / n_epochs / len(SYMMETRY_TESTS)),
        ):
            found, least = getattr(statistics, key), ceil(1 / share - 1e-9) - 1
            if found < least:
                yield (
                    f"statistics.{key}: found {found}, expected at least {least}, as with fewer no "
                    f"p-value could be as small as the significance_level {level:g} asks for; "
                    "simulate more, or raise the level"
                )

    @property
    def headline_epochs(self) -> list[int]:
        """Epochs at which laws of networks trained here are tested, ascending, to the last."""
        return self._up_to_the_last(self.statistics.headline_epochs)

    def tested_epochs(self, networks: Ensemble | Checkpoint) -> list[int]:
        """Epochs whose laws and spectra are tested.

        Of trajectories from elsewhere these are all epochs, or of more than `MOST_TESTED` the
        first, the last and those of the headline epochs that they have; of single networks 0.
        """
        if isinstance(networks, Condition):
            return self.headline_epochs
        if isinstance(networks, Checkpoint):
            return [0]
        found = networks.epochs
        if len(found) <= MOST_TESTED:
            return [*found]
        return sorted({found[0], found[-1], *self.statistics.headline_epochs} & {*found})

    @property
    def networked(self) -> dict[str, Ensemble]:
        """The modelled conditions, by name, whose layers have a law together."""
        return {name: c for name, c in self.modelled.items() if not self.no_network_law(c)}

    def no_network_law(self, condition: Ensemble) -> str:
        """Say why the layers of a modelled condition have no law together; empty if they have."""
        if not chain(condition.shapes):
            return (
                "its layers' names and shapes are not those of a chain such as input-hidden1, "
                "hidden1-output"
            )
        if not self.network_epochs(condition):
            return "no epoch of statistics.headline_epochs is among rectangular_snapshots"
        return ""

    def not_drawn(self, condition: Condition) -> str:
        """Say why no networks are drawn from a condition's laws; empty if they are."""
        if condition.output_scale is not None:
            return "the output of a network with an output scale rests on its start"
        if condition.biases:
            return "laws are of weights, and its networks have biases too"
        return ""

    def learning_rate_of(self, condition: Condition) -> float:
        """Return the learning rate of a condition: its own, or the study's."""
        own = condition.learning_rate
        return self.learning_rate if own is None else own

    def batch_size_of(self, condition: Condition) -> int:
        """Return the batch size of a condition: its own, or the study's."""
        return self.batch_size if condition.batch_size is None else condition.batch_size

    def network_epochs(self, condition: Ensemble) -> list[int]:
        """Tested epochs at which all layers are kept."""
        kept = self.layer_snapshots(condition).values()
        return [e for e in self.tested_epochs(condition) if all(e in epochs for epochs in kept)]

    def _up_to_the_last(self, epochs: list[int]) -> list[int]:
        return sorted({epoch for epoch in epochs if epoch < self.epochs} | {self.epochs})

    def layer_snapshots(self, condition: Ensemble) -> dict[str, list[int]]:
        """Epochs whose weights are kept, ascending, by layer."""
        if isinstance(condition, Imported):
            return {layer: [*condition.epochs] for layer in condition.shapes}
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
        return sorted({*self._named(asked, entries), 0, self.epochs})

    def _named(self, asked: Snapshots | tuple[int, ...], entries: int) -> Sequence[int]:
        """Epochs at which square matrices are kept, beside the first and the last."""
        if asked == "auto":
            asked = "all" if entries <= AUTO_ENTRIES else self.headline_epochs
        if asked == "all":
            asked = 1
        return range(0, self.epochs + 1, asked) if isinstance(asked, int) else asked

    def _n_kept(self, condition: Ensemble) -> int:
        """About the number of kept epochs, summed over layers, without a list of them."""
        if isinstance(condition, Imported):
            return len(condition.shapes) * len(condition.epochs)
        squares = condition.square_layers.values()
        n_others = len(condition.shapes) - len(squares)
        asked = self._asked(condition)
        return n_others * len(self.rectangular_snapshots) + sum(
            len(self._named(asked, prod(shape))) for shape in squares
        )

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
    def modelled_here(self) -> dict[str, Condition]:
        """The conditions, by name, that are trained here and whose laws are fitted and tested."""
        modelled = self.modelled
        return {name: one for name, one in self.trained.items() if name in modelled}

    @property
    def with_spectra(self) -> dict[str, Ensemble | Checkpoint]:
        """Networks whose singular values and vectors are analysed, by name; single ones last."""
        single = {network.name: network for network in self.checkpoints}
        return {**self._analysed_for("spectra"), **single}

    @property
    def with_spectra_here(self) -> dict[str, Condition]:
        """The conditions, by name, that are trained here and whose spectra are analysed."""
        analysed = self.with_spectra
        return {name: one for name, one in self.trained.items() if name in analysed}

    def _analysed_for(self, analysis: Analysis) -> dict[str, Ensemble]:
        return {name: c for name, c in self.conditions.items() if analysis in c.analyses}

    def _grid(self) -> Iterator[Condition]:
        for sweep in self.sweeps:
            asked = sweep.snapshots
            snapshots = tuple(asked) if isinstance(asked, list) else asked
            for values in sweep.combinations():
                # The study's values have no name of their own.
                own = {
                    "hidden": tuple(values["hidden"]),
                    "learning_rate": _unless(values["learning_rate"], self.learning_rate),
                    "batch_size": _unless(values["batch_size"], self.batch_size),
                }
                yield Condition(
                    sweep.dataset,
                    **values | own,
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


def _unless(value: Number | None, default: Number) -> Number | None:
    return None if value == default else value


def parse_study(
    config: Mapping[str, Any], source: object = "the configuration", *, recorded: bool = False
) -> Study:
    """Read a configuration, as Snakemake merged it, into a study.

    Parameters
    ----------
    config
        The keys and their values.
    source
        The name of the configuration in messages.
    recorded
        Whether it is the record of a study. What it says of networks from elsewhere is taken as it
        is, as they need not be there any more.

    Raises
    ------
    StudyError
        With one line for each key that is unknown, missing, of a wrong type or impossible.
    """
    try:
        plain = _PLAIN.validate_python(config)
        return Study.model_validate(plain, context={"recorded": recorded})
    except ValidationError as error:
        raise StudyError(problems_of(error.errors(), config), source) from None


def study_to_yaml(study: Study) -> str:
    """Write the resolved configuration as YAML that ``parse_study`` reads back."""
    record = study.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(record, sort_keys=False, default_flow_style=None)


def schema_json() -> str:
    """Return the configuration's JSON schema, as kept in workflow/schemas/config.schema.json."""
    return json.dumps(Study.model_json_schema(), indent=2) + "\n"


def recorded_study(folder: Path) -> Study:
    """Read the record of a study from the folder of its results.

    Raises
    ------
    WeightLawsError
        If the folder has no record, or the record is no YAML.
    StudyError
        If the record is not a study, as `parse_study` does.
    """
    path = folder / PATHS["study"]
    if not path.is_file():
        raise WeightLawsError(
            path,
            "no such file",
            "the record of a study",
            "give the folder of a study that has run, such as results/default",
        )
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WeightLawsError(
            path,
            f"text that YAML cannot read ({type(error).__name__})",
            "the record of a study",
            "run snakemake again, which writes it",
        ) from error
    return parse_study(config, path, recorded=True)
