"""One job of fitting a condition: from its invariants shards to its fits and their tables."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from weightlaws.inference import model_tables
from weightlaws.inference.bootstrap import resampling_weights, restricted
from weightlaws.inference.layer_fit import Fits, fit_layer
from weightlaws.inference.stored_fits import ModelSpec, store_fits
from weightlaws.invariants.catalogue import catalogue
from weightlaws.storage.shard_specs import Spec
from weightlaws.storage.shards import read_invariants
from weightlaws.training.initial_law import independent_start


def write_models(
    paths: Sequence[Path],
    stored: Spec,
    condition: str,
    *,
    fits: Path,
    invariants: Path,
    parameters: Path,
    typicality: Path,
    admissibility: Path,
) -> None:
    """Fit a condition, and write its fits and their tables.

    Parameters
    ----------
    paths
        The condition's invariants shards, in the order of their members.
    stored
        A ``specs.model_spec``.
    condition
        Its name.
    fits
        The HDF5 file to write.
    invariants, parameters, typicality, admissibility
        The CSV files to write, one for each table of `model_tables`.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    spec = ModelSpec.parse(stored)
    found = fit_condition(paths, spec)
    store_fits(fits, spec, found)
    of_invariants = model_tables.fits_table(condition, spec, found)
    tables = {
        invariants: of_invariants,
        parameters: model_tables.parameters_table(condition, spec, found),
        typicality: model_tables.typicality_table(of_invariants, spec, found),
        admissibility: model_tables.admissibility_table(condition, spec, found),
    }
    for path, table in tables.items():
        table.to_csv(path, index=False)


def fit_condition(paths: Sequence[Path], spec: ModelSpec) -> Fits:
    """Fit every square layer of a condition, a few snapshots' invariants in memory at a time.

    Diverged members are left out. Conditions of one seed and number of members resample the same
    members.

    Parameters
    ----------
    paths
        The condition's invariants shards, in the order of their members.
    spec
        The spec of the fits.

    Raises
    ------
    StorageError
        If a shard is not the spec's, or members are missing.
    """
    invariants, n_members = spec.invariants, spec.n_members
    graphs = catalogue(invariants.catalogue)
    rng = np.random.default_rng([spec.seed, *b"bootstrap"])
    weights = resampling_weights(n_members, spec.bootstrap_replicates, rng)
    start, fits = independent_start(invariants.weights.initialisation), {}
    for layer in invariants.layers:
        snapshots = read_invariants(
            paths, invariants, n_members, layer, spec.epochs(layer), len(graphs)
        )
        first = next(snapshots)
        # A diverged member is left out at all epochs alike.
        finite = np.isin(np.arange(n_members), first.members)
        fits[layer] = fit_layer(
            (snapshot.values for snapshot in chain([first], snapshots)),
            graphs,
            spec.size(layer),
            start,
            restricted(weights, finite),
            first.members,
        )
    return fits
