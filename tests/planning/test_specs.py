import hashlib
import json

import h5py
import numpy as np
import pytest
from support.project import CODE, DEFAULT

from weightlaws.figures.words import condition_words
from weightlaws.inference.claims import Evidence
from weightlaws.planning.specs import (
    across_spec,
    answers_spec,
    catalogue_spec,
    claims_spec,
    comparison_spec,
    distance_spec,
    drawn_networks_spec,
    eigenvalues_spec,
    entries_spec,
    figure_spec,
    findings_spec,
    gallery_spec,
    import_spec,
    interacting_spec,
    invariants_spec,
    members_spec,
    model_spec,
    network_law_spec,
    null_spec,
    omnibus_spec,
    significance_spec,
    spectra_shard_spec,
    spectra_spec,
    symmetry_spec,
    training_spec,
    weights_spec,
)
from weightlaws.storage.shard_specs import WeightsSpec
from weightlaws.study.conditions import Shard
from weightlaws.study.study import parse_study
from weightlaws.training.members_job import conditions_table


def study(**changes):
    return parse_study({**DEFAULT, **changes})


def sweep(**changes):
    return {**DEFAULT["sweeps"][0], **changes}


def specs(configured):
    """Every stage's specs, for a condition that all these studies have."""
    condition = configured.conditions["digits-10x10x10-gaussian-decay0"]
    shard = Shard(0, 24)
    return {
        "train": training_spec(configured, condition, CODE, shard),
        "invariants": invariants_spec(configured, condition, CODE, shard),
        "model": model_spec(configured, condition, CODE),
        "members": members_spec(configured, CODE),
        "distance": distance_spec(configured, CODE),
        "significance": significance_spec(configured, condition, CODE),
        "omnibus": omnibus_spec(configured, condition, CODE),
        "comparison": comparison_spec(configured, condition, CODE),
        "symmetry": symmetry_spec(configured, condition, CODE),
        "entries": entries_spec(configured, condition, CODE),
        "eigenvalues": eigenvalues_spec(configured, condition, CODE),
        "interacting": interacting_spec(configured, condition, CODE),
        "network_law": network_law_spec(configured, condition, CODE),
        "drawn_networks": drawn_networks_spec(configured, condition, CODE),
        "findings": findings_spec(configured, CODE),
        "claims": claims_spec(configured, CODE),
        "answers": answers_spec(configured, CODE),
        "catalogue": catalogue_spec(configured, CODE),
        "null": null_spec(configured, (10, 784), CODE),
        "spectra_shard": spectra_shard_spec(configured, condition, CODE, shard),
        "spectra": spectra_spec(configured, condition, CODE),
        "figures": gallery_spec(configured, CODE),
    }


def test_figures_are_called_by_the_words_of_the_table_of_conditions():
    sweeps = [
        sweep(weight_decays=[0, 0.01], learning_rates=[None, 0.002], batch_sizes=[None, 25]),
        sweep(weight_decays=[0], output_scales=[4.0]),
        sweep(optimisers=["sgd"], activations=["tanh"], biases=[True], label_noise=[0.5]),
    ]
    configured = study(sweeps=sweeps, learning_rate=0.003)
    spec = members_spec(configured, CODE)
    table = conditions_table(spec["weights"], spec["members"]).to_dict("records")
    assert len(table) > 8
    for row in table:
        condition = configured.conditions[row["condition"]]
        title = figure_spec("spectra_figures")(configured, condition, CODE)["title"]
        assert title == condition_words(row)
    assert any("learning rate 0.003" in condition_words(row) for row in table)


def test_claims_compare_the_conditions_that_the_figure_across_them_does():
    widths = [[10, 10], [20, 20], [10, 10, 10], [20, 20, 20]]
    configured = study(
        sweeps=[
            sweep(hidden=widths, initialisations=["gaussian", "uniform"], weight_decays=[0.0, 0.01])
        ]
    )
    spec = members_spec(configured, CODE)
    table = conditions_table(spec["weights"], spec["members"])
    planned = across_spec(configured, CODE)["comparisons"]
    for kind, column in (("width", "hidden"), ("weight decay", "weight_decay")):
        groups = Evidence({"conditions": table}).alike_but(column)
        found = {frozenset(group["condition"]) for group in groups}
        assert found == {frozenset(names) for names in planned[kind]}
        assert len(found) == 8
        assert {len(names) for names in found} == {2}


FROM_INVARIANTS = {"invariants", "model", "distance", "claims"}
SPECTRA = {"spectra_shard", "spectra"}
TESTED = {"comparison", "symmetry", "significance", "omnibus"}
ENTRIES = {"entries", "eigenvalues"}
BEYOND = {"interacting", "network_law", "drawn_networks"}
FROM_TRAIN = {"train", "members"} | TESTED | ENTRIES | BEYOND | FROM_INVARIANTS | SPECTRA


def statistics(**changes):
    return {"statistics": {**DEFAULT["statistics"], **changes}}


def spectra(**changes):
    return {"spectra": {**DEFAULT["spectra"], **changes}}


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({}, set()),
        ({"name": "other"}, set()),
        ({"device": "cpu"}, set()),
        ({"engine": "numba"}, set()),
        ({"keep_state": False}, set()),
        ({"data": "elsewhere"}, set()),
        ({"shard_size": 10}, set()),
        ({"figures": {**DEFAULT["figures"], "column_width": 5.0}}, {"figures"}),
        (statistics(noise_floor_draws=50), {"distance"}),
        (
            statistics(bootstrap_replicates=50),
            {"model", "distance", "claims", "interacting"} | ENTRIES | SPECTRA,
        ),
        (statistics(simulated_matrices=500), {"significance"}),
        (statistics(simulated_ensembles=500), {"significance"}),
        (statistics(randomisations=999), {"symmetry", "network_law"}),
        (statistics(folds=2), {"comparison", "interacting", "network_law"}),
        (statistics(interacting=False), set()),
        (statistics(fold_orders=2), {"comparison"}),
        (statistics(omnibus_ensembles=199), {"omnibus"}),
        (
            statistics(significance_level=0.1),
            {"findings", "significance", "omnibus", "claims", "answers"},
        ),
        (
            statistics(headline_epochs=[0, 50]),
            {"findings", "interacting", "network_law"} | TESTED | ENTRIES | SPECTRA,
        ),
        (spectra(null_matrices=100), {"null"}),
        (spectra(permutations=9), SPECTRA),
        (spectra(sign_flips=19), SPECTRA),
        (spectra(goodness_of_fit_replicates=10), SPECTRA),
        (
            {"invariants": "published"},
            FROM_INVARIANTS | {"significance", "catalogue", "figures"},
        ),
        ({"members": 125}, FROM_TRAIN - {"train", "invariants", "spectra_shard"}),
        (
            {"sweeps": [*DEFAULT["sweeps"], sweep(hidden=[[20, 20]])]},
            {"members", "distance", "findings", "claims", "answers"},
        ),
        (
            {
                "sweeps": [
                    *DEFAULT["sweeps"],
                    sweep(weight_decays=[0], output_scales=[4], analyses=["spectra"]),
                ]
            },
            {"members", "claims", "answers"},
        ),
        (
            {"sweeps": [sweep(members=50), *DEFAULT["sweeps"][1:]]},
            FROM_TRAIN - {"train", "invariants", "spectra_shard"},
        ),
        ({"sweeps": [sweep(analyses=["models"]), *DEFAULT["sweeps"][1:]]}, set()),
        ({"sweeps": [sweep(output_scales=[None]), *DEFAULT["sweeps"][1:]]}, set()),
        ({"sweeps": [sweep(classes=[None]), *DEFAULT["sweeps"][1:]]}, set()),
        ({"seed": 1}, FROM_TRAIN | {"null"}),
        ({"epochs": 51}, FROM_TRAIN | {"findings"}),
        ({"batch_size": 50}, FROM_TRAIN | {"findings", "answers"}),
        ({"learning_rate": 0.002}, FROM_TRAIN | {"findings", "answers"}),
        ({"snapshots": [1, 10]}, FROM_TRAIN),
        ({"snapshots": "all"}, set()),
        ({"sweeps": [sweep(snapshots=[1, 10]), *DEFAULT["sweeps"][1:]]}, FROM_TRAIN),
        ({"rectangular_snapshots": [1]}, FROM_TRAIN),
    ],
)
def test_what_each_key_changes(changes, stages):
    before, after = specs(study()), specs(study(**changes))
    assert {stage for stage in before if before[stage] != after[stage]} == stages


def test_an_output_scale_is_another_training():
    scaled = study(sweeps=[sweep(weight_decays=[0], output_scales=[None, 4])])
    plain, lazy = (
        training_spec(scaled, scaled.conditions[f"digits-10x10x10-gaussian-decay0{end}"], CODE)
        for end in ("", "-alpha4")
    )
    assert {key: (plain[key], lazy[key]) for key in plain if plain[key] != lazy[key]} == {
        "output_scale": (None, 4.0)
    }


def test_some_classes_are_other_images_and_outputs():
    some = study(sweeps=[sweep(weight_decays=[0], classes=[None, 2])])
    whole, two = (
        training_spec(some, some.conditions[f"{images}-10x10x10-gaussian-decay0"], CODE)
        for images in ("digits", "digits-2classes")
    )
    # The output layer is not square any more, and is kept at other epochs.
    assert {key for key in whole if whole[key] != two[key]} == {"dataset", "shapes", "snapshots"}
    assert list(whole["dataset"]) == ["dataset", "code"]
    assert two["dataset"] == {
        "dataset": "digits-2classes",
        "of": "digits",
        "classes": [0, 1],
        "code": f"{CODE['dataset']} {CODE['datasets/digits']}",
    }
    # Images, and not only layers, have to be alike for a distance.
    assert WeightsSpec.parse(two).dataset == "digits-2classes"


def test_members_are_counted_by_condition():
    both = study(sweeps=[sweep(), sweep(hidden=[[20, 20]], members=7, analyses=["spectra"])])
    spec = members_spec(both, CODE)
    assert list(spec["members"]) == list(spec["weights"]) == list(both.conditions)
    assert set(spec["members"].values()) == {100, 7}
    assert list(distance_spec(both, CODE)["models"]) == list(both.modelled)


def test_specs_are_plain_and_keep_their_order():
    for stage, spec in specs(study()).items():
        # What Snakemake compares is the repr; what files keep is JSON.
        assert repr(json.loads(json.dumps(spec))) == repr(spec), stage
        assert repr(specs(study())[stage]) == repr(spec)


@pytest.fixture
def own(tmp_path):
    """A study of an ensemble and a network that were trained elsewhere."""
    for name in ("ensemble", "network"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["b"] = file["a"] = np.random.default_rng(0).normal(size=(6, 7, 7))
    return study(
        ensembles=[str(tmp_path / "ensemble.h5")], checkpoints=[str(tmp_path / "network.h5")]
    )


IMPORTS = {"import_ensemble": "ensembles", "import_network": "networks"}


def test_what_fixes_weights_that_were_trained_elsewhere(own, tmp_path):
    code = CODE | IMPORTS
    shard = weights_spec(own, own.conditions["ensemble"], code, Shard(0, 3))
    assert shard == {
        "source": str(tmp_path / "ensemble.h5"),
        **{"include": [], "exclude": [], "state_dict": None, "epoch": None, "layout": None},
        "layers": {},
        "labelled": {},
        "shapes": {"a": [7, 7], "b": [7, 7]},
        "epochs": 0,
        "snapshots": {"a": [0], "b": [0]},
        "members": [0, 3],
        "code": "ensembles",
    }
    source = str(tmp_path / "network.h5")
    selected = {"source": source, "include": [], "exclude": [], "state_dict": None}
    network = {**selected, "epochs": 0, "members": [0, 0], "code": "networks"}
    assert weights_spec(own, own.with_spectra["network"], code, Shard(0, 0)) == network
    name, condition = next(iter(own.trained.items()))
    trained = training_spec(own, condition, code, Shard(0, 24))
    assert weights_spec(own, own.conditions[name], code, Shard(0, 24)) == trained


def test_an_import_rests_on_what_files_hold(own, tmp_path):
    code, ensemble = CODE | IMPORTS, own.conditions["ensemble"]
    spec = import_spec(own, ensemble, code, Shard(0, 3))
    digest = hashlib.sha256((tmp_path / "ensemble.h5").read_bytes()).hexdigest()[:16]
    digests = {str(tmp_path / "ensemble.h5"): digest}
    assert spec == {**weights_spec(own, ensemble, code, Shard(0, 3)), "digests": digests}
    network = own.with_spectra["network"]
    assert [*import_spec(own, network, code, Shard(0, 0))["digests"]] == [network.source]


def test_an_import_of_some_members_of_a_folder_rests_on_their_files(tmp_path):
    for member in range(6):
        with h5py.File(tmp_path / f"net{member}.h5", "w") as file:
            file["a"] = np.full((5, 5), member, np.float32)
    one = study(ensembles=[str(tmp_path)])
    (ensemble,) = one.ensembles
    spec = import_spec(one, ensemble, CODE | IMPORTS, Shard(1, 2))
    assert [*spec["digests"]] == [str(tmp_path / "net1.h5"), str(tmp_path / "net2.h5")]


def test_stages_rest_on_weights_that_were_trained_elsewhere(own):
    code, ensemble = CODE | IMPORTS, own.conditions["ensemble"]
    weights = weights_spec(own, ensemble, code)
    assert "members" not in weights
    invariants = invariants_spec(own, ensemble, code)
    assert invariants["weights"] == weights
    assert invariants["layers"] == ["a", "b"]
    for spec in (comparison_spec, symmetry_spec):
        found = spec(own, ensemble, code)
        assert (found["weights"], found["members"]) == (weights, 6)
        assert found.get("epochs", [0]) == [0]
    assert significance_spec(own, ensemble, code)["epochs"] == [0]
    assert members_spec(own, code)["weights"]["ensemble"] == weights
    assert "network" not in members_spec(own, code)["weights"]
    assert json.loads(json.dumps(members_spec(own, code))) == members_spec(own, code)
