"""The notebooks of the pages run from first cell to last, on the mini study's results."""

import nbformat
import pytest
from nbclient import NotebookClient
from support.project import ROOT

NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(mini, path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs"), "clear the outputs of all cells"
        cell.source = cell.source.replace("../../results/default", "results/mini")
    found = NotebookClient(notebook, resources={"metadata": {"path": mini.folder}}).execute()
    outputs = [output for cell in found.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "stream"]
    shown = [output.data for output in outputs]
    page = shown[0]["text/html"]
    assert "Study <b>mini</b>" in page
    assert "digits-12x12-gaussian-decay0" in page
    (table,) = [data["text/plain"] for data in shown if "criterion" in data["text/plain"]]
    assert "13 parameters gain nothing over 5" in table
    assert sum("image/png" in data for data in shown) == 1
