"""One job of judging claims: from all tables of a study to one row a claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from weightlaws.arrays import Side
from weightlaws.inference.claims import Evidence
from weightlaws.inference.claims_distances import moved_table
from weightlaws.inference.claims_table import claims_table
from weightlaws.inference.stored_fits import ModelSpec, read_fits
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.tables import read_tables

#: Tables that claims are judged by; a study has some of them.
TABLES = (
    *("conditions", "significance", "misses", "comparison", "symmetry"),
    *("scores", "couplings"),
    *("network_law", "drawn_networks", "noise_scale_comparisons", "spectra", "ranks"),
)


@dataclass(frozen=True)
class ClaimsSpec:
    """Everything, beside the tables, that fixes the verdicts on claims.

    Attributes
    ----------
    level
        The family-wise level of the study's tests.
    models
        The specs of the fits, by condition.
    architectures
        The architecture of each condition that is trained here.
    recipes
        The recipe of each condition that is compared with others of it.
    figures
        Patterns of the paths of figures, by name.
    labelled
        By condition, where it is said: see `networks.labelled_side`.
    """

    level: float
    models: Mapping[str, ModelSpec]
    architectures: Mapping[str, str]
    recipes: Mapping[str, str]
    figures: Mapping[str, str]
    labelled: Mapping[str, Mapping[str, Side | None]]

    @classmethod
    def parse(cls, stored: Spec) -> Self:
        """Read a ``specs.claims_spec``; a KeyError or TypeError says which key is wrong."""
        return cls(
            level=stored["level"],
            models={name: ModelSpec.parse(model) for name, model in stored["models"].items()},
            architectures=stored["architectures"],
            recipes=stored["recipes"],
            figures=stored["figures"],
            labelled=stored["labelled"],
        )


def judged_claims(
    tables: Mapping[str, Sequence[str | Path]], fits: Sequence[str | Path], stored: Spec
) -> pd.DataFrame:
    """Judge all claims by a study's files.

    Parameters
    ----------
    tables
        CSV files by the names of `TABLES`, of all conditions each; those that the study lacks are
        left out, or empty.
    fits
        The model files of the conditions, in the order of the spec.
    stored
        A ``specs.claims_spec``.

    Returns
    -------
    DataFrame
        The table of `claims_table.claims_table`.

    Raises
    ------
    StorageError
        If a model file does not hold the fits of its spec.
    """
    spec = ClaimsSpec.parse(stored)
    found = {name: read_tables(paths) for name, paths in tables.items() if paths}
    moved = [
        moved_table(name, layer, model.size(layer), model.epochs(layer), fit)
        for (name, model), path in zip(spec.models.items(), fits, strict=True)
        for layer, fit in read_fits(Path(path), model.stored).items()
    ]
    if moved:
        found["moved"] = pd.concat(moved, ignore_index=True)
    evidence = Evidence(
        tables=found,
        level=spec.level,
        architectures=spec.architectures,
        recipes=spec.recipes,
        figures=spec.figures,
        labelled=spec.labelled,
    )
    return claims_table(evidence)
