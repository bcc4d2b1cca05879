"""The notebooks of the pages run from first cell to last, on the mini study's results."""

import json

import nbformat
import pytest
from nbclient import NotebookClient
from support.project import ROOT

import weightlaws
from weightlaws.inference.claims_laws import variance_between

NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(mini, path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs"), "clear the outputs of all cells"
        cell.source = cell.source.replace("../../results/default", "results/mini")
    notebook.cells.append(nbformat.v4.new_code_cell("print(by_hand['value'].to_json())"))
    found = NotebookClient(notebook, resources={"metadata": {"path": mini.folder}}).execute()
    outputs = [output for cell in found.cells for output in cell.get("outputs", [])]
    *outputs, last = outputs
    assert not [output for output in outputs if output.output_type == "stream"]
    shown = [output.data for output in outputs]
    page = shown[0]["text/html"]
    assert "Study <b>mini</b>" in page
    assert "digits-12x12-gaussian-decay0" in page
    assert "The 13 parameters never pay" in shown[1]["text/html"]
    assert "not tested here" in shown[1]["text/html"]
    (agree,) = [page for data in shown if "of the study" in (page := data.get("text/html", ""))]
    assert "by hand" in agree
    assert sum("image/png" in data for data in shown) == 1
    # Five members are too few for the laws of O1. The study judges neither claim, but its tables
    # have the numbers of O2.
    by_hand, study = json.loads(last.text), weightlaws.load(mini.folder / "results/mini")
    gains = study.comparison[study.comparison["law"] == "diagonal S_D"]["gain"]
    assert gains.isna().all()
    assert by_hand["O1"] is None
    table = study.symmetry[study.symmetry["layer"].str.endswith("-output")]
    table = table[table["test"].isin(["row means", "row spreads"])]
    table = table[table["epoch"] == table.groupby("condition")["epoch"].transform("max")]
    values = [
        variance_between(row.statistic, row.n_members, row.rows, 0.025)[0]
        for row in table.itertuples()
    ]
    largest = table.assign(value=values).groupby("condition")["value"].max()
    assert by_hand["O2"] == pytest.approx(largest.mean(), rel=1e-4)
