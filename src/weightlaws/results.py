"""Results of a study, as arrays and tables."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from weightlaws.arrays import Floats, Shapes
from weightlaws.errors import WeightLawsError
from weightlaws.figures.words import law_words
from weightlaws.inference.claims import FAILS, HOLDS, IN_PART, NOT_TESTED
from weightlaws.inference.dead_outputs import ALL, WITHOUT_DEAD
from weightlaws.inference.findings import REJECTED
from weightlaws.inference.interacting import law_graphs, too_few
from weightlaws.invariants.catalogue import catalogue, published_number
from weightlaws.laws.base import Law
from weightlaws.laws.candidates import candidates
from weightlaws.laws.interacting import Interacting
from weightlaws.laws.names import BIPARTITE, DIAGONAL, INDEPENDENT, INTERACTING, ONE_SIDED
from weightlaws.planning.specs import UNKNOWN_CODE, invariants_spec, weights_spec, without_code
from weightlaws.planning.stages import STAGES
from weightlaws.storage.hdf5 import Reader, check_spec, opened
from weightlaws.storage.shard_specs import Spec, WeightsSpec
from weightlaws.storage.shards import read_shapes, read_weights, weights_shard
from weightlaws.storage.tables import read_table, read_tables
from weightlaws.study.conditions import Checkpoint, Ensemble, Shard
from weightlaws.study.layout import PATHS
from weightlaws.study.study import Study, recorded_study
from weightlaws.training.networks import labelled_side

#: Names of laws that `Results.fit` takes: those in tables, and two that are easier to type.
LAWS = {
    **{"iid": INDEPENDENT, "pigmm": DIAGONAL},
    **{law: law for law in (INDEPENDENT, BIPARTITE, DIAGONAL, ONE_SIDED, INTERACTING)},
}

#: The files of tables that have another name there.
_FILES = {"invariants": "predictions", "spectra": "spectra_table", "costs": "cost"}


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
    ``results[condition][layer]`` has the weights, invariants and laws of one layer, and names of
    conditions and layers complete inside the brackets.

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

    def _repr_html_(self) -> str:
        """Show in a notebook what there is: networks, layers, and tables."""
        tables = self.tables()
        networks = pd.DataFrame(
            {
                "networks": name,
                "members": each.members,
                "layers": ", ".join(
                    f"{layer} ({rows} x {columns})" for layer, (rows, columns) in shapes.items()
                ),
            }
            for name, each in self._networks.items()
            for shapes in [{} if isinstance(each, Checkpoint) else each.shapes]
        )
        described = pd.DataFrame({"table": [*tables], "content": [*tables.values()]})
        parts = [
            f"<p>Study <b>{escape(self.study.name)}</b> in <code>{escape(str(self.folder))}</code>"
            f"{self._pages()}</p>",
            networks.to_html(index=False, border=0),
            described.to_html(index=False, border=0),
            "<p>Of one layer: <code>[condition][layer]</code> with <code>.weights()</code>, "
            "<code>.member_invariants()</code>, <code>.fit(epoch, law)</code></p>",
        ]
        return "\n".join(parts)

    def _pages(self) -> str:
        """Say which pages to read: the answers first, then the report with all figures."""
        named = {
            PATHS["answers"]: "What it found: <code>{}</code>",
            "report.html": "All figures: <code>{}</code>",
        }
        there = [name for name in named if (self.folder / name).is_file()]
        return "".join(f". {named[name].format(escape(name))}" for name in there)

    def __dir__(self) -> list[str]:
        """Names without those of tables that are not there, for completion."""
        absent = {*_table_properties()} - {*self.tables()}
        return sorted({*super().__dir__()} - absent)

    def __getitem__(self, condition: str) -> "ConditionResults":
        """Return the layers of a condition, or of a single network."""
        _choose("condition", condition, self._networks)
        return ConditionResults(self, condition)

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._networks]

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
        """One row a significant deviation of an invariant from a law, ranked by its size."""
        return self._table("deviations")

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row a claim: its effect size with an interval, its verdict, and a note."""
        return self._table("claims")

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
    def misses(self) -> pd.DataFrame:
        """One row a condition, layer, law and headline epoch: its miss of all invariants, in SD."""
        return self._table("misses")

    @cached_property
    def omnibus(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and law: p of the law as a whole."""
        return self._table("omnibus")

    @cached_property
    def entries(self) -> pd.DataFrame:
        """One row a condition, layer, headline epoch and bin: density of weights and of laws."""
        return self._table("entries")

    @cached_property
    def eigenvalues(self) -> pd.DataFrame:
        """One row a condition, square layer, epoch and distance: eigenvalues so near to 0."""
        return self._table("eigenvalues")

    @cached_property
    def eigenvalue_plane(self) -> pd.DataFrame:
        """One row a condition, square layer, epoch and cell of the plane: eigenvalues there."""
        return self._table("eigenvalue_plane")

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

    def weights(self, condition: str, layer: str) -> xr.DataArray:
        """Weight matrices of all members, float32 (member, epoch, row, column).

        Rows are the neurons that a layer leads to, columns those that it comes from.
        ``condition`` can also be a single network, which is one member with one epoch.

        Raises
        ------
        StorageError
            If a file is damaged, or was made by another study than the folder's record says. So do
            `member_invariants` and `fit`.
        """
        self._check(condition, layer)
        parts = []
        for path, shard in self._shards("weights", condition):
            with self._opened_weights(path, shard, condition) as reader:
                parts.append(weights_shard(reader, [layer]).weights[layer])
        return self._labelled(np.concatenate(parts), condition, layer, ("row", "column"))

    def member_invariants(self, condition: str, layer: str) -> xr.DataArray:
        """Values of the invariants in ``invariants.csv``, float64 (member, epoch, invariant).

        ``invariant`` has their names, and the coordinate ``published`` the numbers of those that
        have one. Values of members that diverged are NaN.
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
        found = self._labelled(np.concatenate(parts), condition, layer, ("invariant",))
        return found.assign_coords(
            invariant=[graph.name for graph in graphs],
            published=("invariant", [published_number(graph) for graph in graphs]),
        )

    def fit(self, condition: str, layer: str, epoch: int, law: str = "pigmm") -> Law | Interacting:
        """Fit a law to one layer at one epoch.

        Parameters
        ----------
        condition, layer, epoch
            The ensemble of matrices. Members that diverged are left out, and with the selection
            ``without dead outputs`` those whose outputs are all 0, too.
        law
            ``i.i.d.`` or ``iid``, ``bipartite``, ``diagonal S_D`` or ``pigmm``, ``one-sided``,
            ``interacting``: the laws that tables compare. The last has the couplings of the table
            `couplings`.

        Returns
        -------
        IID, Bipartite, PIGMM, OneSided or Interacting

        Raises
        ------
        WeightLawsError
            If the layer has no such law, or members are too few for it.
        """
        _choose("law", law, LAWS)
        _choose("condition", condition, self.study.conditions)
        _choose("epoch", epoch, self.epochs(condition, layer))
        ensemble = self.study.conditions[condition]
        shape, labelled = ensemble.shapes[layer], labelled_side(layer, ensemble.sides)
        fits: dict[str, Callable[[Floats], Law | Interacting]] = {**candidates(shape, labelled)}
        if labelled != "columns":
            fits[INTERACTING] = _fit_interacting
        if LAWS[law] not in fits:
            raise WeightLawsError(
                f"law of {layer}, {shape[0]} x {shape[1]}",
                repr(law),
                f"one of {[*fits]}",
                "choose a law that this shape and its labels have",
            )
        return fits[LAWS[law]](self._matrices(condition, layer, epoch))

    def _matrices(self, condition: str, layer: str, epoch: int) -> Floats:
        """Read one layer's matrices at one epoch, of the members that laws are fitted to."""
        shards = [*self._shards("weights", condition)]
        with self._opened_weights(*shards[0], condition) as reader:
            shared = {key: value for key, value in reader.spec.items() if key != "members"}
        paths, n_members = [path for path, _ in shards], self.study.conditions[condition].members
        (found,) = read_weights(paths, WeightsSpec.parse(shared), n_members, layer, [epoch])
        kept = ~found.dead_output if self.selection == WITHOUT_DEAD else slice(None)
        return np.asarray(found.values[kept], dtype=np.float64)

    @contextmanager
    def _opened_weights(self, path: Path, shard: Shard, condition: str) -> Iterator[Reader]:
        networks = self._networks[condition]
        spec = weights_spec(self.study, networks, UNKNOWN_CODE, shard)
        with _opened(path, "weights", spec, partly=isinstance(networks, Checkpoint)) as reader:
            yield reader

    def _labelled(
        self, values: npt.NDArray[Any], condition: str, layer: str, axes: tuple[str, ...]
    ) -> xr.DataArray:
        """Name the axes of values (member, epoch, ...) of one layer."""
        return xr.DataArray(
            values,
            dims=("member", "epoch", *axes),
            coords={"member": np.arange(len(values)), "epoch": self.epochs(condition, layer)},
            name=layer,
            attrs={"condition": condition},
        )

    def headline(self) -> str:
        """Say in one line which laws are best at the last epoch, and which page to open."""
        return f"{self.best_laws()}; open {self.folder / PATHS['answers']}"

    def claims_counted(self) -> str:
        """Say in one line how many claims have which verdict."""
        counts = self.claims["verdict"].value_counts()
        words = {
            HOLDS: ("holds", "hold"),
            IN_PART: ("in part", "in part"),
            FAILS: ("fails", "fail"),
            NOT_TESTED: (NOT_TESTED, NOT_TESTED),
        }
        found = [
            f"{counts[verdict]} {one if counts[verdict] == 1 else several}"
            for verdict, (one, several) in words.items()
            if verdict in counts
        ]
        return f"claims: {', '.join(found)}"

    def best_laws(self) -> str:
        """Say which Gaussian laws are best at the last epoch, and in how many layers."""
        last = self.findings[self.findings["epoch"] == self.findings["epoch"].max()]
        counts = last["law"].fillna("none").value_counts()
        laws = ", ".join(f"{law_words(str(law))} in {n}" for law, n in counts.items())
        rejected = int((last["verdict"] == REJECTED).sum())
        return (
            f"After {last['epoch'].iloc[0]} epochs the best of the Gaussian laws is {laws}, of "
            f"{len(last)} layers, and is rejected in {rejected}"
        )

    def tables(self) -> dict[str, str]:
        """What a row is of each table that is there, by its name."""
        found = {}
        for name, table in _table_properties().items():
            file = _FILES.get(name, name)
            stages = [stage for stage in STAGES.values() if file in stage.files]
            paths = [path for stage in stages for path in stage.paths(self.study, file)]
            paths = paths or [PATHS[file]] * (not stages)
            if paths and all((self.folder / path).is_file() for path in paths):
                found[name] = (table.__doc__ or "").rstrip(".")
        return found

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


@dataclass(frozen=True)
class ConditionResults:
    """The layers of a condition, or of a single network: ``results[condition]``."""

    results: Results
    condition: str

    @property
    def layers(self) -> Shapes:
        """Shapes (rows, columns) of the layers, by name."""
        return self.results._shapes(self.condition)

    def __getitem__(self, layer: str) -> "LayerResults":
        """Return one layer."""
        _choose("layer", layer, self.layers)
        return LayerResults(self.results, self.condition, layer)

    def _ipython_key_completions_(self) -> list[str]:
        return [*self.layers]


@dataclass(frozen=True)
class LayerResults:
    """One layer of a condition, or of a single network: ``results[condition][layer]``."""

    results: Results
    condition: str
    layer: str

    @property
    def epochs(self) -> list[int]:
        """See `Results.epochs`."""
        return self.results.epochs(self.condition, self.layer)

    def weights(self) -> xr.DataArray:
        """See `Results.weights`."""
        return self.results.weights(self.condition, self.layer)

    def member_invariants(self) -> xr.DataArray:
        """See `Results.member_invariants`."""
        return self.results.member_invariants(self.condition, self.layer)

    def fit(self, epoch: int, law: str = "pigmm") -> Law | Interacting:
        """See `Results.fit`."""
        return self.results.fit(self.condition, self.layer, epoch, law)


def _table_properties() -> dict[str, cached_property[pd.DataFrame]]:
    """The properties of `Results` that are tables, by name."""
    return {name: each for name, each in vars(Results).items() if isinstance(each, cached_property)}


def _fit_interacting(matrices: Floats) -> Interacting:
    """Fit the interacting law that so many members can tell of."""
    n, rows, columns = matrices.shape
    graphs = law_graphs((rows, columns), n)
    if reason := too_few(graphs, n):
        raise WeightLawsError(
            "an interacting law", reason, "more members", "add members, or fit a Gaussian law"
        )
    return Interacting.fit(matrices, graphs=graphs)


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
