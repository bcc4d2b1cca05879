"""The table of stages: the subject of each rule, its files, its spec, its resources.

A stage is a job module, a rule file and one row here. `rule all`, the progress of a run, the
estimate of disk space and `weightlaws.load` read this table.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

from weightlaws.figures.contents import TABLES
from weightlaws.planning import file_sizes, resources, specs
from weightlaws.planning.resources import Resources
from weightlaws.storage.shard_specs import Spec
from weightlaws.study.conditions import (
    Checkpoint,
    Condition,
    Ensemble,
    Shard,
    by_architecture,
    by_classes,
    by_noisy_images,
    by_recipe,
    comparisons,
)
from weightlaws.study.layout import PATHS
from weightlaws.study.study import Study

#: Ensembles and single networks, by name.
Networks = Mapping[str, Ensemble | Checkpoint]
#: Values of the wildcards of one job, by name.
Wildcards = dict[str, str]
Over = Literal["study", "dataset", "noise", "architecture", "recipe", "condition", "shard", "shape"]


@dataclass(frozen=True)
class Stage:
    """One row of the table.

    Attributes
    ----------
    rule
        Name of the rule, of its script, and of the digest of its code.
    over
        The subject of one job.
    files
        Names in `layout.PATHS` of the files that a job writes.
    networks
        The ensembles and single networks of a study that the stage is about, by name.
    spec
        Everything that fixes a job's numbers, from the study, the job's subject if it is not the
        whole study, and the digests of code.
    resources
        Memory and time of a job, from the study and its subject; None for rules that run where
        Snakemake runs.
    sizes
        Bytes of the files of a condition, by folder; None for files of little size.
    asked
        Whether a run asks for the files; the others are made where a stage needs them.
    reads_weights
        Whether the files rest on the networks; the list of invariants rests on the study alone.
    of_some
        The files that are about some of the networks only, with those.
    """

    rule: str
    over: Over
    files: tuple[str, ...]
    networks: Callable[[Study], Networks]
    spec: Callable[..., Spec]
    resources: Callable[..., Resources] | None = None
    sizes: Callable[[Study, Ensemble], dict[str, int]] | None = None
    asked: bool = True
    reads_weights: bool = True
    of_some: Mapping[str, Callable[[Study], Networks]] = field(default_factory=dict)

    def jobs(self, study: Study) -> Iterator[Wildcards]:
        """Yield the wildcards of each job that a study asks for.

        Shapes of single networks are not known before they are read, and are left out.
        """
        networks = self.networks(study)
        match self.over:
            case "study":
                yield from [{}] if networks else []
            case "dataset":
                yield from ({"dataset": images} for images in _stored(networks))
            case "noise":
                yield from ({"noisy_images": name} for name in by_noisy_images(_trained(networks)))
            case "architecture":
                yield from ({"architecture": name} for name in _architectures(networks))
            case "recipe":
                yield from ({"recipe": name} for name in _recipes(networks))
            case "condition":
                yield from ({"condition": name} for name in networks)
            case "shard":
                for name, one in networks.items():
                    for shard in study.shards(one):
                        yield {"condition": name, "shard": shard.name}
            case "shape":
                known = (n for n in networks.values() if not isinstance(n, Checkpoint))
                shapes = dict.fromkeys(shape for n in known for shape in n.shapes.values())
                yield from ({"rows": str(rows), "columns": str(cols)} for rows, cols in shapes)

    def paths(self, study: Study, *names: str) -> list[str]:
        """Return the files that a study asks of the stage, from the folder of its results.

        ``names`` are names of files in `layout.PATHS`; without them all files of the stage count.
        """
        return [path for job in self.jobs(study) for path in self.paths_of(study, job, *names)]

    def paths_of(self, study: Study, job: Wildcards, *names: str) -> list[str]:
        """Return the files of one job."""
        return [
            PATHS[name].format(**wildcards)
            for name in names or self.files
            for wildcards in self._wildcards(study, name, job)
        ]

    def _wildcards(self, study: Study, name: str, job: Wildcards) -> list[Wildcards]:
        """Return the wildcards of a file; one job of the whole study can draw all architectures."""
        if "{table}" in PATHS[name]:
            return [{"table": table} for table in tables_of(study)]
        if "{architecture}" not in PATHS[name] or "architecture" in job:
            return [job]
        networks = self.of_some.get(name, self.networks)(study)
        return [{"architecture": architecture} for architecture in _architectures(networks)]

    def about(self, study: Study, wildcards: Mapping[str, str]) -> list[str]:
        """Return the names of the ensembles and single networks that a job rests on."""
        networks = self.networks(study)
        if "condition" in wildcards:
            return [wildcards["condition"]]
        if "architecture" in wildcards:
            return _architectures(networks)[wildcards["architecture"]]
        if "recipe" in wildcards:
            return _recipes(networks)[wildcards["recipe"]]
        return [*networks]

    def spec_of(self, study: Study, code: Mapping[str, str], wildcards: Wildcards) -> Spec:
        """Return the spec of one job."""
        subject = self._subject(study, wildcards)
        return self.spec(study, *subject[:1], code, *subject[1:])

    def resources_of(self, study: Study, wildcards: Wildcards, **known: Any) -> Resources:  # noqa: ANN401
        """Return memory and time of one job.

        ``known`` adds facts that the study does not have: the threads of a training job, and the
        shapes of a network from elsewhere.
        """
        if self.resources is None:
            raise ValueError(f"rule {self.rule} runs where Snakemake runs, and asks for nothing")
        return self.resources(study, *self._subject(study, wildcards), **known)

    def _subject(self, study: Study, wildcards: Wildcards) -> list[Any]:
        """Return the subject of a job, as objects."""
        match self.over:
            case "study":
                return []
            case "dataset":
                return [_stored(self.networks(study))[wildcards["dataset"]]]
            case "noise":
                return [by_noisy_images(_trained(self.networks(study)))[wildcards["noisy_images"]]]
            case "architecture":
                return [_architectures(self.networks(study))[wildcards["architecture"]]]
            case "recipe":
                return [_recipes(self.networks(study))[wildcards["recipe"]]]
            case "shape":
                return [(int(wildcards["rows"]), int(wildcards["columns"]))]
            case _:
                subject: list[Any] = [self.networks(study)[wildcards["condition"]]]
                if "shard" in wildcards:
                    subject.append(Shard.parse(wildcards["shard"]))
                return subject


def _trained(networks: Networks) -> Iterator[Condition]:
    return (each for each in networks.values() if isinstance(each, Condition))


def _stored(networks: Networks) -> dict[str, Condition]:
    """A condition of each file of images, by the name of the file."""
    return {condition.images: condition for condition in _trained(networks)}


def _architectures(networks: Networks) -> dict[str, list[str]]:
    return by_architecture({n: c for n, c in networks.items() if isinstance(c, Condition)})


def _recipes(networks: Networks) -> dict[str, list[str]]:
    return by_recipe({n: c for n, c in networks.items() if isinstance(c, Condition)})


def _trajectories(study: Study) -> Networks:
    """Modelled ensembles from elsewhere with several epochs."""
    several = {each.name for each in study.ensembles if len(each.epochs) > 1}
    return {name: c for name, c in study.modelled.items() if name in several}


def _with_start(study: Study) -> Networks:
    """Modelled ensembles of which a start is known: trained here, or with several epochs."""
    return {**study.modelled_here, **_trajectories(study)}


def _without_start(study: Study) -> Networks:
    started = _with_start(study)
    return {name: c for name, c in study.modelled.items() if name not in started}


def _compared(study: Study) -> Networks:
    """Modelled conditions that share their architecture with another one."""
    modelled = study.modelled_here
    shared = [names for names in _architectures(modelled).values() if len(names) > 1]
    return {name: modelled[name] for names in shared for name in names}


def _side_by_side(study: Study) -> Networks:
    """Modelled conditions, if they or their layers can be compared after training."""
    return study.modelled_here if comparisons(study.modelled_here) else {}


def _mapped(study: Study) -> Networks:
    """Modelled ensembles, if two square layers of one size are among them."""
    shapes = [shape for c in study.modelled.values() for shape in c.square_layers.values()]
    return study.modelled if len({*shapes}) < len(shapes) else {}


def _at_rates(study: Study) -> Networks:
    """Modelled conditions of recipes that are trained with several rates or batch sizes."""
    modelled = study.modelled_here
    return {name: modelled[name] for names in _recipes(modelled).values() for name in names}


def _scaled(study: Study) -> Networks:
    """Conditions with spectra, of architectures that are trained at several output scales."""
    found = study.with_spectra_here
    groups = _architectures(found).values()
    several = [names for names in groups if len({found[name].output_scale for name in names}) > 1]
    return {name: found[name] for names in several for name in names}


def _of_classes(study: Study) -> Networks:
    """Conditions with spectra, if some differ in the number of classes alone."""
    found = study.with_spectra_here
    return found if by_classes(found) else {}


def _interacting(study: Study) -> Networks:
    return study.modelled if study.statistics.interacting else {}


def _networked(study: Study) -> Networks:
    return study.networked if study.statistics.interacting else {}


def _drawn(study: Study) -> Networks:
    """Conditions whose networks can be drawn."""
    networks = _trained(_networked(study))
    return {condition.name: condition for condition in networks if not study.not_drawn(condition)}


def _ensembles(study: Study) -> Networks:
    return {ensemble.name: ensemble for ensemble in study.ensembles}


def _checkpoints(study: Study) -> Networks:
    return {network.name: network for network in study.checkpoints}


def _elsewhere(study: Study) -> Networks:
    return {**_ensembles(study), **_checkpoints(study)}


def _every(study: Study) -> Networks:
    return {**study.conditions, **_checkpoints(study)}


_TRAINED = attrgetter("trained")
_CONDITIONS = attrgetter("conditions")
_MODELLED = attrgetter("modelled")
_MODELLED_HERE = attrgetter("modelled_here")
_WITH_SPECTRA = attrgetter("with_spectra")

_LAW_FIGURES = (
    "laws",
    "deviation_sd",
    "parameters_figure",
    "typicality_figure",
    "largest_deviations",
)
_SPECTRA_FIGURES = ("singular_values", "level_statistics", "singular_vectors", "hill")

_ROWS = (
    Stage(
        "dataset",
        "dataset",
        ("dataset",),
        _TRAINED,
        specs.dataset_spec,
        resources.dataset,
        asked=False,
    ),
    Stage(
        "label_noise",
        "noise",
        ("label_noise",),
        _TRAINED,
        specs.label_noise_spec,
        asked=False,
    ),
    Stage(
        "train",
        "shard",
        ("weights",),
        _TRAINED,
        specs.training_spec,
        resources.train,
        file_sizes.weights,
    ),
    Stage(
        "import_ensemble",
        "shard",
        ("weights",),
        _ensembles,
        specs.import_spec,
        sizes=file_sizes.weights,
    ),
    Stage("import_network", "shard", ("weights",), _checkpoints, specs.import_spec),
    Stage(
        "members",
        "study",
        ("members", "conditions", "learning_curves"),
        _CONDITIONS,
        specs.members_spec,
    ),
    Stage("skipped", "study", ("skipped",), _elsewhere, specs.skipped_spec),
    Stage(
        "invariants",
        "shard",
        ("invariants",),
        _MODELLED,
        specs.invariants_spec,
        resources.invariants,
        file_sizes.invariants,
    ),
    Stage(
        "catalogue",
        "study",
        ("catalogue",),
        _MODELLED,
        specs.catalogue_spec,
        reads_weights=False,
    ),
    Stage(
        "model",
        "condition",
        ("predictions", "fits", "parameters", "typicality", "admissibility"),
        _MODELLED,
        specs.model_spec,
        resources.model,
        file_sizes.models,
    ),
    Stage("distance", "study", ("distances",), _MODELLED, specs.distance_spec),
    Stage(
        "significance",
        "condition",
        ("significance", "misses"),
        _MODELLED,
        specs.significance_spec,
        resources.significance,
    ),
    Stage(
        "omnibus",
        "condition",
        ("omnibus",),
        _MODELLED,
        specs.omnibus_spec,
        resources.omnibus,
    ),
    Stage(
        "comparison",
        "condition",
        ("comparison",),
        _MODELLED,
        specs.comparison_spec,
        resources.comparison,
    ),
    Stage(
        "symmetry",
        "condition",
        ("symmetry",),
        _MODELLED,
        specs.symmetry_spec,
        resources.symmetry,
    ),
    Stage(
        "entries",
        "condition",
        ("entries",),
        _MODELLED,
        specs.entries_spec,
        resources.entries,
    ),
    Stage(
        "eigenvalues",
        "condition",
        ("eigenvalues", "eigenvalue_plane"),
        _MODELLED,
        specs.eigenvalues_spec,
        resources.eigenvalues,
    ),
    Stage(
        "interacting",
        "condition",
        ("couplings", "scores", "interacting_predictions"),
        _interacting,
        specs.interacting_spec,
        resources.interacting,
    ),
    Stage(
        "network_law",
        "condition",
        ("network_law",),
        _networked,
        specs.network_law_spec,
        resources.network_law,
    ),
    Stage(
        "drawn_networks",
        "condition",
        ("drawn_networks",),
        _drawn,
        specs.drawn_networks_spec,
        resources.drawn_networks,
    ),
    Stage(
        "noise_scale",
        "recipe",
        ("noise_scale_parameters", "noise_scale_comparisons", "noise_scale"),
        _at_rates,
        specs.noise_scale_spec,
        resources.noise_scale,
    ),
    Stage(
        "findings",
        "study",
        ("findings", "deviations", "findings_page"),
        _MODELLED,
        specs.findings_spec,
    ),
    Stage(
        "null",
        "shape",
        ("null",),
        _WITH_SPECTRA,
        specs.null_spec,
        resources.null,
        asked=False,
    ),
    Stage(
        "spectra_shard",
        "shard",
        ("spectra_shard",),
        _WITH_SPECTRA,
        specs.spectra_shard_spec,
        resources.spectra_shard,
    ),
    Stage(
        "spectra",
        "condition",
        ("spectra", "ranks", "curves"),
        _WITH_SPECTRA,
        specs.spectra_spec,
        resources.spectra,
    ),
    Stage("spectra_table", "study", ("spectra_table",), _WITH_SPECTRA, specs.spectra_table_spec),
    Stage("claims", "study", ("claims",), _every, specs.claims_spec),
    Stage(
        "gallery",
        "study",
        ("gallery",),
        _MODELLED,
        specs.gallery_spec,
        reads_weights=False,
    ),
    Stage("accuracy", "study", ("accuracy",), _TRAINED, specs.accuracy_spec),
    Stage(
        "entries_figure",
        "condition",
        ("entries_figure",),
        _MODELLED,
        specs.figure_spec("entries_figure"),
    ),
    Stage(
        "eigenvalues_figure",
        "condition",
        ("eigenvalues_figure",),
        _MODELLED,
        specs.figure_spec("eigenvalues_figure"),
    ),
    Stage(
        "predicted_observed",
        "condition",
        ("predicted_observed",),
        _MODELLED,
        specs.figure_spec("predicted_observed", level=True),
    ),
    Stage(
        "condition_figures",
        "condition",
        (*_LAW_FIGURES, "deviation_start"),
        _with_start,
        specs.condition_figures_spec,
    ),
    Stage(
        "ensemble_figures",
        "condition",
        _LAW_FIGURES,
        _without_start,
        specs.condition_figures_spec,
    ),
    Stage(
        "architecture_figures",
        "study",
        ("wasserstein", "normalised_change", "distance_matrix"),
        _MODELLED_HERE,
        specs.architecture_figures_spec,
        of_some={"distance_matrix": _compared},
    ),
    Stage("across", "study", ("across",), _side_by_side, specs.across_spec),
    Stage("ensemble_map", "study", ("ensemble_map",), _mapped, specs.ensemble_map_spec),
    Stage(
        "from_start_figure",
        "condition",
        ("from_start",),
        _trajectories,
        specs.figure_spec("from_start_figure"),
    ),
    Stage(
        "interacting_figure",
        "condition",
        ("interacting_figure",),
        _interacting,
        specs.figure_spec("interacting_figure", level=True),
    ),
    Stage(
        "network_law_figure",
        "condition",
        ("network_law_figure",),
        _networked,
        specs.figure_spec("network_law_figure", level=True),
    ),
    Stage(
        "noise_scale_figure",
        "recipe",
        ("noise_scale_figure",),
        _at_rates,
        specs.noise_scale_figure_spec,
    ),
    Stage(
        "spectra_figures",
        "condition",
        _SPECTRA_FIGURES,
        _WITH_SPECTRA,
        specs.figure_spec("spectra_figures"),
    ),
    Stage("lazy_rich", "architecture", ("lazy_rich",), _scaled, specs.lazy_rich_spec),
    Stage(
        "rank_by_classes",
        "study",
        ("rank_by_classes",),
        _of_classes,
        specs.rank_by_classes_spec,
    ),
    Stage("answers", "study", ("answers", "table_page"), _every, specs.answers_spec),
)
#: All stages by rule, in the order of the data.
STAGES: Mapping[str, Stage] = {stage.rule: stage for stage in _ROWS}


def tables_of(study: Study) -> list[str]:
    """Return the names of the tables of a study that a page shows; its cost is one of each."""
    made = {
        name
        for stage in _ROWS
        for name in TABLES
        if name in stage.files and next(stage.jobs(study), None) is not None
    }
    return [name for name in TABLES if name in made or name == "cost"]
