import gzip
import subprocess
import sys

import numpy as np
import pytest

from weightlaws.errors import WeightLawsError
from weightlaws.external.ensembles import describe, doubts, member_files, read_members
from weightlaws.external.import_job import import_shard
from weightlaws.storage.shards import read_shard

# As TensorFlow has them: kernels (*kernel, in, out).
SHAPES = {
    "sequential/conv2d/kernel:0": (3, 3, 2, 5),
    "sequential/conv2d/bias:0": (5,),
    "sequential/dense/kernel:0": (5, 4),
    "sequential/dense/bias:0": (4,),
}
LAYERS = {"sequential.conv2d": (5, 18), "sequential.dense": (4, 5)}
STEPS = (0, 20, 86)


def write(folder, runs=3, metrics="metrics.csv", inclusive=False):
    """Three rows a run, in the order of steps; metrics in another order than runs."""
    folder.mkdir()
    lines, start = ["varname,start_idx,end_idx,size,shape"], 0
    for name, shape in SHAPES.items():
        size = int(np.prod(shape))
        lines.append(f'{name},{start},{start + size - inclusive},{size},"{shape}"')
        start += size
    (folder / "layout.csv").write_text("\n".join(lines) + "\n")
    rows = [(f"run{run}", step) for step in STEPS for run in range(runs)]
    weights = np.random.default_rng(0).normal(size=(len(rows), start)).astype(np.float32)
    np.save(folder / "weights.npy", weights)
    text = "".join(f"0.5,{run},{step}\n" for run, step in rows)
    text = "test_accuracy,modeldir,step\n" + text
    if metrics == "metrics.csv.gz":
        (folder / metrics).write_bytes(gzip.compress(text.encode()))
    elif metrics:
        (folder / metrics).write_text(text)
    return weights


def matrices(row):
    """The layers of a flattened network, (out, in) and (out, in k k)."""
    kernel = row[:90].reshape(3, 3, 2, 5)
    return {
        "sequential.conv2d": kernel.transpose(3, 2, 0, 1).reshape(5, 18),
        "sequential.dense": row[95:115].reshape(5, 4).T,
    }


def read(path, **which):
    found = describe(path, **which)
    values = {}
    for member, _, layer, matrix in read_members(path, found.shapes, 0, found.members - 1, **which):
        values[member, layer] = matrix
    return values


@pytest.mark.parametrize("metrics", ["metrics.csv", "metrics.csv.gz"])
def test_the_last_row_of_each_run_is_a_member(tmp_path, metrics):
    weights = write(tmp_path / "zoo", metrics=metrics)
    found = describe(tmp_path / "zoo")
    assert (found.name, found.members, found.shapes) == ("zoo", 3, LAYERS)
    assert found.skipped["sequential.conv2d.bias:0"].startswith("shape (5,): a vector")
    values = read(tmp_path / "zoo")
    for member, row in enumerate(weights[6:]):
        for layer, matrix in matrices(row).items():
            np.testing.assert_array_equal(values[member, layer], matrix)
    assert doubts(tmp_path / "zoo") == []
    names = ["weights.npy", "layout.csv", metrics]
    assert [file.name for file in member_files(tmp_path / "zoo", 0, 0)] == names


def test_a_step_can_be_named(tmp_path):
    weights = write(tmp_path / "zoo", inclusive=True)
    values = read(tmp_path / "zoo", epoch=20)
    np.testing.assert_array_equal(
        values[1, "sequential.dense"], matrices(weights[4])["sequential.dense"]
    )
    with pytest.raises(WeightLawsError, match="step: found steps 0, 20, 86, expected 7 among them"):
        describe(tmp_path / "zoo", epoch=7)


def test_a_shard_of_a_table_is_stored(tmp_path):
    weights = write(tmp_path / "zoo")
    spec = {
        "path": str(tmp_path / "zoo"),
        "shapes": {layer: list(shape) for layer, shape in LAYERS.items()},
        "epochs": 0,
        "snapshots": {layer: [0] for layer in LAYERS},
        "members": [1, 2],
        "code": "digest",
    }
    import_shard(tmp_path / "shard.h5", spec)
    shard = read_shard(tmp_path / "shard.h5", spec)
    for layer, matrix in matrices(weights[8]).items():
        np.testing.assert_array_equal(shard.weights[layer][1, 0], matrix)


def test_without_metrics_each_row_is_a_member_and_that_is_said(tmp_path):
    write(tmp_path / "zoo", metrics=None)
    assert describe(tmp_path / "zoo").members == 9
    (said,) = doubts(tmp_path / "zoo")
    assert "no metrics.csv tells which run a row comes from" in said
    with pytest.raises(WeightLawsError, match=r"steps: found no metrics\.csv beside it"):
        describe(tmp_path / "zoo", epoch=20)


def test_runs_that_ended_early_are_said(tmp_path):
    write(tmp_path / "zoo")
    metrics = tmp_path / "zoo/metrics.csv"
    metrics.write_text(metrics.read_text().replace("run2,86", "run3,0"))
    last, of_86 = doubts(tmp_path / "zoo"), doubts(tmp_path / "zoo", epoch=86)
    assert "the last steps of runs differ, from 0 to 86" in last[0]
    assert "2 runs have no step 86, and are left out" in of_86[0]
    assert describe(tmp_path / "zoo", epoch=86).members == 2


def test_equal_rows_are_refused_by_run(tmp_path):
    weights = write(tmp_path / "zoo")
    weights[8] = weights[6]
    np.save(tmp_path / "zoo/weights.npy", weights)
    with pytest.raises(WeightLawsError, match="members: found equal weights in run0, run2,"):
        describe(tmp_path / "zoo")


def test_a_layout_can_stand_elsewhere(tmp_path):
    write(tmp_path / "zoo")
    other = (tmp_path / "zoo/layout.csv").rename(tmp_path / "columns.csv")
    found = describe(tmp_path / "zoo/weights.npy", layout=str(other))
    assert (found.name, found.members, found.shapes) == ("weights", 3, LAYERS)
    with pytest.raises(WeightLawsError, match=r"layout: found no file .*layout\.csv"):
        describe(tmp_path / "zoo")


def test_tables_that_do_not_fit_are_refused(tmp_path):
    weights = write(tmp_path / "zoo")

    def refused(message, **files):
        for name, content in files.items():
            path = tmp_path / "zoo" / name.replace("_", ".")
            before[path] = path.read_bytes()
            path.write_bytes(content)
        with pytest.raises(WeightLawsError, match=message):
            describe(tmp_path / "zoo")
        for path, content in before.items():
            path.write_bytes(content)

    before = {}
    layout = (tmp_path / "zoo/layout.csv").read_bytes()
    refused("columns: found no varname nor", layout_csv=b"a,b\n1,2\n")
    refused("columns 95 to 115 for 22 weights", layout_csv=layout.replace(b",20,", b",22,"))
    refused("whole numbers", layout_csv=layout.replace(b",20,", b",x,"))
    refused("rows: found 1, expected 9", metrics_csv=b"modeldir,step\na,1\n")
    refused("step: found could not convert", metrics_csv=b"modeldir,step\na,b\n")
    refused("no table", metrics_csv=b"modeldir,step\n\xff\xfe\n")
    refused("file: found what numpy cannot read", weights_npy=b"numbers")
    np.save(tmp_path / "zoo/weights.npy", np.array([{}, {}]))
    refused("file: found what numpy cannot read")
    np.save(tmp_path / "zoo/weights.npy", weights[0])
    refused(r"array: found float32 of shape \(119,\), expected floats \(network, weight\)")
    np.save(tmp_path / "zoo/weights.npy", weights[:, :100])
    refused("of the 100 that there are")


def test_a_table_is_described_without_torch(tmp_path):
    write(tmp_path / "zoo")
    script = (
        "import sys; from weightlaws.external.ensembles import describe\n"
        "assert describe(sys.argv[1]).members == 3\n"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "zoo")], check=True)
