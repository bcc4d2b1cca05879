"""One job of testing the laws of a condition: from its weights shards to a table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from weightlaws.arrays import Integers, Singles
from weightlaws.inference.dead_outputs import with_and_without_dead
from weightlaws.inference.layer_tables import place_of
from weightlaws.inference.max_t import require_simulations
from weightlaws.inference.miss import MeanSquare, mean_square, miss
from weightlaws.inference.sided_spec import SidedSpec
from weightlaws.inference.significance import (
    Deviations,
    Family,
    deviations_by_law,
    joined,
    judge,
    simulated_deviations,
)
from weightlaws.invariants.catalogue import catalogue, published_number
from weightlaws.invariants.graphs import common_form
from weightlaws.laws.candidates import testable
from weightlaws.laws.moments import Moments, moments
from weightlaws.laws.names import DIAGONAL
from weightlaws.storage.member_matrices import MemberMatrices, read_matrices
from weightlaws.storage.shard_specs import Spec


@dataclass(frozen=True)
class SignificanceSpec(SidedSpec):
    """Everything that fixes the tests of a condition's laws.

    Attributes
    ----------
    invariants
        The catalogue of invariants that the 13-parameter law predicts.
    level
        The family-wise level.
    matrices, ensembles
        The numbers of simulated matrices and ensembles behind a family of tests.
    """

    invariants: str
    level: float
    matrices: int
    ensembles: int


_MEAN_SQUARE = [field.name for field in fields(MeanSquare)]


def significance_tables(
    paths: Sequence[Path], stored: Spec, condition: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test every layer of a condition at its headline epochs against every law.

    Parameters
    ----------
    paths
        The condition's weights shards, in the order of their members.
    stored
        A ``specs.significance_spec``.
    condition
        Its name.

    Returns
    -------
    tests
        One row a layer, ``selection`` of members, law, epoch and invariant that the law predicts
        and does not fit. ``deviation_sd`` is (mean - prediction) / sd, ``low`` and ``high`` its
        95 % interval, ``deviation_z`` the same in standard errors. ``p`` is of one test, and
        ``p_adjusted`` family-wise, over the invariants and epochs of a layer and law. For the other
        columns see `significance.Family`. A one-sided law needs more members than labels.
    misses
        One row a layer, ``selection``, law and epoch: ``miss``, the root mean square over
        ``n_invariants`` in SD without noise, ``low`` and ``high``, its 95 % interval, and the
        numbers behind it; see `miss.MeanSquare`. Of the 13-parameter law invariants are the
        published ones, of other laws all of degree 1 to 4 that they predict and do not fit.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    ValueError
        If there are too few simulations for anything to be significant.
    """
    spec, parts = SignificanceSpec.parse(stored), []
    require_simulations(spec.ensembles, spec.level)
    for layer, snapshots in spec.weights.snapshots.items():
        epochs = [epoch for epoch in spec.epochs if epoch in snapshots]
        if not epochs:
            continue
        read = partial(read_matrices, paths, spec.weights, spec.members, layer)
        first = next(read(epochs[:1]))
        place = place_of(spec.weights, condition, layer)
        table = partial(
            _layer_table, spec=spec, layer=layer, condition=condition, epochs=epochs, read=read
        )
        positions = np.arange(len(first.members))
        parts.append(with_and_without_dead(positions, first.dead_output, 2, table, **place))
    tests = pd.concat(parts, ignore_index=True)
    key = ["condition", "layer", "rows", "columns", "selection", "n_members", "law", "epoch"]
    squares = tests.drop_duplicates(key)[[*key, *_MEAN_SQUARE]].reset_index(drop=True)
    return tests.drop(columns=_MEAN_SQUARE), with_misses(squares)


def with_misses(squares: pd.DataFrame) -> pd.DataFrame:
    """Add to mean squares and their ``n_members`` the miss with its 95 % interval."""
    names = ["mean_square", "noise", "degrees", "n_members"]
    found = [
        miss(*row[:3], members=row[3], tail=0.025)
        for row in squares[names].itertuples(index=False, name=None)
    ]
    columns = ["miss", "low", "high"]
    return squares.join(pd.DataFrame(found, columns=columns, index=squares.index))


def _layer_table(
    chosen: Integers,
    spec: SignificanceSpec,
    condition: str,
    layer: str,
    epochs: Sequence[int],
    read: Callable[[Sequence[int]], Iterator[MemberMatrices]],
) -> pd.DataFrame:
    """Test one layer of the members at some positions, with mean squares in each row."""
    shape, labelled = spec.weights.shapes[layer], spec.side(layer)
    laws = {
        law: moments(law, shape, labelled, catalogue(spec.invariants))
        for law in testable(shape, labelled, len(chosen))
    }
    found: dict[str, list[Deviations]] = {law: [] for law in laws}
    simulated: dict[str, list[Singles]] = {law: [] for law in laws}
    # Wide matrices of all epochs would be gigabytes: they are read one epoch after another.
    for epoch, ensemble in zip(epochs, read(epochs), strict=True):
        matrices = ensemble.matrices[np.isin(np.arange(len(ensemble.members)), chosen)]
        of_laws = deviations_by_law(matrices, laws)
        for law, fitted in laws.items():
            # Seeded by the study and the place alone, so that other conditions change nothing here.
            place = f"significance/{condition}/{layer}/{law}".encode()
            rng = np.random.default_rng([spec.seed, *place, epoch])
            found[law].append(of_laws[law])
            simulated[law].append(
                simulated_deviations(
                    fitted.fit(matrices),
                    fitted,
                    len(matrices),
                    rng,
                    n_matrices=spec.matrices,
                    n_ensembles=spec.ensembles,
                )
            )
    tables = []
    for law, fitted in laws.items():
        all_epochs = joined(found[law])
        family = judge(all_epochs, np.concatenate(simulated[law], axis=1), spec.level)
        table = _family_table(law, fitted, epochs, all_epochs, family)
        published = [bool(published_number(common_form(graph))) for graph in fitted.graphs]
        which = np.array(published) if law == DIAGONAL else np.ones(len(published), dtype=np.bool_)
        squares = pd.DataFrame(
            [asdict(mean_square(one.deviation[which], one.without[:, which])) for one in found[law]]
        )
        repeated = squares.loc[squares.index.repeat(len(which))].reset_index(drop=True)
        tables.append(table.join(repeated))
    return pd.concat(tables, ignore_index=True)


def _family_table(
    law: str, fitted: Moments, epochs: Sequence[int], found: Deviations, family: Family
) -> pd.DataFrame:
    graphs = [common_form(graph) for graph in fitted.graphs]
    low, high = found.interval
    return pd.DataFrame(
        {
            "law": law,
            "epoch": np.repeat(epochs, len(graphs)),
            "invariant": np.tile([graph.name for graph in graphs], len(epochs)),
            "published": np.tile([published_number(graph) for graph in graphs], len(epochs)),
            "degree": np.tile([graph.degree for graph in graphs], len(epochs)),
            "mean": found.mean,
            "prediction": found.prediction,
            "deviation_sd": found.deviation,
            "low": low,
            "high": high,
            "deviation_z": found.deviation / found.error,
            **{field.name: getattr(family, field.name) for field in fields(Family)},
        }
    )
