"""Tables of results: how CSV files are read back."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

# Names that anything may have: a layer "2" or "1e3" is no number, and one called "null" or "NA" is
# not missing. The widths of one hidden layer are no number either, as those of several are none.
_NAMES = ["condition", "scope", "layer", "layers", "hidden", "before", "after", "name", "reference"]


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table of a study; names of conditions and layers stay as they are written."""
    return pd.read_csv(
        path, dtype=dict.fromkeys(_NAMES, str), keep_default_na=False, na_values=[""]
    )


def read_tables(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read tables of one kind, one below the other."""
    return pd.concat(map(read_table, paths), ignore_index=True)
