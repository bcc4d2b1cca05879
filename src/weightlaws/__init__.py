"""Find out which probability law the weight matrices of trained neural networks follow."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weightlaws.results import Results

__all__ = ["load"]


def load(folder: str | Path) -> "Results":
    """Open the results of a study, such as ``results/default``; see ``weightlaws.results.load``."""
    # Imported here, so that a job which imports one module does not wait for all of them.
    from weightlaws import results

    return results.load(folder)
