"""Judge each claim by the study's tables."""

from weightlaws.inference.claims_job import TABLES, judged_claims
from weightlaws.jobs import job_log

with job_log(snakemake):
    given = snakemake.input
    tables = {name: given.get(name, []) for name in TABLES}
    claims = judged_claims(tables, given.fits, snakemake.params.spec)
    claims.to_csv(snakemake.output[0], index=False)
