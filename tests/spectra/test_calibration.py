"""The stored table of benchmarks/spectra_calibration.py: no statistic claims more than its rate."""

import pandas as pd
import pytest
from scipy import stats
from support.project import ROOT

#: Cases whose entries are independent with symmetric laws, of any scales.
INDEPENDENT = [
    "Gaussian",
    "uniform",
    "Student t, 3 degrees of freedom",
    "90 % zeros",
    "row scales 0.3",
    "row scales 0.8",
    "30 % of rows 0",
]


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(ROOT / "docs" / "spectra_calibration.csv")


@pytest.mark.parametrize(
    ("claim", "level"), [("share_too_many", 1 / 40), ("share_with_informative", 1 / 20)]
)
def test_of_independent_entries_nothing_is_learned_beyond_the_stated_rate(table, claim, level):
    rows = table[table["case"].isin(INDEPENDENT)]
    assert len(rows) == 35
    # Of 35 rows all stay below a bound that one passes once in 300 tables.
    bounds = stats.binom.ppf(1 - 1e-4, rows["matrices"], level) / rows["matrices"]
    assert (rows[claim] <= bounds).all()
    n = rows["matrices"].sum()
    assert (rows[claim] * rows["matrices"]).sum() / n == pytest.approx(
        level, abs=3 * (level * (1 - level) / n) ** 0.5
    )


def test_random_matrices_are_called_random(table):
    rows = table[table["case"] == "Gaussian"]
    for name in ("bulk_distance", "mean_ratio", "brody", "spacing_distance"):
        found = rows[rows[f"{name}_rejects"].notna()]
        count = (found[f"{name}_rejects"] * found["matrices"]).sum()
        # The null's own simulation adds to the count's spread: twice three standard errors.
        n = found["matrices"].sum()
        assert count / n == pytest.approx(0.05, abs=6 * (0.05 * 0.95 / n) ** 0.5)


def test_strong_spikes_are_counted_and_none_too_many(table):
    rows = table[(table["case"] == "spikes 2") & (table["rows"] > 100)]
    assert (rows["learned_rank"] > 0.9 * rows["planted"]).all()
    every = table[table["case"].str.startswith("spikes")]
    bounds = stats.binom.ppf(1 - 1e-4, every["matrices"], 1 / 40) / every["matrices"]
    assert (every["share_too_many"] <= bounds).all()
