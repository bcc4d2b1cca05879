import pandas as pd
import pytest

from weightlaws.storage.tables import read_table, read_tables

# Names of layers, as any network may have them.
NAMES = ["0", "2", "1e3", "007", "nan", "NA", "null", "True", "conv"]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_as_they_are_written(tmp_path, name):
    table = pd.DataFrame(
        {"condition": [name], "layer": name, "reference": name, "epoch": 3, "value": [None]}
    )
    table.to_csv(tmp_path / "table.csv", index=False)
    found = read_table(tmp_path / "table.csv")
    assert found[["condition", "layer", "reference"]].to_numpy().tolist() == [[name] * 3]
    assert found["layer"].dtype == found["condition"].dtype == pd.Series(["a"]).dtype
    assert found["epoch"].tolist() == [3]
    assert found["value"].isna().all()


def test_tables_are_put_below_each_other(tmp_path):
    paths = []
    for k, layer in enumerate(("2", "fc")):
        paths.append(tmp_path / f"{k}.csv")
        pd.DataFrame({"layer": [layer], "epoch": k}).to_csv(paths[-1], index=False)
    found = read_tables(paths)
    assert found.to_dict("list") == {"layer": ["2", "fc"], "epoch": [0, 1]}
    assert found.index.tolist() == [0, 1]
