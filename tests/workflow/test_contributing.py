"""The recipes in CONTRIBUTING.md, carried out on the mini study."""

import re

import pandas as pd
import pytest
from support.mini_study import MINI
from support.project import ROOT

BLOCK = re.compile(
    r"<!-- (file|in): (\S+?)(?: (after|before): (.*?))? -->\n```\w+\n(.*?)```", re.DOTALL
)
SECTIONS = {
    title.strip(): body
    for title, body in re.findall(
        r"^## (.*?)\n(.*?)(?=^## |\Z)",
        (ROOT / "CONTRIBUTING.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
}


def carry_out(project, title):
    """Write the files and make the edits of a recipe."""
    blocks = BLOCK.findall(SECTIONS[title])
    assert blocks
    for kind, place, side, line, text in blocks:
        path = project.folder / place
        if kind == "file":
            path.write_text(text)
            continue
        lines = path.read_text().splitlines(keepends=True)
        (k,) = [k for k, found in enumerate(lines) if found.strip() == line]
        lines.insert(k + (side == "after"), text)
        path.write_text("".join(lines))


def sweep(**changes):
    return {"sweeps": [{**MINI["sweeps"][1], **changes}]}


def results(project, name):
    return project.folder / "results/mini" / name


def test_an_initial_law(project):
    carry_out(project, "Add an initial law")
    assert project.planned() == {}
    project.configure(**sweep(initialisations=["signs"]))
    project.run("results/mini/distances.csv")
    distances = pd.read_csv(results(project, "distances.csv"))
    assert set(distances["reference"]) == {"initial law", "start"}


def test_an_initial_law_whose_entries_depend_on_each_other(project):
    project.configure(**sweep(initialisations=["orthogonal"]))
    project.run("results/mini/distances.csv")
    distances = pd.read_csv(results(project, "distances.csv"))
    assert set(distances["reference"]) == {"start"}
    name = "digits-12x12-orthogonal-decay0"
    assert set(distances["condition"]) == {name}
    fits = pd.read_csv(results(project, f"models/{name}.csv"))
    from_start = fits[fits["published"].isin([f"I{k}" for k in range(1, 14)])]
    assert from_start["deviation_start"].isna().equals(from_start["epoch"] == 0)
    log = results(project, f"logs/model/{name}.log").read_text()
    assert "orthogonal: its entries depend on each other" in log
    project.run(f"results/mini/figures/{name}/deviation_start.svg")


def test_a_data_set(project):
    carry_out(project, "Add a data set")
    assert project.planned() == {}
    project.configure(**sweep(dataset="noise"))
    project.run("results/mini/members.csv")
    # Of ten classes a network can only guess.
    accuracy = pd.read_csv(results(project, "members.csv"))["test_accuracy"]
    assert accuracy.between(0, 0.35).all()


def test_a_statistic_of_spectra(project):
    carry_out(project, "Add a statistic of spectra")
    project.configure(**sweep())
    project.run("results/mini/spectra.csv")
    spectra = pd.read_csv(results(project, "spectra.csv"))
    found = spectra[spectra["statistic"] == "spread"]
    assert set(found["null"]) == {"Gaussian"}
    assert (found["value"] > 0).all()
    assert found["p_value"].between(0, 1).all()


def test_a_law(project):
    carry_out(project, "Add a law")
    project.configure(**sweep())
    name = "digits-12x12-gaussian-decay0"
    project.run("results/mini/findings.html", f"results/mini/figures/{name}/laws.svg")
    comparison = pd.read_csv(results(project, f"comparison/{name}.csv"))
    found = comparison[comparison["law"] == "centred"]
    assert set(found["n_parameters"]) == {4}
    assert set(found["than"]) == {"i.i.d."}
    assert found["gain"].notna().all()
    tested = pd.read_csv(results(project, f"significance/{name}.csv"))
    assert (tested["law"] == "centred").any()
    assert "the mean entry is 0" in results(project, "findings.html").read_text()


def test_a_stage_with_a_figure(project):
    carry_out(project, "Add a stage, with a figure")
    conditions = 3
    assert project.planned() == {"norms": conditions, "answers": 1}
    project.run()
    for name in pd.read_csv(results(project, "conditions.csv"))["condition"]:
        table = pd.read_csv(results(project, f"norms/{name}.csv"))
        assert (table["norm"] > 0).all()
        assert "hidden1-hidden2" in set(table["layer"])
        assert results(project, f"figures/{name}/norms.svg").is_file()
    assert project.planned() == {}


@pytest.mark.parametrize("title", ["Add a stage, with a figure", "Add a law"])
def test_every_block_of_a_recipe_is_carried_out(title):
    assert SECTIONS[title].count("```") == 2 * len(BLOCK.findall(SECTIONS[title]))
