import subprocess
import sys

import pandas as pd
import pytest

from weightlaws.invariants.catalogue import (
    CATALOGUES,
    catalogue,
    graph_of,
    graphs_of,
    invariants_table,
    published_number,
)
from weightlaws.invariants.graphs import PUBLISHED, common_form, enumerate_graphs


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
    assert all(graph_of(graph.name) == graph for graph in enumerate_graphs(4, bipartite=True))
    assert all(graph_of(number) == graph for number, graph in PUBLISHED.items())


@pytest.mark.parametrize("name", ["", "I53", "i1", "ij.", "ijk", "ia.ij", "ai", "II", "ij ik"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match=f"found invariant '{name}', expected a name such as"):
        graph_of(name)


def test_bipartite_graphs_are_told_by_their_common_names():
    graphs = enumerate_graphs(4, bipartite=True)
    names = [common_form(graph).name for graph in graphs]
    assert graphs_of(names, bipartite=True) == graphs_of(graphs, bipartite=True) == graphs
    assert graphs_of([*names[:3], graphs[3]]) == (*map(common_form, graphs[:3]), graphs[3])
    with pytest.raises(ValueError, match=r"only bipartite graphs, found ij\.ji"):
        graphs_of(["ij.ik", "I4"], bipartite=True)


def test_the_table_survives_csv(tmp_path):
    table = invariants_table(catalogue("published"))
    table.to_csv(tmp_path / "invariants.csv", index=False)
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "invariants.csv", dtype={"published": str}), table
    )


def test_importing_the_catalogue_imports_nothing_heavy():
    heavy = {"pandas", "matplotlib", "numpy"}
    module = "weightlaws.invariants.catalogue"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
