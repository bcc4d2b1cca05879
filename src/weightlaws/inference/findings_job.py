"""One job of summing up a study: from the tables of all conditions to two tables of findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from weightlaws.arrays import Side
from weightlaws.inference.findings import findings_table, ranked_deviations
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.tables import read_tables


@dataclass(frozen=True)
class FindingsSpec:
    """Everything, beside the tables, that fixes the study's findings.

    Attributes
    ----------
    level
        The family-wise level of the tests.
    labelled
        By condition, where it is said: see `networks.labelled_side`.
    """

    level: float
    labelled: Mapping[str, Mapping[str, Side | None]]

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.findings_spec``; a KeyError says which key is missing."""
        return cls(level=stored["level"], labelled=stored["labelled"])


def sum_up(
    spec: FindingsSpec,
    *,
    comparison: Sequence[str | Path],
    symmetry: Sequence[str | Path],
    significance: Sequence[str | Path],
    omnibus: Sequence[str | Path],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum up a study.

    Parameters
    ----------
    spec
        The spec of the findings.
    comparison, symmetry, significance, omnibus
        The CSV files of all conditions, as the jobs of these names write them.

    Returns
    -------
    two DataFrames
        The tables of `findings_table` and of `ranked_deviations`.
    """
    tests = read_tables(significance)
    findings = findings_table(
        read_tables(comparison),
        read_tables(symmetry),
        tests,
        read_tables(omnibus),
        spec.level,
        spec.labelled,
    )
    return findings, ranked_deviations(tests, spec.level)
