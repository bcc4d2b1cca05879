import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from support.figures import words

import weightlaws
from weightlaws.errors import WeightLawsError
from weightlaws.single_network.analysis import COLUMNS, QUICK, explained_by
from weightlaws.single_network.weightwatcher_metrics import METRICS, metrics
from weightlaws.spectra import analysis as spectra

# What has no number and needs no note: nothing to explain.
TEXT = ["explained_by", "tail_verdict", "notes"]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """All tests share a cache of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def network():
    """A network with a layer of each kind, as a state dict."""
    rng = np.random.default_rng(5)
    plain, scaled = rng.standard_normal((2, 120, 160))
    scaled[:, :8] *= 4  # scales alone
    learned = rng.standard_normal((120, 160))
    learned += 0.4 * rng.standard_normal((120, 3)) @ rng.standard_normal((3, 160))
    layers = {
        "plain": plain,
        "scaled": scaled,
        "learned": learned,
        "zero": np.zeros((30, 40)),
        "constant": np.full((60, 50), 0.7),
        "low": rng.standard_normal((64, 3)) @ rng.standard_normal((3, 64)),
        "small": rng.standard_normal((4, 7)),
        "two": rng.standard_normal((2, 50)),
        "conv": rng.standard_normal((16, 8, 3, 3)),
    }
    found = {f"{name}.weight": torch.from_numpy(a).float() for name, a in layers.items()}
    return found | {"plain.bias": torch.zeros(120)}


@pytest.fixture(scope="module")
def found():
    return weightlaws.analyse(network(), quick=True)


def row(found, layer):
    return found.table.set_index("layer").loc[layer]


def test_a_row_a_layer_and_a_reason_for_the_rest(found):
    assert [*found.table.columns] == [*COLUMNS]
    assert [*found.table["layer"]] == [name.removesuffix(".weight") for name in network()][:-1]
    assert found.skipped["name"].tolist() == ["plain.bias"]
    assert "vector" in found.skipped["reason"][0]
    assert tuple(row(found, "conv")[["rows", "columns"]]) == (16, 72)
    assert found.share == pytest.approx(1 - 120 / sum(w.numel() for w in network().values()))


def test_outliers_are_told_apart_by_what_explains_them(found):
    plain, scaled, learned = (row(found, layer) for layer in ("plain", "scaled", "learned"))
    assert (plain["outliers"], plain["learned_rank"], plain["explained_by"]) == (0, 0, "")
    assert scaled["learned_rank"] == 0
    assert scaled["outliers"] >= 5
    assert scaled["explained_by"].startswith("scale")
    assert learned["learned_rank"] == learned["outliers"] == 3
    assert learned["explained_by"] == "learned 3"


@pytest.mark.parametrize(
    ("outliers", "rank", "copies", "words"),
    [
        (0.0, 0.0, [0, 0], ""),
        (np.nan, np.nan, [], ""),
        (5.0, 2.0, [4, 2], "learned 2, scale 3"),
        (5.0, 2.0, [1, 1], "learned 2, scale 1, neither 2"),
        (2.0, 6.0, [3, 3], "learned 2"),
        (3.0, 0.0, [8, 8], "scale 3"),
    ],
)
def test_words_of_what_explains_outliers(outliers, rank, copies, words):
    assert explained_by(outliers, rank, {"outliers_above": np.array(copies, float)}) == words


def test_numbers_are_those_of_an_analysis_of_the_matrix_alone(found):
    matrix = network()["learned.weight"].numpy()
    alone = spectra.analyse(matrix, np.random.default_rng(0), sign_flips=0)
    mine = row(found, "learned")
    # The limits of outliers are simulated anew; level statistics hang on them alone.
    assert mine["mean_ratio"] == pytest.approx(alone.mean_ratio, abs=0.01)
    assert mine["tail_verdict"] == alone.tail_verdict
    expected, _ = metrics(matrix)
    assert dict(mine[[*METRICS]]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("keras", [False, True], ids=["PyTorch", "Keras"])
def test_a_kernel_is_measured_as_weightwatcher_does(found, keras):
    weight = network()["conv.weight"].numpy()
    expected, _ = metrics(weight.reshape(16, -1), (3, 3))
    if keras:
        found = weightlaws.analyse({"conv.kernel": weight.transpose(2, 3, 1, 0)}, quick=True)
    assert dict(row(found, "conv")[[*METRICS]]) == pytest.approx(expected, rel=1e-9)
    assert row(found, "conv")["matrix_rank"] == 72  # 8 for each of 9 positions


def test_what_is_no_convolution_has_no_kernel():
    rng = np.random.default_rng(6)
    module = torch.nn.ConvTranspose2d(8, 16, 3)
    experts = {"experts.gate_up_proj": rng.standard_normal((3, 20, 10))}
    for source, shape in ((torch.nn.Sequential(module), (144, 8)), (experts, (20, 10))):
        one = weightlaws.analyse(source, quick=True).table.iloc[0]
        assert (one["rows"], one["columns"], one["matrix_rank"]) == (*shape, min(shape))


def test_numbers_that_are_missing_have_a_note(found):
    for _, one in found.table.iterrows():
        for name, value in one.drop([*TEXT, "layer"]).items():
            if pd.isna(value):
                assert re.search(rf"\b{name}\b", one["notes"]), (one["layer"], name)
    assert "all entries are 0" in row(found, "zero")["notes"]
    assert "rank 3: 61 of 64 singular values are 0" in row(found, "low")["notes"]
    assert "rank 1" in row(found, "constant")["notes"]
    assert row(found, "low")["outliers"] == 3


def test_what_is_not_finite_is_left_out_by_name():
    state = network()
    state["plain.weight"][3, 4] = np.nan
    found = weightlaws.analyse(state, quick=True, include=["plain", "two"])
    assert [*found.table["layer"]] == ["two"]
    reasons = dict(found.skipped.to_numpy())
    assert "1 of 19200 weights" in reasons["plain"]


def test_a_seed_fixes_all_numbers_and_layers_do_not_hang_on_each_other(found):
    again = weightlaws.analyse(network(), quick=True)
    pd.testing.assert_frame_equal(found.table, again.table)
    alone = weightlaws.analyse(network(), quick=True, exclude=["plain", "zero", "constant"])
    for name in alone.table["layer"]:
        pd.testing.assert_series_equal(row(alone, name), row(found, name))


def test_a_module_a_file_and_a_state_dict_are_one_network(tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(40, 30), torch.nn.ReLU(), torch.nn.Linear(30, 9))
    torch.save(module.state_dict(), tmp_path / "net.pt")
    sources = (module, module.state_dict(), tmp_path / "net.pt", str(tmp_path / "net.pt"))
    first, *others = (weightlaws.analyse(source, quick=True).table for source in sources)
    assert [*first["layer"]] == ["0", "2"]
    for other in others:
        pd.testing.assert_frame_equal(first, other)


def test_progress_is_told():
    told = []
    state = {name: network()[f"{name}.weight"] for name in ("small", "two")}
    weightlaws.analyse(state, quick=True, progress=lambda *step: told.append(step))
    assert told[-1] == (2, 2, "")
    assert [step for step in told if step[0] == 1] == [(1, 2, "two")]


def test_a_figure_shows_singular_values_levels_vectors_and_tail(found):
    text = words(found.plot("learned"))
    for told in (
        "learned, 120\u2009×\u2009160",
        "outliers 3",
        "learned rank 3",
        "mean ratio",
        "tail:",
    ):
        assert told in text


@pytest.mark.parametrize(
    ("layer", "message"),
    [("zero", "none above 0"), ("other", "found 'other', expected one of plain, scaled")],
)
def test_what_cannot_be_drawn_is_refused(found, layer, message):
    with pytest.raises(WeightLawsError, match=message):
        found.plot(layer)


def test_the_page_needs_nothing_beside_it(tmp_path):
    found = weightlaws.analyse(network(), quick=True, include=["learned", "zero"])
    found.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    assert text.count("data:image/png;base64,") == len(found.table) - 1  # nothing of zeros
    assert "No figure" in text
    assert str(QUICK) in text
    for layer in found.table["layer"]:
        assert re.search(rf'<h2 id="layer\d+">{layer}</h2>', text)
    assert "plain.bias" in text


def test_names_are_escaped_on_the_page(tmp_path):
    found = weightlaws.analyse({"<b>.weight": np.zeros((9, 9))}, quick=True)
    found.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;" in text
    assert "<b>.weight" not in text
    assert ">&lt;b&gt;</h2>" in text


def test_it_works_without_snakemake_and_imports_torchvision_only_if_asked():
    code = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("snakemake", "torchvision"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import numpy as np, weightlaws
matrix = np.random.default_rng(0).standard_normal((12, 12))
found = weightlaws.analyse({"a.weight": matrix}, quick=True)
print(*found.table["layer"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "a\n"
