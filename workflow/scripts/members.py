"""Write the run's tables of conditions, members and learning curves."""

from pathlib import Path

import pandas as pd

from weightlaws.jobs import job_log
from weightlaws.training.members_job import (
    conditions_table,
    final_members,
    learning_curves,
    members_table,
)

with job_log(snakemake):
    specs, n_members = snakemake.params.spec["weights"], snakemake.params.spec["members"]
    conditions_table(specs, n_members).to_csv(snakemake.output.conditions, index=False)
    shards = [Path(path) for path in snakemake.input]
    final, curves = [], []
    for condition, spec in specs.items():
        paths = [path for path in shards if path.parent.name == condition]
        members = members_table(condition, paths, spec, n_members[condition])
        final.append(final_members(members))
        curves.append(learning_curves(members))
    pd.concat(final).to_csv(snakemake.output.members, index=False)
    pd.concat(curves).to_csv(snakemake.output.learning_curves, index=False)
