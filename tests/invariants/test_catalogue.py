import subprocess
import sys

import pandas as pd
import pytest

from weightlaws.invariants.catalogue import (
    CATALOGUES,
    catalogue,
    graph_of,
    invariants_table,
    published_number,
)
from weightlaws.invariants.graphs import PUBLISHED, enumerate_graphs


def test_published_are_the_numbered_graphs_in_order():
    graphs = catalogue("published")
    assert [published_number(graph) for graph in graphs] == [f"I{k}" for k in range(1, 53)]
    assert graphs == tuple(PUBLISHED.values())


def test_complete_begins_with_the_published():
    graphs = catalogue("complete")
    assert graphs[:52] == catalogue("published")
    assert set(graphs) == {graph for degree in range(1, 5) for graph in enumerate_graphs(degree)}
    assert len(graphs) == len(set(graphs)) == 361
    others = [*enumerate_graphs(3), *enumerate_graphs(4)]
    assert list(graphs[52:]) == [graph for graph in others if published_number(graph) == ""]


def test_an_unknown_catalogue_is_refused_by_name():
    with pytest.raises(ValueError, match=r"\('published', 'complete'\), found 'all'"):
        catalogue("all")
    assert all(catalogue(kind) for kind in CATALOGUES)


def test_the_table_describes_each_graph():
    graphs = catalogue("complete")
    table = invariants_table(graphs)
    assert len(table) == len(table["invariant"].unique()) == 361
    assert list(table["published"][:52]) == list(PUBLISHED)
    assert set(table["published"][52:]) == {""}
    assert list(table["degree"].value_counts().sort_index()) == [2, 11, 52, 296]
    row = table.set_index("invariant").loc["ii.il.jk"]
    assert row.to_dict() == {
        "published": "",
        "degree": 3,
        "vertices": 4,
        "components": 2,
        "formula": "sum_ijkl W_ii W_il W_jk",
    }


def test_a_name_gives_its_graph():
    assert all(graph_of(graph.name) == graph for graph in catalogue("complete"))


def test_the_table_survives_csv(tmp_path):
    table = invariants_table(catalogue("published"))
    table.to_csv(tmp_path / "invariants.csv", index=False)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "invariants.csv", dtype={"published": str}), table
    )


def test_importing_the_catalogue_imports_nothing_heavy():
    heavy = {"pandas", "matplotlib", "numpy"}
    code = f"import sys, weightlaws.invariants.catalogue; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
