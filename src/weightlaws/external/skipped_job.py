"""One job: what of networks that were trained elsewhere is left out, and why."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from weightlaws.external.ensembles import describe
from weightlaws.external.import_job import selection_of
from weightlaws.storage.hdf5 import opened
from weightlaws.storage.shard_specs import Spec


def skipped_table(specs: Mapping[str, Spec], paths: Mapping[str, Path]) -> pd.DataFrame:
    """One row an array that is no layer, or none that is asked for: ``condition, name, reason``.

    Parameters
    ----------
    specs
        ``specs.weights_spec`` of each network and ensemble, by name.
    paths
        The weights shard of each single network. It says which layers are not finite, too. What an
        ensemble leaves out is looked up in its files.

    Raises
    ------
    WeightLawsError
        As `ensembles.describe` does, or if a shard is damaged.
    """
    rows = []
    for condition, spec in specs.items():
        if condition in paths:
            with opened(paths[condition], "weights") as reader:
                skipped = reader.provenance["skipped"]
        else:
            which = {key: spec[key] for key in ("epoch", "layout")}
            skipped = describe(spec["path"], selection=selection_of(spec), **which).skipped
        rows += [(condition, name, reason) for name, reason in skipped.items()]
    return pd.DataFrame(rows, columns=["condition", "name", "reason"])
