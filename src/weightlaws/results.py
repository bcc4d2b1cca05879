"""Results of a study, as arrays and tables."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Shapes, Singles
from weightlaws.errors import WeightLawsError
from weightlaws.inference.dead_outputs import ALL
from weightlaws.inference.findings import REJECTED
from weightlaws.inference.stored_fits import read_fits
from weightlaws.invariants.catalogue import catalogue
from weightlaws.laws.pigmm import PIGMM
from weightlaws.planning.specs import (
    UNKNOWN_CODE,
    invariants_spec,
    model_spec,
    weights_spec,
    without_code,
)
from weightlaws.planning.stages import STAGES
from weightlaws.storage.hdf5 import Reader, check_spec, opened
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import read_shapes, weights_shard
from weightlaws.storage.tables import read_table, read_tables
from weightlaws.study.conditions import Checkpoint, Ensemble, Shard
from weightlaws.study.layout import PATHS
from weightlaws.study.study import Study, recorded_study


def load(folder: str | Path, selection: str | None = ALL) -> "Results":
    """Open the results of a study; nothing is read yet but its record.

    Parameters
    ----------
    folder
        The folder of the results, such as ``results/default``.
    selection
        Members that tables of laws are about: ``all``, or ``without dead outputs``. With None the
        tables have both, told apart by their column ``selection``.

    Raises
    ------
    WeightLawsError
        If no study has run into the folder.

    Examples
    --------
    >>> import weightlaws
    >>> weightlaws.load("nowhere")
    Traceback (most recent call last):
    weightlaws.errors.WeightLawsError: nowhere/study.yaml: found no such file, expected ...
    """
    return Results(Path(folder), recorded_study(Path(folder)), selection)


class Results:
    """Results of a study, read from its folder when they are asked for.

    Tables of laws are about a selection of members, all unless ``load`` was asked for another.

    Attributes
    ----------
    folder
        The folder of the results.
    study
        The configuration that made them.
    selection
        The selection of members in tables of laws; None for all selections.
    """

    def __init__(self, folder: Path, study: Study, selection: str | None = ALL) -> None:
        self.folder = folder
        self.study = study
        self.selection = selection

    def __repr__(self) -> str:
        return f"<Results of study {self.study.name!r} in {self.folder}>"

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """One row a condition."""
        return self._table("conditions")

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row a network: final training loss, test accuracy, dead output."""
        return self._table("members")

    @cached_property
    def skipped(self) -> pd.DataFrame:
        """One row an array of a network from elsewhere that is left out, with the reason."""
        return self._table("skipped")

    @cached_property
    def learning_curves(self) -> pd.DataFrame:
        """One row a condition and epoch: training loss and test accuracy over the members."""
        return self._table("learning_curves")

    @cached_property
    def distances(self) -> pd.DataFrame:
        """One row a Wasserstein distance, with its noise floor."""
        return self._table("distances")

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row a layer and headline epoch: the best law, whether it holds, and how clearly."""
        return self._table("findings")

    @cached_property
    def deviations(self) -> pd.DataFrame:
        """One row a significant deviation from the 13-parameter law, ranked by its size."""
        return self._table("deviations")

    @cached_property
    def invariants(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and invariant: mean, prediction, deviations."""
        return self._table("predictions")

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and parameter."""
        return self._table("parameters")

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """One row a condition, layer, epoch and law: likelihood of held-out members."""
        return self._table("comparison")

    @cached_property
    def symmetry(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and test of a symmetry."""
        return self._table("symmetry")

    @cached_property
    def significance(self) -> pd.DataFrame:
        """One row a condition, layer, law, headline epoch and invariant: its deviation, and p."""
        return self._table("significance")

    @cached_property
    def omnibus(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and law: p of the law as a whole."""
        return self._table("omnibus")

    @cached_property
    def couplings(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and coupling of the interacting law."""
        return self._table("couplings")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and law: its score on held-out members."""
        return self._table("scores")

    @cached_property
    def interacting_predictions(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and invariant: what two laws say of it."""
        return self._table("interacting_predictions")

    @cached_property
    def network_law(self) -> pd.DataFrame:
        """One row a condition, headline epoch and hidden layer: whether it joins its layers."""
        return self._table("network_law")

    @cached_property
    def drawn_networks(self) -> pd.DataFrame:
        """One row a condition, law and choice of layers: accuracy of networks drawn from laws."""
        return self._table("drawn_networks")

    @cached_property
    def noise_scale(self) -> pd.DataFrame:
        """One row a recipe, layer, epoch and parameter: what laws at several rates depend on."""
        return self._table("noise_scale")

    @cached_property
    def spectra(self) -> pd.DataFrame:
        """One row a condition or network, layer, headline epoch, statistic of spectra and null."""
        return self._table("spectra_table")

    @cached_property
    def costs(self) -> pd.DataFrame:
        """One row a rule and scope: time and memory; see `costs.cost_table`."""
        return read_table(self._path(PATHS["cost"])).fillna({"scope": ""})

    def epochs(self, condition: str, layer: str) -> list[int]:
        """Epochs of one layer's snapshots, the second axis of its weights and invariants."""
        self._check(condition, layer)
        networks = self._networks[condition]
        if isinstance(networks, Checkpoint):
            return [0]
        return self.study.layer_snapshots(networks)[layer]

    def weights(self, condition: str, layer: str) -> Singles:
        """Weight matrices of all members, (member, snapshot, out, in).

        ``condition`` can also be a single network, which is one member with one snapshot.

        Raises
        ------
        StorageError
            If a file is damaged, or was made by another study than the folder's record says. So do
            `member_invariants` and `fit`.
        """
        self._check(condition, layer)
        parts = []
        for path, shard in self._shards("weights", condition):
            networks = self._networks[condition]
            spec = weights_spec(self.study, networks, UNKNOWN_CODE, shard)
            with _opened(path, "weights", spec, partly=isinstance(networks, Checkpoint)) as reader:
                parts.append(weights_shard(reader, [layer]).weights[layer])
        return np.concatenate(parts)

    def member_invariants(self, condition: str, layer: str) -> Floats:
        """Values of the invariants in ``invariants.csv``, (member, snapshot, invariant).

        Values of members that diverged are NaN.
        """
        self._check(condition, layer, modelled=True)
        graphs = catalogue(self.study.invariants)
        shape = (None, len(self.epochs(condition, layer)), len(graphs))
        parts = []
        for path, shard in self._shards("invariants", condition):
            spec = invariants_spec(
                self.study, self.study.conditions[condition], UNKNOWN_CODE, shard
            )
            with _opened(path, "invariants", spec) as reader:
                finite = reader.read("finite", np.bool_, (None, None))[:, -1]
                name = f"invariants/{layer}"
                parts.append(reader.read(name, np.float64, shape, finite=finite))
        return np.concatenate(parts)

    def fit(self, condition: str, layer: str, epoch: int) -> PIGMM:
        """Return the 13-parameter law fitted to one layer at one snapshot."""
        self._check(condition, layer, modelled=True)
        epochs = self.epochs(condition, layer)
        _choose("epoch", epoch, epochs)
        path = self._path(PATHS["fits"].format(condition=condition))
        spec = model_spec(self.study, self.study.conditions[condition], UNKNOWN_CODE)
        with _opened(path, "model", spec) as reader:
            parameters = read_fits(path, reader.spec)[layer].parameters
        size, _ = self.study.conditions[condition].square_layers[layer]
        return PIGMM(size, parameters[epochs.index(epoch)])

    def headline(self) -> str:
        """Say in one line which laws are best at the last epoch, and which file to open."""
        last = self.findings[self.findings["epoch"] == self.findings["epoch"].max()]
        counts = last["law"].fillna("none").value_counts()
        laws = ", ".join(f"{law} in {n}" for law, n in counts.items())
        rejected = int((last["verdict"] == REJECTED).sum())
        return (
            f"After {last['epoch'].iloc[0]} epochs the best of the Gaussian laws is {laws}, of "
            f"{len(last)} layers, and is rejected in {rejected}; "
            f"open {self.folder / 'report.html'}"
        )

    @property
    def _networks(self) -> dict[str, Ensemble | Checkpoint]:
        """All conditions and single networks, by name."""
        single = {network.name: network for network in self.study.checkpoints}
        return {**self.study.conditions, **single}

    def _check(self, condition: str, layer: str, *, modelled: bool = False) -> None:
        _choose("condition", condition, self.study.conditions if modelled else self._networks)
        if modelled and condition not in self.study.modelled:
            raise WeightLawsError(
                "condition",
                f"{condition!r}, which is not modelled",
                f"one of {[*self.study.modelled]}",
                "or have models among its analyses, and run snakemake",
            )
        if modelled:
            layers = self.study.conditions[condition].square_layers
        else:
            layers = self._shapes(condition)
        _choose("layer", layer, layers)

    def _shapes(self, condition: str) -> Shapes:
        """Shapes of the layers; those of a single network stand with its weights."""
        networks = self._networks[condition]
        if not isinstance(networks, Checkpoint):
            return networks.shapes
        ((path, _),) = self._shards("weights", condition)
        return read_shapes(path)

    def _shards(self, name: str, condition: str) -> Iterator[tuple[Path, Shard]]:
        for shard in self.study.shards(self._networks[condition]):
            yield self._path(PATHS[name].format(condition=condition, shard=shard.name)), shard

    def _table(self, name: str) -> pd.DataFrame:
        """Read a table of the study, or join the tables of all conditions that have it."""
        (stage,) = (stage for stage in STAGES.values() if name in stage.files)
        paths = [self._path(path) for path in stage.paths(self.study, name)]
        if not paths:
            raise WeightLawsError(
                f"{name} of study {self.study.name!r}",
                "no condition with this analysis",
                "a condition with models, or spectra, among its analyses, and for laws beyond one "
                "Gaussian matrix statistics.interacting: true",
                "add the analysis to a sweep, and run snakemake",
            )
        table = read_tables(paths)
        if self.selection is None or "selection" not in table:
            return table
        return table[table["selection"] == self.selection].reset_index(drop=True)

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise WeightLawsError(
                path,
                "no such file",
                f"a result of study {self.study.name!r}",
                "run snakemake to its end with the study's configuration",
            )
        return path


def _choose(what: str, found: object, expected: Collection[object]) -> None:
    if found not in expected:
        choices = f"one of {[*expected]}"
        raise WeightLawsError(what, repr(found), choices, "choose one of them")


@contextmanager
def _opened(path: Path, kind: str, spec: Spec, *, partly: bool = False) -> Iterator[Reader]:
    """Open a file and check that the folder's study made it, by whatever code.

    ``partly`` allows the file's spec more keys: layers of a single network, found when it was read.
    """
    with opened(path, kind) as reader:
        found = {key: reader.spec[key] for key in reader.spec if key in spec or not partly}
        check_spec(path, without_code(found), without_code(spec))
        yield reader
