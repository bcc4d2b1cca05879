"""What jobs ask for: memory against the peak of real jobs, and time against what it grows with."""

import importlib.util
import json
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from support.project import ROOT

from weightlaws.inference import significance, symmetry
from weightlaws.invariants import evaluation, invariants_job
from weightlaws.laws import likelihood_ratios
from weightlaws.laws.pigmm import FITTED
from weightlaws.planning.resources import laws as requests
from weightlaws.planning.resources import spectra as spectra_requests
from weightlaws.planning.resources.request import SAFETY, SNAKEMAKE, START, Request
from weightlaws.spectra import spectra_job, vectors
from weightlaws.spectra.statistics import STATISTICS
from weightlaws.study.conditions import Imported, Shard

BENCHMARKS = ROOT / "benchmarks"
spec = importlib.util.spec_from_file_location("jobs", BENCHMARKS / "jobs.py")
jobs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(jobs)

# Not getrusage, which counts the process that started this one too.
PEAK = """
(peak,) = [line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")]
print(peak.split()[1])
"""
JOB = """
import json, sys
from pathlib import Path
given = json.load(sys.stdin)
sys.path.insert(0, given["benchmarks"])
import jobs
jobs.JOBS[given["job"]](jobs.parse_study(given["study"]), Path(given["folder"]))
"""
IMPORT = """
import json, sys
from pathlib import Path
from weightlaws.external.import_job import import_shard
given = json.load(sys.stdin)
import_shard(Path(given["folder"]) / "shard.h5", given["spec"])
"""
ONCE = {"epochs": 1, "rectangular_snapshots": [0], "spectra": jobs.FEW_SPECTRA}
# By name: widths, what else the study asks for, and the jobs whose arrays it is to fill.
CASES = {
    "small": (
        [10, 10],
        {"members": 20, "epochs": 2, "statistics": jobs.FEW, "spectra": jobs.FEW_SPECTRA},
        "invariants model significance comparison symmetry distance members_tables "
        "null spectra_shard spectra",
    ),
    "many members": (
        [10, 10],
        {
            **ONCE,
            **{"members": 2000, "shard_size": 2000, "epochs": 100, "snapshots": [0]},
            "statistics": jobs.FEW | {"bootstrap_replicates": 2000, "simulated_matrices": 20_000},
        },
        "invariants model significance members_tables",
    ),
    "many snapshots": (
        [10, 10],
        {
            "members": 20,
            "invariants": "published",
            "statistics": jobs.FEW | {"bootstrap_replicates": 2000},
        },
        "invariants model distance",
    ),
    "wide": (
        [640, 640],
        {**ONCE, "members": 8, "invariants": "published", "statistics": jobs.FEW},
        "invariants",
    ),
    "wide input": (
        [640, 10],
        {
            **ONCE,
            "members": 40,
            "shard_size": 2,
            "statistics": jobs.FEW | {"headline_epochs": [0], "folds": 2},
        },
        "comparison symmetry null spectra_shard",
    ),
}
NEEDED = {
    "model": ["invariants"],
    "significance": ["invariants"],
    "distance": ["invariants", "model"],
    "spectra_shard": ["null", "other_nulls"],
    "spectra": ["null", "other_nulls", "spectra_shard"],
}


def peak_of(program: str, **given: object) -> float:
    """Run a program in a process of its own; return its peak in MB."""
    done = subprocess.run(
        [sys.executable, "-c", program + PEAK],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1]) * 1024 / 1e6


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    """A study, the peaks of its jobs by name, and the requests for them."""
    hidden, changes, wanted = CASES[request.param]
    study = jobs.study_of(hidden, **changes)
    folder = tmp_path_factory.mktemp("case")
    jobs.write_weights(study, folder)
    done, found = set(), {}
    for job in wanted.split():
        for needed in NEEDED.get(job, []):
            if needed not in done:
                jobs.JOBS[needed](study, folder)
                done.add(needed)
        found[job] = peak_of(
            JOB,
            benchmarks=str(BENCHMARKS),
            job=job,
            study=json.loads(study.model_dump_json()),
            folder=str(folder),
        )
        done.add(job)
    return study, found


def test_jobs_stay_within_their_memory_and_do_not_ask_for_twice_as_much(case):
    study, found = case
    asked = {job: jobs.request_for(job, study).megabytes for job in found}
    assert all(peak <= asked[job] < 2 * peak for job, peak in found.items()), (asked, found)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_imports_stay_within_their_memory(kind, tmp_path):
    weights = {"a": np.ones((12, 900, 900)), "b": np.ones((12, 900, 900))}
    source = tmp_path / "nets.h5"
    if kind == "file":
        with h5py.File(source, "w") as file:
            for name, values in weights.items():
                file[name] = values
    else:
        source = tmp_path / "nets"
        source.mkdir()
        for k in range(12):
            net = {name: torch.from_numpy(values[k]) for name, values in weights.items()}
            torch.save(net, source / f"{k}.pt")
    ensemble = Imported.model_validate(str(source))
    spec = {
        "source": str(source),
        "shapes": ensemble.shapes,
        "epochs": 0,
        "snapshots": {layer: [0] for layer in ensemble.shapes},
        "members": [0, 11],
    }
    peak = peak_of(IMPORT, spec=spec, folder=str(tmp_path))
    assert peak <= requests.imported(ensemble.shapes, Shard(0, 11)).megabytes < 3 * peak


def test_what_jobs_hold_at_once_is_what_requests_take_it_to_be():
    assert requests.EVALUATED == evaluation.CHUNK
    assert requests.RANDOMISED == symmetry.CHUNK
    assert requests.READ == invariants_job._TOGETHER
    assert (requests.SIMULATED, requests.FIRST) == (significance._TOGETHER, significance._FIRST)
    assert spectra_requests.SORTED == vectors._CHUNK
    assert len(FITTED) == requests._FITTED
    assert len(likelihood_ratios.BIPARTITE_FITTED) == requests._BIPARTITE
    assert len(STATISTICS) == spectra_requests._STATISTICS
    assert spectra_job._ASSIGNMENTS == spectra_requests._ASSIGNMENTS


def test_a_request_has_room_for_snakemake_and_for_slower_nodes():
    asked = Request(megabytes=100.2, seconds=600)
    assert asked.mem_mb == SNAKEMAKE + 101
    assert asked.minutes == START + SAFETY * 10
    assert isinstance(asked.minutes, int)


def seconds_of(job, hidden, **changes):
    return jobs.request_for(job, jobs.study_of(hidden, **changes)).seconds


EVERY_JOB = [job for job in jobs.JOBS if "write" not in job and job != "other_nulls"]


@pytest.mark.parametrize("job", EVERY_JOB)
def test_time_grows_with_members_and_widths(job):
    small = seconds_of(job, [40, 40], members=100, shard_size=100)
    more = seconds_of(job, [40, 40], members=400, shard_size=400)
    wider = seconds_of(job, [160, 160], members=100, shard_size=100)
    of_members = {"train", "invariants", "symmetry", "spectra_shard"}
    if job in of_members:
        assert more == pytest.approx(4 * small, rel=0.05)
    elif job in ("distance", "null"):
        assert more == small
    else:
        assert small < more < 4 * small
    if job in of_members | {"comparison"}:
        # Between the weights of the whole network and the products of its square matrix.
        assert 4 * small < wider < 64 * small
    elif job in ("model", "distance", "members_tables"):
        assert wider == small
    else:
        assert wider > small


@pytest.mark.parametrize(
    ("job", "changes"),
    [
        ("model", {"statistics": {"bootstrap_replicates": 2000}}),
        ("significance", {"statistics": {"simulated_matrices": 20_000}}),
        ("significance", {"statistics": {"simulated_ensembles": 200_000}}),
        ("comparison", {"statistics": {"folds": 10}}),
        ("symmetry", {"statistics": {"randomisations": 1998}}),
        ("distance", {"statistics": {"noise_floor_draws": 4000}}),
        ("null", {"spectra": {"null_matrices": 2000}}),
        ("null", {"spectra": {"null_vectors": 40_000}}),
        ("null", {"spectra": {"pooled_ranks": 3}}),
        ("spectra_shard", {"spectra": {"permutations": 38}}),
        ("spectra_shard", {"spectra": {"goodness_of_fit_replicates": 10}}),
        ("spectra", {"spectra": {"null_matrices": 2000}}),
        ("invariants", {"snapshots": "all"}),
    ],
)
def test_time_grows_with_what_the_study_asks_for(job, changes):
    base = {"snapshots": [0, 50], "epochs": 50, "statistics": {"headline_epochs": [0]}}
    more = {**base, **changes}
    more["statistics"] = base["statistics"] | changes.get("statistics", {})
    assert seconds_of(job, [40, 40], **more) > 1.02 * seconds_of(job, [40, 40], **base)


def test_hours_are_those_of_all_jobs():
    study = jobs.study_of([10, 10], members=60, shard_size=25)
    condition = jobs.condition_of(study)
    hours = requests.study_hours(study)
    assert set(hours) == {
        *("train", "invariants", "model", "significance", "comparison", "symmetry"),
        *("spectra_shard", "spectra", "null", "members", "distance"),
    }
    assert hours["train"][0] == 3
    together = requests.training(study, condition, Shard(0, 59), 1).seconds
    assert hours["train"][1] == pytest.approx(together / 3600)
    # 10 x 784, 10 x 10
    assert hours["null"][0] == 2
    laws = jobs.study_of([10, 10], sweep={"analyses": ["models"]})
    assert not {"null", "spectra", "spectra_shard"} & set(requests.study_hours(laws))
