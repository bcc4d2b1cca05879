import re
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from support.project import CODE
from support.rounding import assert_sums_close, parameter_terms
from support.small_study import make_results, small_study

import weightlaws
from weightlaws.errors import WeightLawsError
from weightlaws.external.import_job import import_shard
from weightlaws.inference.interacting import law_graphs
from weightlaws.inference.stored_fits import read_fits
from weightlaws.invariants.catalogue import catalogue
from weightlaws.invariants.evaluation import evaluate
from weightlaws.laws.bipartite import Bipartite
from weightlaws.laws.iid import IID
from weightlaws.laws.interacting import Interacting
from weightlaws.laws.one_sided import OneSided
from weightlaws.laws.pigmm import PIGMM
from weightlaws.planning.specs import import_spec
from weightlaws.results import Results
from weightlaws.storage.hdf5 import StorageError
from weightlaws.storage.shards import read_shard
from weightlaws.study.study import study_to_yaml

SQUARE = "hidden1-hidden2"


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "small"
    make_results(folder, small_study(), digits)
    return folder


@pytest.fixture
def beside(folder, tmp_path):
    """The same files, beside the record of another study."""

    def copy(**changes):
        shutil.copytree(folder, tmp_path / "copy")
        (tmp_path / "copy" / "study.yaml").write_text(study_to_yaml(small_study(**changes)))
        return weightlaws.load(tmp_path / "copy")

    return copy


def test_results_are_those_in_the_files(folder):
    results = weightlaws.load(folder)
    (name,) = results.study.conditions
    weights = results.weights(name, SQUARE)
    shards = [read_shard(folder / "weights" / name / f"{range_}.h5") for range_ in ("0-1", "2-2")]
    expected = np.concatenate([shard.weights[SQUARE] for shard in shards])
    np.testing.assert_array_equal(weights, expected)
    # Axes and their coordinates tell a value, without counting.
    assert weights.dims == ("member", "epoch", "row", "column")
    assert weights.sel(member=2, epoch=1, row=3, column=4).item() == expected[2, 1, 3, 4]
    invariants = results.member_invariants(name, SQUARE)
    assert invariants.dims == ("member", "epoch", "invariant")
    assert invariants.shape == (3, 3, 52)
    squares = np.square(expected[:, 2].astype(np.float64)).sum(axis=(1, 2))
    named = invariants.sel(epoch=2, invariant="ij.ij")
    np.testing.assert_allclose(named, squares, rtol=1e-12)
    assert named["published"].item() == "I3"
    law, fit = results.fit(name, SQUARE, 1), read_fits(folder / "models" / f"{name}.h5")[SQUARE]
    terms = parameter_terms(expected[:, 1])
    assert_sums_close(law.parameters, fit.parameters[1], terms, units=10)


READINGS = {
    "weights": lambda results, name: results.weights(name, SQUARE),
    "laws": lambda results, name: results.fit(name, SQUARE, 0),
    "invariants": lambda results, name: results.member_invariants(name, SQUARE),
}
KINDS = {"laws": "weights"}


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"seed": 1}, {"weights": "", "laws": "", "invariants": "weights."}),
        ({"invariants": "complete"}, {"invariants": ""}),
    ],
)
def test_files_of_another_study_are_refused_by_name_and_key(beside, changes, keys):
    results, ((key, value),) = beside(**changes), changes.items()
    (name,) = results.study.conditions
    for kind, read in READINGS.items():
        if kind not in keys:
            read(results, name)
            continue
        with pytest.raises(StorageError) as error:
            read(results, name)
        message = str(error.value)
        assert message.startswith(f"{results.folder / KINDS.get(kind, kind) / name}")
        assert f": spec.{keys[kind]}{key}: found {getattr(small_study(), key)}, " in message
        assert f"expected {value}; delete the file" in message


def test_a_shard_in_another_s_place_is_refused(beside):
    results = beside()
    (name,) = results.study.conditions
    weights = results.folder / "weights" / name
    shutil.copy(weights / "0-1.h5", weights / "2-2.h5")
    with pytest.raises(StorageError, match=r"2-2\.h5: spec\.members: found \[0, 1\], expected"):
        results.weights(name, SQUARE)


def test_settings_that_change_no_number_are_no_other_study(beside):
    results = beside(keep_state=False, device="cpu")
    (name,) = results.study.conditions
    for read in READINGS.values():
        read(results, name)


def test_more_members_than_there_are_files_are_missed(beside):
    results = beside(members=4)
    (name,) = results.study.conditions
    with pytest.raises(WeightLawsError, match=r"2-3\.h5: found no such file"):
        results.weights(name, SQUARE)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """120 networks from elsewhere, whose layers are called 0, 2 and 3, and the arrays."""
    folder, rng = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    shapes = {"0": (4, 6), "2": (5, 5), "3": (2, 5)}
    arrays = {
        layer: rng.standard_normal((120, *shape)).astype(np.float32)
        for layer, shape in shapes.items()
    }
    with h5py.File(folder / "nets.h5", "w") as file:
        file.update(arrays)
    entry = {
        "source": str(folder / "nets.h5"),
        "name": "nets",
        "labelled": {"0": "columns", "3": "rows"},
    }
    study = small_study(sweeps=[], ensembles=[entry], shard_size=50)
    (nets,) = study.conditions.values()
    for shard in study.shards(nets):
        path = folder / "results" / "weights" / "nets" / f"{shard.name}.h5"
        import_shard(path, import_spec(study, nets, CODE, shard))
    (folder / "results" / "study.yaml").write_text(study_to_yaml(study))
    table = {"condition": "nets", "layer": ["0", "2", "3"], "epoch": 0, "selection": "all"}
    (folder / "results" / "comparison").mkdir()
    pd.DataFrame(table).to_csv(folder / "results" / "comparison" / "nets.csv", index=False)
    return weightlaws.load(folder / "results"), arrays


LAWS = {
    "iid": IID.fit,
    "i.i.d.": IID.fit,
    "bipartite": Bipartite.fit,
    "pigmm": PIGMM.fit,
    "diagonal S_D": PIGMM.fit,
    "interacting": lambda x: Interacting.fit(x, graphs=law_graphs(x.shape[1:], len(x))),
}


@pytest.mark.parametrize("law", LAWS)
def test_a_law_by_its_name_is_the_fit_to_the_weights(own, law):
    results, arrays = own
    found, expected = results.fit("nets", "2", 0, law), LAWS[law](arrays["2"].astype(np.float64))
    assert type(found) is type(expected)
    np.testing.assert_array_equal(found.parameters, expected.parameters)


def test_a_law_with_labels_knows_their_side(own):
    results, arrays = own
    for layer, side in (("0", "columns"), ("3", "rows")):
        law = results.fit("nets", layer, 0, "one-sided")
        assert (type(law), law.labelled) == (OneSided, side)
        axis = {"rows": 2, "columns": 1}[side]
        np.testing.assert_allclose(law.means, arrays[layer].mean((0, axis)), atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "epoch", "law", "words"),
    [
        ("2", 0, "gaussian", "law: found 'gaussian', expected one of"),
        ("2", 0, "one-sided", r"law of 2, 5 x 5: found 'one-sided', expected one of .*bipartite"),
        ("0", 0, "pigmm", "law of 0, 4 x 6: found 'pigmm'"),
        ("0", 0, "interacting", "law of 0, 4 x 6: found 'interacting'"),
        ("2", 1, "iid", r"epoch: found 1, expected one of \[0\]"),
        (2, 0, "iid", "layer: found 2, expected one of"),
    ],
)
def test_a_law_that_is_not_there_is_refused_by_name(own, layer, epoch, law, words):
    with pytest.raises(WeightLawsError, match=words):
        own[0].fit("nets", layer, epoch, law)


def test_an_interacting_law_of_few_members_is_refused(folder):
    results = weightlaws.load(folder)
    (name,) = results.study.conditions
    with pytest.raises(WeightLawsError, match="found 3 members are too few for 9 couplings"):
        results.fit(name, SQUARE, 2, "interacting")


def test_laws_are_of_the_members_that_were_selected(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    results = weightlaws.load(tmp_path / "copy", selection="without dead outputs")
    (name,) = results.study.conditions
    with h5py.File(tmp_path / "copy" / "weights" / name / "0-1.h5", "r+") as file:
        dead = file["dead_output"][...]
        dead[0, -1] = True
        file["dead_output"][...] = dead
    kept = results.weights(name, SQUARE).sel(member=[1, 2], epoch=2).astype(np.float64)
    found = results.fit(name, SQUARE, 2, "bipartite")
    np.testing.assert_array_equal(found.parameters, Bipartite.fit(kept).parameters)


def test_invariants_are_named_as_tables_name_them(own):
    results, arrays = own
    names = ["ii.jj", "I45", "ia.ib", "ij.ik"]
    for law in ("iid", "bipartite", "pigmm"):
        fitted = results.fit("nets", "2", 0, law)
        values = fitted.expectation(names)
        table = {graph.name: graph for graph in catalogue("complete")}
        graphs = [table["ii.jj"], table["ij.ij.ij.ij"], table["ij.ik"], table["ij.ik"]]
        np.testing.assert_allclose(values, fitted.expectation(graphs), rtol=1e-12)
    # The 13-parameter law is fitted to them, so that it knows the means.
    means = evaluate(graphs, arrays["2"].astype(np.float64)).mean(0)
    np.testing.assert_allclose(values[[0, 2, 3]], means[[0, 2, 3]], rtol=1e-9)


def test_names_complete(own):
    results, arrays = own
    assert results._ipython_key_completions_() == ["nets"]
    assert results["nets"]._ipython_key_completions_() == ["0", "2", "3"]
    layer = results["nets"]["2"]
    np.testing.assert_array_equal(layer.weights()[:, 0], arrays["2"])
    assert layer.epochs == [0]
    assert layer.fit(0, "iid").parameters[0] == pytest.approx(arrays["2"].mean(), abs=1e-6)
    for wrong, words in (("x", "condition: found 'x'"), ("nets", "layer: found 2, expected")):
        with pytest.raises(WeightLawsError, match=words):
            results[wrong][2]
    # Of the tables those that there are.
    offered = {*dir(results)}
    assert {"comparison", "weights", "fit", "headline"} <= offered
    assert not {"findings", "distances", "costs", "noise_scale"} & offered


def test_a_layer_called_2_is_text(own):
    assert own[0].comparison["layer"].tolist() == ["0", "2", "3"]


def test_a_notebook_shows_what_there_is(own, tmp_path):
    results, _ = own
    page = results._repr_html_()
    cells = re.findall("<td>(.*?)</td>", page)
    assert cells[:3] == ["nets", "120", "0 (4 x 6), 2 (5 x 5), 3 (2 x 5)"]
    assert cells[3:] == ["comparison", Results.comparison.__doc__.rstrip(".")]
    assert "report.html" not in page
    copy = tmp_path / "copy"
    shutil.copytree(results.folder, copy)
    for name in ("report.html", "answers.html"):
        (copy / name).touch()
    page = weightlaws.load(copy)._repr_html_()
    assert 0 < page.index("answers.html") < page.index("report.html")


def test_claims_are_counted(own, tmp_path):
    shutil.copy(own[0].folder / "study.yaml", tmp_path)
    verdicts = ["holds", "not tested here", "fails", "holds", "holds in part", "fails", "fails"]
    pd.DataFrame({"claim": [*"ABCDEFG"], "verdict": verdicts}).to_csv(
        tmp_path / "claims.csv", index=False
    )
    counted = weightlaws.load(tmp_path).claims_counted()
    assert counted == "claims: 2 hold, 1 in part, 3 fail, 1 not tested here"
