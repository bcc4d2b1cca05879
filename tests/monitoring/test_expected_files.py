"""Files by which stages are followed, against what the workflow itself plans."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from support import project
from support.project import ROOT

from weightlaws.monitoring.expected_files import done_files, expected_files
from weightlaws.study.study import parse_study

# Several shards of a condition.
DEFAULT = {**project.DEFAULT, "shard_size": 25}


def all_files(study):
    files = [file for of_stage in expected_files(study).values() for file in of_stage]
    assert len(files) == len(set(files))
    return files


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Rule and outputs of each job of the default study that Snakemake plans."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "config.yaml").write_text(yaml.safe_dump(DEFAULT))
    command = ["snakemake", "--dry-run", "--cores", "1", "--workflow-profile", "none"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--snakefile", ROOT / "Snakefile"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    found = re.findall(r"^rule (\w+):\n(?: .*\n)*?    output: (.*)$", text, re.MULTILINE)
    # Files that a rule updates are said to be so.
    outputs = [(rule, line.replace(" (update)", "").split(", ")) for rule, line in found]
    assert len(outputs) > 100
    return outputs


def test_each_job_of_the_workflow_but_preparations_has_one_file(planned):
    files = {f"results/default/{file}" for file in all_files(parse_study(DEFAULT))}
    preparations = {"dataset", "null"}
    for rule, outputs in planned:
        assert len(files.intersection(outputs)) == (rule not in preparations), (rule, outputs)
    assert files <= {path for _, outputs in planned for path in outputs}


def test_files_rest_on_the_shards_of_the_weights_that_they_are_made_of():
    stages = expected_files(parse_study(DEFAULT))
    name = "digits-10x10-gaussian-decay0"
    shards = tuple(f"weights/{name}/{shard}.h5" for shard in ("0-24", "25-49", "50-74", "75-99"))
    assert stages["invariants"][f"invariants/{name}/25-49.h5"] == shards[1:2]
    assert stages["models"][f"models/{name}.csv"] == shards
    assert stages["figures"][f"figures/{name}/laws.svg"] == shards
    assert stages["tables"]["invariants.csv"] == ()
    assert set(stages["tables"]["members.csv"]) == set(stages["weights"])


def test_spectra_alone_need_no_models():
    study = parse_study({**DEFAULT, "sweeps": [], "checkpoints": ["torchvision:alexnet"]})
    stages = expected_files(study)
    assert {stage: len(files) for stage, files in stages.items() if files} == {
        "weights": 1,
        "spectra": 2,
        "figures": 1,
        "tables": 4,
    }


def test_a_file_is_done_when_it_is_no_older_than_its_weights(tmp_path):
    stages = {"models": {"models/a.csv": ("weights/a/0-1.h5", "weights/a/2-3.h5")}, "t": {"t": ()}}
    times = {"models/a.csv": 20, "weights/a/0-1.h5": 10, "weights/a/2-3.h5": 20}
    for file, written in times.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (written, written))
    shards = set(times) - {"models/a.csv"}
    assert done_files(tmp_path, stages, shards) == {"models/a.csv"}
    # A shard that is not as the study asks for will be made anew, and then all that rests on it.
    assert not done_files(tmp_path, stages, {"weights/a/0-1.h5"})
    os.utime(tmp_path / "weights/a/0-1.h5", (21, 21))
    assert not done_files(tmp_path, stages, shards)
    (tmp_path / "weights/a/0-1.h5").unlink()
    assert not done_files(tmp_path, stages, shards)
    (tmp_path / "models/a.csv").unlink()
    assert not done_files(tmp_path, stages, shards)
    (tmp_path / "t").touch()
    assert done_files(tmp_path, stages, shards) == {"t"}
