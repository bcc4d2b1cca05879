"""Specs of all rules, as pure functions of the study.

The spec of a rule is a dict of plain built-ins, in a fixed order of keys. It holds everything that
changes the numbers of the rule, and nothing else; ``code`` is a digest of the code behind them.
Snakemake compares specs to decide which jobs run again. Files carry their specs, so that a reader
can check them. The argument ``code`` maps the name of a rule's script, or a plug-in such as
``initial_laws/gaussian``, to its digest.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping

from weightlaws.figures.words import condition_words
from weightlaws.inference.claims_figures import FIGURES
from weightlaws.storage.file_digest import file_digest
from weightlaws.storage.shard_specs import Spec
from weightlaws.study.conditions import (
    Checkpoint,
    Condition,
    Ensemble,
    Imported,
    Shard,
    by_architecture,
    by_classes,
    by_recipe,
    comparisons,
)
from weightlaws.study.layout import PATHS
from weightlaws.study.study import Study

# What tells conditions of one architecture apart.
_APART = ("start", "decay", "scale", "optimiser", "activation", "rate", "batch", "biases", "noise")

#: From a study, the networks that a figure is about, and the digests of code.
FigureSpec = Callable[[Study, Ensemble | Checkpoint, Mapping[str, str]], Spec]

#: Stands for the digests of code where they are not known; `without_code` leaves them out.
UNKNOWN_CODE: Mapping[str, str] = defaultdict(str)


def dataset_spec(study: Study, condition: Condition, code: Mapping[str, str]) -> Spec:
    """Return the spec of the stored images of a condition, with their own labels.

    A file is told by the digest of its content, and not by its place.
    """
    data, spec = condition.data, Spec(dataset=condition.images)
    classes = data.classes if condition.classes is None else [*range(condition.classes)]
    behind: tuple[str, ...] = ("dataset", f"datasets/{data.name}")
    if data.digest is not None:
        spec |= {"digest": data.digest, "range": data.range and [*data.range]}
        behind = ("dataset",)
    elif data.teacher is not None:
        spec |= {"teacher": {"name": data.name, **data.teacher.model_dump()}, "seed": study.seed}
        behind = ("dataset", "initial_laws/gaussian")
    elif classes is not None:
        spec |= {"of": data.name}
    if classes is not None:
        spec |= {"classes": classes}
    return {**spec, "code": " ".join(code[name] for name in behind)}


def label_noise_spec(study: Study, condition: Condition, code: Mapping[str, str]) -> Spec:
    """Return the spec of a condition's stored images with shuffled labels."""
    return {
        "dataset": condition.images,
        "of": dataset_spec(study, condition, code),
        "label_noise": condition.label_noise,
        "seed": study.seed,
        "code": code["label_noise"],
    }


def images_spec(study: Study, condition: Condition, code: Mapping[str, str]) -> Spec:
    """Return the spec of the stored images that a condition's networks learn."""
    if condition.label_noise:
        return label_noise_spec(study, condition, code)
    return dataset_spec(study, condition, code)


def training_spec(
    study: Study, condition: Condition, code: Mapping[str, str], shard: Shard | None = None
) -> Spec:
    """Return the spec of a weights shard, or without a shard the part that all shards share.

    No ensemble size is in it, so that more members leave the shards there are as they are.
    """
    return {
        "dataset": images_spec(study, condition, code),
        "shapes": {name: list(shape) for name, shape in condition.shapes.items()},
        "initialisation": {
            "law": condition.initialisation,
            "code": code[f"initial_laws/{condition.initialisation}"],
        },
        "weight_decay": condition.weight_decay,
        "output_scale": condition.output_scale,
        "optimiser": condition.optimiser,
        "activation": condition.activation,
        "biases": condition.biases,
        "seed": study.seed,
        "epochs": study.epochs,
        "batch_size": study.batch_size_of(condition),
        "learning_rate": study.learning_rate_of(condition),
        "snapshots": study.layer_snapshots(condition),
        **_members(shard),
        "code": code["train"],
    }


def weights_spec(
    study: Study,
    networks: Ensemble | Checkpoint,
    code: Mapping[str, str],
    shard: Shard | None = None,
) -> Spec:
    """Return the spec of a weights shard from here or elsewhere, or the part that all shards share.

    The files that weights are read from fix them too; see `import_spec`. The layers of a single
    network are found out when it is read; see `import_job.import_network`.
    """
    if isinstance(networks, Condition):
        return training_spec(study, networks, code, shard)
    if isinstance(networks, Checkpoint):
        own = {**_selected(networks), "epochs": 0}
        return {**own, **_members(shard), "code": code["import_network"]}
    return {
        **_selected(networks),
        "epoch": networks.epoch,
        "layout": networks.layout,
        "layers": dict(networks.layers),
        "shapes": {name: list(shape) for name, shape in networks.shapes.items()},
        "labelled": networks.sides,
        "epochs": networks.epochs[-1],
        "snapshots": study.layer_snapshots(networks),
        **_members(shard),
        "code": code["import_ensemble"],
    }


def import_spec(
    study: Study, networks: Imported | Checkpoint, code: Mapping[str, str], shard: Shard
) -> Spec:
    """Return the spec of the import of a weights shard: that of the shard, and of its files.

    What the files hold is told by their digests; they have to be there. The shard itself has a spec
    without them, as what rests on a condition's shards shares the spec of them all.
    """
    digests = {str(file): file_digest(file) for file in networks.files(shard)}
    return {**weights_spec(study, networks, code, shard), "digests": digests}


def _selected(networks: Imported | Checkpoint) -> Spec:
    return {
        "source": networks.source,
        "include": networks.include,
        "exclude": networks.exclude,
        "state_dict": networks.state_dict,
    }


def _members(shard: Shard | None) -> Spec:
    return {} if shard is None else {"members": [shard.first, shard.last]}


def invariants_spec(
    study: Study, condition: Ensemble, code: Mapping[str, str], shard: Shard | None = None
) -> Spec:
    """Return the spec of an invariants shard, or the part that all shards of a condition share."""
    return {
        "weights": weights_spec(study, condition, code),
        "invariants": study.invariants,
        "layers": list(condition.square_layers),
        **_members(shard),
        "code": code["invariants"],
    }


def without_code(spec: Spec) -> Spec:
    """Leave out all digests of code, for a comparison where they are not known."""
    return {
        key: without_code(value) if isinstance(value, dict) else value
        for key, value in spec.items()
        if key != "code"
    }


def catalogue_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the list of the study's invariants."""
    return {"invariants": study.invariants, "code": code["catalogue"]}


def model_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the fits of one condition."""
    return {
        "invariants": invariants_spec(study, condition, code),
        "members": condition.members,
        "seed": study.seed,
        "bootstrap_replicates": study.statistics.bootstrap_replicates,
        "code": code["model"],
    }


def significance_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the tests of one condition's laws, invariant by invariant."""
    return {
        **_tested(study, condition, code),
        "invariants": study.invariants,
        "level": study.statistics.significance_level,
        "matrices": study.statistics.simulated_matrices,
        "ensembles": study.statistics.simulated_ensembles,
        "code": code["significance"],
    }


def omnibus_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the omnibus tests of one condition's laws."""
    return {
        **_tested(study, condition, code),
        "level": study.statistics.significance_level,
        "ensembles": study.statistics.omnibus_ensembles,
        "code": code["omnibus"],
    }


def comparison_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the comparison of laws on one condition's held-out members."""
    return {
        **_tested(study, condition, code),
        "folds": study.statistics.folds,
        "orders": study.statistics.fold_orders,
        "code": code["comparison"],
    }


def symmetry_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the tests of the symmetries of one condition's weights."""
    return {
        **_tested(study, condition, code),
        "randomisations": study.statistics.randomisations,
        "code": code["symmetry"],
    }


def entries_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the densities of the entries of one condition's weights."""
    return {
        **_tested(study, condition, code),
        "bootstrap_replicates": study.statistics.bootstrap_replicates,
        "code": code["entries"],
    }


def eigenvalues_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the eigenvalues of one condition's square matrices."""
    return {
        **_tested(study, condition, code),
        "layers": list(condition.square_layers),
        "bootstrap_replicates": study.statistics.bootstrap_replicates,
        "code": code["eigenvalues"],
    }


def interacting_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the interacting laws of one condition's layers."""
    return {
        **_tested(study, condition, code),
        "bootstrap_replicates": study.statistics.bootstrap_replicates,
        "folds": study.statistics.folds,
        "code": code["interacting"],
    }


def network_law_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the tests of whether one condition's layers know of each other."""
    return {
        **_tested(study, condition, code),
        "epochs": study.network_epochs(condition),
        "randomisations": study.statistics.randomisations,
        "folds": study.statistics.folds,
        "code": code["network_law"],
    }


def drawn_networks_spec(study: Study, condition: Condition, code: Mapping[str, str]) -> Spec:
    """Return the spec of the accuracies of networks drawn from one condition's laws."""
    return {
        **_tested(study, condition, code),
        # Before training there is nothing that networks can do.
        "epochs": study.network_epochs(condition)[-1:],
        "code": code["drawn_networks"],
    }


def noise_scale_spec(study: Study, conditions: list[str], code: Mapping[str, str]) -> Spec:
    """Return the spec of the comparison of conditions that differ in rate and batch size."""
    trained = [study.trained[name] for name in conditions]
    return {
        "weights": {each.name: weights_spec(study, each, code) for each in trained},
        "members": {each.name: each.members for each in trained},
        "layers": list(trained[0].square_layers),
        "seed": study.seed,
        "epochs": study.headline_epochs,
        "level": study.statistics.significance_level,
        "bootstrap_replicates": study.statistics.bootstrap_replicates,
        "randomisations": study.statistics.randomisations,
        "code": code["noise_scale"],
    }


def null_spec(study: Study, shape: tuple[int, int], code: Mapping[str, str]) -> Spec:
    """Return the spec of the simulated spectra of one shape."""
    return {
        "shape": list(shape),
        "matrices": study.spectra.null_matrices,
        "seed": study.seed,
        "code": code["null"],
    }


def spectra_shard_spec(
    study: Study,
    networks: Ensemble | Checkpoint,
    code: Mapping[str, str],
    shard: Shard | None = None,
) -> Spec:
    """Return the spec of a spectra shard, or without a shard the part that all shards share.

    The nulls fix it too; they are files.
    """
    return {
        "weights": weights_spec(study, networks, code),
        "seed": study.seed,
        "epochs": study.tested_epochs(networks),
        "bootstrap_replicates": study.statistics.bootstrap_replicates,
        "permutations": study.spectra.permutations,
        "sign_flips": study.spectra.sign_flips,
        "goodness_of_fit_replicates": study.spectra.goodness_of_fit_replicates,
        **_members(shard),
        "code": code["spectra_shard"],
    }


def spectra_spec(study: Study, networks: Ensemble | Checkpoint, code: Mapping[str, str]) -> Spec:
    """Return the spec of the tables of the spectra of one condition or network."""
    return {
        "spectra": spectra_shard_spec(study, networks, code),
        "members": networks.members,
        "seed": study.seed,
        "code": code["spectra"],
    }


def findings_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the study's findings; tables fix their numbers."""
    return {
        "epochs": study.headline_epochs,
        "level": study.statistics.significance_level,
        "labelled": {each.name: each.sides for each in study.ensembles if each.sides},
        "titles": {name: _title(study, one) for name, one in study.modelled.items()},
        "code": code["findings"],
    }


def claims_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the verdicts on claims; tables fix their numbers, and fits."""
    return {
        "level": study.statistics.significance_level,
        "models": {
            name: model_spec(study, condition, code) for name, condition in study.modelled.items()
        },
        "architectures": {name: one.architecture for name, one in study.trained.items()},
        "recipes": {
            name: recipe for recipe, names in by_recipe(study.trained).items() for name in names
        },
        "figures": {name: PATHS[name] for name in FIGURES.values()},
        "code": code["claims"],
    }


def answers_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the page of answers; tables fix its numbers."""
    return {
        "level": study.statistics.significance_level,
        "titles": titles(study),
        "code": code["answers"],
    }


def titles(study: Study) -> dict[str, str]:
    """Return networks in words, by their names and by those of architectures and recipes."""
    trained = study.trained
    words = {name: _title(study, one) for name, one in study.conditions.items()}
    for architecture, names in by_architecture(trained).items():
        words[architecture] = _title(study, trained[names[0]], but=_APART)
    for recipe, names in by_recipe(trained).items():
        words.setdefault(recipe, _title(study, trained[names[0]], but=("rate", "batch")))
    return words


def members_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the run's tables of conditions, members and learning curves."""
    return {
        "weights": {
            name: weights_spec(study, condition, code)
            for name, condition in study.conditions.items()
        },
        "members": {name: condition.members for name, condition in study.conditions.items()},
        "code": code["members"],
    }


def skipped_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the table of what networks from elsewhere have beside their layers."""
    elsewhere: tuple[Imported | Checkpoint, ...] = (*study.ensembles, *study.checkpoints)
    return {
        "weights": {each.name: weights_spec(study, each, code) for each in elsewhere},
        "code": code["skipped"],
    }


def distance_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the table of distances."""
    return {
        "models": {
            name: model_spec(study, condition, code) for name, condition in study.modelled.items()
        },
        "seed": study.seed,
        "draws": study.statistics.noise_floor_draws,
        "code": code["distance"],
    }


def spectra_table_spec(_: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the table of all spectra; the tables that it joins fix its numbers."""
    return {"code": code["spectra_table"]}


def gallery_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the picture of the study's invariants."""
    return {**_look(study), "invariants": study.invariants, "code": code["gallery"]}


def figure_spec(rule: str, *, level: bool = False) -> FigureSpec:
    """Return what makes the spec of a rule's figures of one condition; tables fix their numbers.

    With ``level`` they mark what is significant.
    """

    def spec(study: Study, networks: Ensemble | Checkpoint, code: Mapping[str, str]) -> Spec:
        judged = {"level": study.statistics.significance_level} if level else {}
        return {**_titled(study, networks), **judged, "code": code[rule]}

    return spec


def accuracy_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the figures of accuracy; tables fix their numbers."""
    return {
        **_look(study),
        "conditions": by_architecture(study.trained),
        "code": code["accuracy"],
    }


def condition_figures_spec(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the spec of the figures of a condition's laws; tables fix their numbers."""
    return {
        **_titled(study, condition),
        "level": study.statistics.significance_level,
        "members": condition.members,
        "code": code["condition_figures"],
    }


def architecture_figures_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the figures of each architecture's laws; tables fix their numbers."""
    return {
        **_look(study),
        "conditions": by_architecture(study.modelled_here),
        "code": code["architecture_figures"],
    }


def across_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the figure of what conditions are compared by; tables fix its numbers."""
    found = comparisons(study.modelled_here)
    return {**_look(study), "comparisons": found, "code": code["across"]}


def ensemble_map_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the map of ensembles; tables fix its numbers."""
    return {**_look(study), "seed": study.seed, "code": code["ensemble_map"]}


def noise_scale_figure_spec(study: Study, conditions: list[str], code: Mapping[str, str]) -> Spec:
    """Return the spec of the figure of laws by rate and batch size; tables fix its numbers."""
    one = study.trained[conditions[0]]
    return {
        **_look(study),
        "title": _title(study, one, but=("rate", "batch")),
        "code": code["noise_scale_figure"],
    }


def lazy_rich_spec(study: Study, _: list[str], code: Mapping[str, str]) -> Spec:
    """Return the spec of the figure of spectra by the output scale; tables fix its numbers."""
    return {**_look(study), "code": code["lazy_rich"]}


def rank_by_classes_spec(study: Study, code: Mapping[str, str]) -> Spec:
    """Return the spec of the figure of learned ranks by classes; tables fix their numbers."""
    groups = by_classes(study.with_spectra_here)
    return {**_look(study), "groups": groups, "code": code["rank_by_classes"]}


def _tested(study: Study, condition: Ensemble, code: Mapping[str, str]) -> Spec:
    """Return the keys of a `ConditionSpec`: a condition's members, and the epochs of its tests."""
    return {
        "weights": weights_spec(study, condition, code),
        "members": condition.members,
        "seed": study.seed,
        "epochs": study.tested_epochs(condition),
    }


def _look(study: Study) -> Spec:
    return {"look": study.figures.model_dump()}


def _titled(study: Study, networks: Ensemble | Checkpoint) -> Spec:
    return {**_look(study), "title": _title(study, networks)}


def _title(study: Study, networks: Ensemble | Checkpoint, but: tuple[str, ...] = ()) -> str:
    """Return what the figures of networks are called: the words of their row in conditions.csv."""
    if not isinstance(networks, Condition):
        return networks.name
    row = {
        "condition": networks.name,
        "dataset": networks.images,
        "inputs": networks.info.inputs,
        "hidden": "x".join(map(str, networks.hidden)),
        "outputs": networks.info.classes,
        "initialisation": networks.initialisation,
        "weight_decay": networks.weight_decay,
        "output_scale": networks.output_scale,
        "optimiser": networks.optimiser,
        "activation": networks.activation,
        "learning_rate": study.learning_rate_of(networks),
        "batch_size": study.batch_size_of(networks),
        "biases": networks.biases,
        "label_noise": networks.label_noise,
    }
    return condition_words(row, but)
