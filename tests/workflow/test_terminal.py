"""What a real run says."""

import os
import re

from weightlaws.storage.tables import read_table

CONDITION = "digits-12x12-gaussian-decay0"


def test_a_dry_run_says_which_key_changed(project):
    project.configure(epochs=3)
    done = project.snakemake("--dry-run")
    rows = dict(re.findall(r"(?m)^ *\d+  (\w+) +(.*)$", done.stdout))
    assert rows["train"] == "epochs: 2 -> 3, snapshots"
    assert rows["model"] == "after invariants"
    assert rows["findings"] == "after comparison, members, model, omnibus, significance, symmetry"
    # A table of the rules, and not a page a job.
    assert len(done.stdout.splitlines()) < 40
    assert "before:" not in done.stdout + done.stderr


def test_a_run_is_a_line_a_job_and_ends_with_what_was_found(project):
    folder = project.folder / "results/mini"
    (folder / f"comparison/{CONDITION}.csv").unlink()
    said = project.run().stderr
    assert "comparison starts, 1 job: not there yet" in said
    first = re.search(rf"\n\S+  1 of (\d+)  comparison {CONDITION}: .* s, about .* left\n", said)
    # Then its figures, the findings, the claims and the answers.
    assert first[1] == "5"
    assert "5 of 5" in said
    # Below stands what Snakemake says of its log and of the time.
    counted, headline, *_ = said[said.index("\nclaims: ") :].strip().splitlines()
    counts = re.findall(r"(\d+) (holds?|in part|fails?|not tested here)\b", counted)
    assert sum(int(n) for n, _ in counts) == len(read_table(folder / "claims.csv"))
    assert re.fullmatch(
        r"After 2 epochs the best of the Gaussian laws is .*answers\.html", headline
    )
    assert said.count("best of the Gaussian laws") == 1
    for words in ("Building DAG", "jobid", "Job stats", "wildcards"):
        assert words not in said
    # The log of the run has all.
    log = max((project.folder / ".snakemake/log").glob("*.log"), key=os.path.getmtime)
    assert f"wildcards: condition={CONDITION}" in log.read_text()


def test_a_failed_job_is_shown_with_its_log(project):
    folder = project.folder / "results/mini"
    (folder / f"comparison/{CONDITION}.csv").unlink()
    weights = folder / f"weights/{CONDITION}/0-1.h5"
    times = weights.stat().st_atime_ns, weights.stat().st_mtime_ns
    weights.write_bytes(weights.read_bytes()[:1000])
    os.utime(weights, ns=times)  # otherwise all that rests on it would run
    said = project.refuse()
    assert "Error in rule comparison:\n" in said
    assert f"Logfile results/mini/logs/comparison/{CONDITION}.log:\n" in said
    assert "delete the file and run snakemake again" in said
