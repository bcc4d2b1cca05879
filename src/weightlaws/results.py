"""The results of a study, as arrays and tables."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from weightlaws.inference.stored_fits import read_fits
from weightlaws.invariants.catalogue import catalogue
from weightlaws.laws.pigmm import PIGMM
from weightlaws.planning.specs import invariants_spec, model_spec, weights_spec, without_code
from weightlaws.storage.hdf5 import Reader, check_spec, opened
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import weights_shard
from weightlaws.study.conditions import Ensemble, Shard
from weightlaws.study.study import Study, read_study

# Specs are compared without the digests of the code, which only a run knows.
_CODE = defaultdict[str, str](str)


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
        return self._of_models("distances.csv")

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row a layer and headline epoch: the law that fits best, and how clearly."""
        return self._of_models("findings.csv")

    @cached_property
    def deviations(self) -> pd.DataFrame:
        """One row a significant deviation from the 13-parameter law, ranked by its size."""
        return self._of_models("deviations.csv")

    @cached_property
    def invariants(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and invariant: mean, prediction, deviations."""
        return self._tables("models/{}.csv")

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and parameter."""
        return self._tables("models/{}.parameters.csv")

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and law: likelihood of held-out members."""
        return self._tables("comparison/{}.csv")

    @cached_property
    def symmetry(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and test of a symmetry."""
        return self._tables("symmetry/{}.csv")

    @cached_property
    def significance(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and invariant: p of its deviation."""
        return self._tables("significance/{}.csv")

    @cached_property
    def spectra(self) -> pd.DataFrame:
        """One row a condition or network, layer, headline epoch, statistic of spectra and null."""
        return self._table("spectra.csv")

    @cached_property
    def costs(self) -> pd.DataFrame:
        """One row a rule and what its jobs are about: time and memory; see `costs.cost_table`."""
        return self._table("cost.csv").fillna({"scope": ""})

    def epochs(self, condition: str, layer: str) -> list[int]:
        """Epochs of one layer's snapshots, the second axis of its weights and invariants."""
        self._check(condition, layer)
        return self.study.layer_snapshots(self.study.conditions[condition])[layer]

    def weights(self, condition: str, layer: str) -> npt.NDArray[np.float32]:
        """Weight matrices of all members, (member, snapshot, out, in).

        Raises
        ------
        StorageError
            If a file is damaged, or was made by another study than the folder's record says. So do
            `member_invariants` and `fit`.
        """
        self._check(condition, layer)
        parts = []
        for path, shard in self._shards("weights", condition):
            spec = weights_spec(self.study, self.study.conditions[condition], _CODE, shard)
            with _opened(path, "weights", spec) as reader:
                parts.append(weights_shard(reader, [layer]).weights[layer])
        return np.concatenate(parts)

    def member_invariants(self, condition: str, layer: str) -> npt.NDArray[np.float64]:
        """Values of the invariants in ``invariants.csv``, (member, snapshot, invariant).

        Those of members that diverged are NaN.
        """
        self._check(condition, layer, modelled=True)
        shape = (None, len(self.epochs(condition, layer)), len(catalogue(self.study.invariants)))
        parts = []
        for path, shard in self._shards("invariants", condition):
            spec = invariants_spec(self.study, self.study.conditions[condition], _CODE, shard)
            with _opened(path, "invariants", spec) as reader:
                finite = reader.read("finite", np.bool_, (None, None))[:, -1]
                name = f"invariants/{layer}"
                parts.append(reader.read(name, np.float64, shape, finite=finite))
        return np.concatenate(parts)

    def fit(self, condition: str, layer: str, epoch: int) -> PIGMM:
        """Return the 13-parameter law fitted to one layer at one snapshot."""
        self._check(condition, layer, modelled=True)
        epochs = self.epochs(condition, layer)
        if epoch not in epochs:
            raise ResultsError(f"epoch: found {epoch}, expected one of {epochs}")
        ensemble, path = self.study.conditions[condition], self._path(f"models/{condition}.h5")
        with _opened(path, "model", model_spec(self.study, ensemble, _CODE)) as reader:
            parameters = read_fits(path, reader.spec)[layer].parameters
        size, _ = ensemble.square_layers[layer]
        return PIGMM(size, parameters[epochs.index(epoch)])

    def _check(self, condition: str, layer: str, *, modelled: bool = False) -> None:
        conditions = self.study.conditions
        if condition not in conditions:
            raise ResultsError(f"condition: found {condition!r}, expected one of {[*conditions]}")
        if modelled and condition not in self._modelled():
            raise ResultsError(
                f"condition: found {condition!r}, which is not modelled, expected one of "
                f"{[*self._modelled()]}; or have models among its analyses, and run snakemake"
            )
        layers = conditions[condition].square_layers if modelled else conditions[condition].shapes
        if layer not in layers:
            raise ResultsError(f"layer: found {layer!r}, expected one of {[*layers]}")

    def _shards(self, stage: str, condition: str) -> list[tuple[Path, Shard]]:
        shards = self.study.shards(self.study.conditions[condition])
        return [(self._path(f"{stage}/{condition}/{shard.name}.h5"), shard) for shard in shards]

    def _tables(self, pattern: str) -> pd.DataFrame:
        """Join a table of each condition that is modelled."""
        names = map(pattern.format, self._modelled())
        return pd.concat(map(self._table, names), ignore_index=True)

    def _of_models(self, name: str) -> pd.DataFrame:
        """Read a table of all conditions that are modelled."""
        self._modelled()
        return self._table(name)

    def _modelled(self) -> dict[str, Ensemble]:
        if not self.study.modelled:
            raise ResultsError(
                f"models of study {self.study.name!r}: found none, expected a condition that is "
                "modelled; have models among the analyses of a sweep, and run snakemake"
            )
        return self.study.modelled

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


@contextmanager
def _opened(path: Path, kind: str, spec: Spec) -> Iterator[Reader]:
    """Open a file and check that the folder's study made it, by whatever code."""
    with opened(path, kind) as reader:
        check_spec(path, without_code(reader.spec), without_code(spec))
        yield reader
