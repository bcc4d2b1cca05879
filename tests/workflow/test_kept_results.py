"""What is kept of the mini study: the files that its README names, with the study's numbers."""

import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from support.project import ROOT

import weightlaws
from weightlaws import kept_results
from weightlaws.errors import WeightLawsError
from weightlaws.kept_results import keep
from weightlaws.storage.shard_digests import joint_digest, member_digests
from weightlaws.storage.shards import read_shard
from weightlaws.storage.tables import read_table

COMMAND = "make results STUDY=mini"


@pytest.fixture(scope="module")
def folder(mini):
    return mini.folder / "results/mini"


@pytest.fixture(scope="module")
def kept(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("kept") / "mini"
    keep(folder, out, COMMAND)
    return out


def test_the_readme_names_every_file(folder, kept):
    page = (kept / "README.md").read_text()
    named = {"README.md", *re.findall(r"\]\(([^)]+)\)", page)}
    assert {str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file()} == named
    assert "15 networks in 3 conditions" in page
    assert COMMAND in page
    assert weightlaws.load(kept).study == weightlaws.load(folder).study


def test_claims_and_figures_are_the_files_of_the_study(folder, kept):
    assert (kept / "claims.csv").read_bytes() == (folder / "claims.csv").read_bytes()
    figures = {path.relative_to(kept) for path in kept.rglob("*.svg")}
    for path in figures:
        assert (kept / path).read_bytes() == (folder / path).read_bytes()
    claims = read_table(kept / "claims.csv")
    assert {*claims["figure"].dropna()} <= {*map(str, figures)}


def test_tables_have_the_numbers_of_the_study_in_four_digits(folder, kept):
    results = weightlaws.load(folder)
    found, expected = read_table(kept / "tables/misses.csv"), results.misses
    pd.testing.assert_frame_equal(found, expected, rtol=1e-3, check_dtype=False)
    # All invariants are too many: those that the paper names are kept, of some epochs.
    found, all_ = read_table(kept / "tables/invariants.csv"), results.invariants
    assert len(found) < len(all_)
    expected = all_[all_["published"].notna()].merge(
        found[["condition", "layer", "epoch"]].drop_duplicates()
    )
    assert found["published"].tolist() == expected["published"].tolist()
    assert found["mean"].tolist() == pytest.approx(expected["mean"].tolist(), rel=1e-3)
    assert found["epoch"].max() == 2


def test_digests_are_those_of_the_weights(folder, kept):
    digests = pd.read_csv(kept / "shards.csv")
    assert len(digests) == 9
    for row in digests.itertuples():
        members = member_digests(read_shard(folder / "weights" / row.condition / f"{row.shard}.h5"))
        assert row.sha256 == joint_digest(members)
        assert row.first_member_sha256 == members[0]


def test_versions_say_what_made_the_files(kept):
    made = yaml.safe_load((kept / "versions.yaml").read_text())
    assert made["command"] == COMMAND
    (weights,) = made["made_with"]["weights"]
    assert weights["files"] == 9
    assert weights["trained_by"][0]["engine"] == "numba"
    assert {"processor", "blas", "numba"} <= weights["trained_by"][0].keys()
    assert {*made["made_with"]} == {"weights", "invariants", "model", "null", "spectra"}
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode == 0:
        assert made["commit"].startswith(done.stdout.strip())


def test_keeping_again_replaces_all_and_a_missing_result_nothing(folder, tmp_path):
    copy, out = tmp_path / "copy", tmp_path / "kept"
    shutil.copytree(folder, copy)
    (copy / "logs/train/gone-on.log").write_text("state/x.h5 has epochs 0 to 1\n")
    keep(copy, out, "first")
    assert (
        "1 of the training jobs went on from the state of an earlier one"
        in (out / "README.md").read_text()
    )
    (out / "tables/old.csv").touch()
    # A folder is replaced once all is written.
    (copy / "claims.csv").rename(copy / "away.csv")
    with pytest.raises(WeightLawsError, match=r"claims\.csv: found no such file"):
        keep(copy, out, "second")
    assert (out / "tables/old.csv").is_file()
    (copy / "away.csv").rename(copy / "claims.csv")
    keep(copy, out, "second")
    assert not (out / "tables/old.csv").exists()
    assert "second" in (out / "README.md").read_text()


def test_a_table_that_is_too_long_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_results, "LARGEST_TABLE", 2_000)
    keep(folder, tmp_path / "kept", COMMAND)
    (said,) = re.findall(r"left out: (.*)\.", (tmp_path / "kept/README.md").read_text())
    assert {"misses", "significance"} <= {*said.split(", ")}
    assert not (tmp_path / "kept/tables/misses.csv").exists()


def test_the_command_keeps_results(folder, tmp_path):
    command = [sys.executable, "-m", "weightlaws.command", "keep"]
    done = subprocess.run(
        [*command, str(folder), str(tmp_path / "kept")], capture_output=True, text=True, check=True
    )
    assert f"{tmp_path / 'kept'}/README.md" in done.stdout
    assert "--configfile study.yaml" in (tmp_path / "kept/README.md").read_text()
