"""Benchmark files rolled up into one table."""

import warnings

import numpy as np
import pandas as pd
import pytest

from weightlaws.monitoring.costs import CostWarning, cost_summary, cost_table, write_costs
from weightlaws.results import Results

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def benchmark(tmp_path):
    """Write a benchmark file as Snakemake does."""

    def write(name, seconds="2.00", cpu="1.50", rss="100.00", text=None):
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        line = f"{seconds}\t0:00:02\t{rss}\t300.00\t100.00\t100.00\t-\t-\t70.00\t{cpu}\n"
        path.write_text(HEADER + line if text is None else text)
        return path

    return write


def test_jobs_are_summed_by_rule_and_scope(benchmark, tmp_path):
    benchmark("catalogue.tsv")
    benchmark("train/digits-10x10-gaussian-decay0.01/0-24.tsv", "10", "8", "100")
    benchmark("train/digits-10x10-gaussian-decay0.01/25-49.tsv", "30", "9", "50")
    benchmark("train/digits-10x10-gaussian-decay0/0-24.tsv", "7", "7", "50")
    benchmark("model/digits-10x10-gaussian-decay0.01.tsv", "3", "1", "1000")
    expected = pd.DataFrame(
        [
            ("catalogue", "", 1, 2.0, 1.5, 2.0, 104.9, 0),
            ("model", "digits-10x10-gaussian-decay0.01", 1, 3.0, 1.0, 3.0, 1048.6, 0),
            ("train", "digits-10x10-gaussian-decay0", 1, 7.0, 7.0, 7.0, 52.4, 0),
            ("train", "digits-10x10-gaussian-decay0.01", 2, 40.0, 17.0, 30.0, 104.9, 0),
        ],
        columns=[
            "rule",
            "scope",
            "jobs",
            "seconds",
            "cpu_seconds",
            "longest_seconds",
            "largest_rss_mb",
            "unsampled",
        ],
    )
    pd.testing.assert_frame_equal(cost_table(tmp_path), expected, check_dtype=False)


def test_jobs_too_short_to_sample_are_counted_apart(benchmark, tmp_path):
    benchmark("invariants/a/0-1.tsv", "0.2", "NA", "NA")
    benchmark("invariants/a/2-3.tsv", "0.7", "0.5", "60")
    benchmark("invariants/b/0-1.tsv", "0.3", "NA", "NA")
    a, b = cost_table(tmp_path).to_dict("records")
    assert (a["jobs"], a["unsampled"], b["unsampled"]) == (2, 1, 1)
    assert (a["seconds"], a["cpu_seconds"]) == (pytest.approx(0.9), 0.5)
    assert np.isnan([b["cpu_seconds"], b["largest_rss_mb"]]).all()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "0 lines below the header"),
        (HEADER, "0 lines below the header"),
        (f"{HEADER}2.00\t0:00:0", "a line without its end"),
        (f"{HEADER}2.00\t0:00:02\t100\t1\t1\t1\t1\t1\t1\t1", "a line without its end"),
        (f"{HEADER}2.00\t0:00:0\n", "cpu_time nothing, max_rss nothing"),
        (f"{HEADER}NA\t0:00:02\t100\t1\t1\t1\t1\t1\t1\t1\n", "s NA, cpu_time 1, max_rss 100"),
        (f"{HEADER}2.00\t0:00:02\t100\t1\t1\t1\t1\t1\t1\t\n", "s 2.00, cpu_time nothing"),
        ("not a benchmark\nat all\n", "s nothing"),
    ],
)
def test_a_damaged_file_is_named_and_left_out(benchmark, tmp_path, text, found):
    benchmark("model/a.tsv")
    path = benchmark("model/b.tsv", text=text)
    with pytest.warns(CostWarning, match=rf"{path}: found .*{found}.*left out"):
        assert cost_table(tmp_path)["scope"].tolist() == ["a"]


def test_no_benchmarks_are_no_rows(tmp_path):
    table = cost_table(tmp_path)
    assert table.empty
    assert "largest_rss_mb" in table
    assert cost_summary(table) == "cost: no job has been measured"


def test_the_table_is_written_and_loaded(benchmark, tmp_path):
    benchmark("catalogue.tsv")
    benchmark("model/a.tsv", cpu="NA", rss="NA")
    table = write_costs(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["cost.csv"]
    loaded = Results(tmp_path, None).costs
    pd.testing.assert_frame_equal(loaded, table)
    assert loaded["scope"].tolist() == ["", "a"]


def test_the_summary_names_the_dearest_rule_and_the_largest_job(benchmark, tmp_path):
    benchmark("train/a/0-1.tsv", "200", "9", "200")
    benchmark("train/b/0-1.tsv", "100", "9", "200")
    benchmark("significance/a.tsv", "200", "9", "488.28125")
    assert cost_summary(cost_table(tmp_path)) == (
        "cost: 8 min 20 s of wall time in 3 jobs, most of it train (60 %); "
        "largest job 512 MB (significance, a)"
    )


def test_the_summary_of_unsampled_jobs_names_no_memory(benchmark, tmp_path):
    benchmark("catalogue.tsv", "0.4", "NA", "NA")
    with warnings.catch_warnings(action="error"):
        text = cost_summary(cost_table(tmp_path))
    assert text == "cost: 0 s of wall time in 1 jobs, most of it catalogue (100 %)"
