import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from support.project import ROOT

from weightlaws import command
from weightlaws.command import main
from weightlaws.study.study import parse_study


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """All tests share a cache of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def file(tmp_path):
    torch.manual_seed(1)
    layers = {"body": torch.nn.Linear(40, 30), "head": torch.nn.Linear(30, 9)}
    torch.save(torch.nn.ModuleDict(layers).state_dict(), tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_analyse_writes_tables_and_a_page(file, tmp_path, capsys):
    main(["analyse", str(file), "--out", str(tmp_path / "out"), "--quick", "--seed", "3"])
    layers = pd.read_csv(tmp_path / "out/layers.csv")
    assert [*layers["layer"]] == ["body", "head"]
    assert [*layers.columns[:4]] == ["layer", "rows", "columns", "outliers"]
    skipped = pd.read_csv(tmp_path / "out/skipped.csv")
    assert [*skipped["name"]] == ["body.bias", "head.bias"]
    assert "<h2" in (tmp_path / "out/report.html").read_text()
    shown = capsys.readouterr()
    assert "97.4% of the trained weights are in 2 layers; 2 parameters left out" in shown.out
    assert "100 random matrices of its shape and 19 copies with random signs" in shown.out
    assert shown.err == ""  # no bar where nobody watches


def test_analyse_takes_patterns_and_writes_beside_by_default(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["analyse", str(file), "--quick", "--exclude", "bo*"])
    assert [*pd.read_csv("weightlaws-net/layers.csv")["layer"]] == ["head"]
    with pytest.raises(SystemExit, match="no layer of that name"):
        main(["analyse", str(file), "--quick", "--include", "tail", "--out", "refused"])
    assert not (tmp_path / "refused").exists()


def test_keep_refuses_a_folder_that_holds_something_else(tmp_path):
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/draft.tex").touch()
    with pytest.raises(SystemExit, match=r"papers: found files, and no shards\.csv among them"):
        main(["keep", str(tmp_path), str(tmp_path / "papers")])
    with pytest.raises(SystemExit, match=r"study\.yaml: found no such file"):
        main(["keep", str(tmp_path), str(tmp_path / "new")])
    assert [path.name for path in tmp_path.rglob("*")] == ["papers", "draft.tex"]


def test_analyse_tells_its_progress_on_a_terminal(file, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    main(["analyse", str(file), "--quick", "--out", str(file.parent / "out")])
    shown = capsys.readouterr().err
    assert "layer 1 of 2 body" in shown
    assert "layer 2 of 2 head" in shown
    assert shown.endswith("#] layer 2 of 2 \n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyse", "{tmp}/none.pt"], "none.pt"),
        (["progress", "{tmp}"], "study.yaml"),
        (["new", "{tmp}/net.pt"], "found a file, expected a name that is free"),
        (["new", "{tmp}/none/study.yaml"], "no such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_message(file, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    before = file.read_bytes()
    with pytest.raises(SystemExit, match=re.escape(message)) as stopped:
        main([argument.format(tmp=tmp_path) for argument in arguments])
    assert "\n" not in str(stopped.value)
    assert file.read_bytes() == before


def test_torchvision_that_is_not_installed_is_said(monkeypatch, tmp_path):
    from weightlaws.training import torchvision

    monkeypatch.setattr(torchvision, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match=r"pip install 'weightlaws\[torchvision\]'"):
        main(["analyse", "torchvision:vgg16", "--out", str(tmp_path / "out")])


def test_new_writes_the_default_study_with_its_comments(tmp_path, capsys):
    main(["new", str(tmp_path / "my-study.yaml")])
    text = (tmp_path / "my-study.yaml").read_text()
    default = (ROOT / "config.yaml").read_text()
    assert parse_study(yaml.safe_load(text)) == parse_study(
        yaml.safe_load(default) | {"name": "my-study"}
    )
    comments = [line for line in default.splitlines() if re.match(r"\s*# ", line)][6:]
    assert comments
    assert all(line in text for line in comments)
    assert f"snakemake --cores all --configfile {tmp_path}/my-study.yaml" in capsys.readouterr().out


def test_new_says_that_snakemake_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command.util, "find_spec", lambda _: None)
    main(["new", str(tmp_path / "my-study.yaml")])
    assert "pip install 'weightlaws[workflow]'" in capsys.readouterr().out


def test_the_command_starts_without_heavy_packages():
    code = (
        "import sys, weightlaws.command as c; print({'torch', 'pandas', 'h5py'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_an_interrupt_leaves_no_traceback(file, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_analyse", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main(["analyse", str(file)])
    assert stopped.value.code == 130


def test_a_cache_that_cannot_be_written_is_said_and_done_without(file, tmp_path):
    (tmp_path / "cache").write_text("a file")
    done = subprocess.run(
        [sys.executable, "-m", "weightlaws.command", "analyse", file, "--quick"],
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stderr.count("nulls cannot be kept there") == 1
    assert np.isfinite(pd.read_csv(tmp_path / "weightlaws-net/layers.csv")["outliers"]).all()
