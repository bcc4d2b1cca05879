"""The results of a study, as arrays and tables."""

from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.deviations import GRAPHS
from weightlaws.models import read_fits
from weightlaws.pigmm import PIGMM
from weightlaws.shards import read_shard
from weightlaws.storage import opened
from weightlaws.study import Study, read_study


class ResultsError(RuntimeError):
    """Results that are not there: what was looked for, what there is, what to do."""


def load(folder: str | Path) -> "Results":
    """Open the results of a study, such as ``results/default``; nothing is read yet but its record.

    Raises
    ------
    ResultsError
        If no study has run into the folder.
    """
    folder = Path(folder)
    record = folder / "study.yaml"
    if not record.is_file():
        raise ResultsError(
            f"{record}: found no such file, expected the record of a study; "
            "give the folder of a study that has run, such as results/default"
        )
    return Results(folder, read_study(record))


class Results:
    """What a study has produced, read from its folder when it is asked for.

    Attributes
    ----------
    folder
        Where the results stand.
    study
        The configuration that they were made by.
    """

    def __init__(self, folder: Path, study: Study) -> None:
        self.folder = folder
        self.study = study

    def __repr__(self) -> str:
        return f"<Results of study {self.study.name!r} in {self.folder}>"

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """One row a condition."""
        return self._table("conditions.csv")

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row a network: final training loss, test accuracy, dead output."""
        return self._table("members.csv")

    @cached_property
    def learning_curves(self) -> pd.DataFrame:
        """One row a condition and epoch: training loss and test accuracy over the members."""
        return self._table("learning_curves.csv")

    @cached_property
    def distances(self) -> pd.DataFrame:
        """One row a Wasserstein distance, with its noise floor."""
        return self._table("distances.csv")

    @cached_property
    def invariants(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and invariant: mean, prediction, deviations."""
        names = self.study.conditions
        return pd.concat([self._table(f"models/{name}.csv") for name in names], ignore_index=True)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and parameter."""
        names = self.study.conditions
        tables = [self._table(f"models/{name}.parameters.csv") for name in names]
        return pd.concat(tables, ignore_index=True)

    @property
    def epochs(self) -> list[int]:
        """Epochs of the snapshots, the second axis of weights and invariants."""
        return self.study.snapshot_epochs

    def weights(self, condition: str, layer: str) -> npt.NDArray[np.float32]:
        """Weight matrices of all members, (member, snapshot, out, in)."""
        self._check(condition, layer)
        return np.concatenate(
            [
                read_shard(path, layers=[layer]).weights[layer]
                for path in self._shards("weights", condition)
            ]
        )

    def member_invariants(self, condition: str, layer: str) -> npt.NDArray[np.float64]:
        """Invariants I1 to I52 of all members, (member, snapshot, invariant)."""
        self._check(condition, layer)
        shape = (None, len(self.epochs), len(GRAPHS))
        parts = []
        for path in self._shards("invariants", condition):
            with opened(path, "invariants") as reader:
                parts.append(reader.read(f"invariants/{layer}", np.float64, shape))
        return np.concatenate(parts)

    def fit(self, condition: str, layer: str, epoch: int) -> PIGMM:
        """Return the 13-parameter law fitted to one layer at one snapshot."""
        self._check(condition, layer)
        if epoch not in self.epochs:
            raise ResultsError(f"epoch: found {epoch}, expected one of {self.epochs}")
        parameters = read_fits(self._path(f"models/{condition}.h5"))[layer].parameters
        size, _ = self.study.conditions[condition].layers[layer]
        return PIGMM(size, parameters[self.epochs.index(epoch)])

    def _check(self, condition: str, layer: str) -> None:
        conditions = self.study.conditions
        if condition not in conditions:
            raise ResultsError(f"condition: found {condition!r}, expected one of {[*conditions]}")
        layers = conditions[condition].layers
        if layer not in layers:
            raise ResultsError(f"layer: found {layer!r}, expected one of {[*layers]}")

    def _shards(self, stage: str, condition: str) -> list[Path]:
        return [self._path(f"{stage}/{condition}/{shard.name}.h5") for shard in self.study.shards]

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self._path(name))

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise ResultsError(
                f"{path}: found no such file, expected a result of study {self.study.name!r}; "
                "run snakemake to its end with the study's configuration"
            )
        return path
