"""How long jobs will take: as earlier ones took, or as it is planned."""

from pathlib import Path
from statistics import fmean

from weightlaws.monitoring.costs import cost_table
from weightlaws.planning.stages import STAGES, Stage, Wildcards
from weightlaws.study.study import Study

# Seconds of a job beside its work: to start Snakemake and to import. Figures take little more.
_START = 5.0


def expected_seconds(study: Study, folder: Path) -> dict[str, float]:
    """Return the seconds that a job of each rule is expected to take, on average.

    Parameters
    ----------
    study
        What is asked for.
    folder
        Its results, with the benchmarks of earlier jobs. Rules that have none are estimated from
        the study, by `planning.resources`.
    """
    costs = cost_table(folder).groupby("rule")[["seconds", "jobs"]].sum()
    measured = (costs["seconds"] / costs["jobs"]).to_dict()
    return {
        rule: float(measured[rule]) if rule in measured else _START + _planned(stage, study)
        for rule, stage in STAGES.items()
    }


def _planned(stage: Stage, study: Study) -> float:
    """Return the mean time of a stage's jobs, 0 where nothing is planned for them."""
    if stage.resources is None:
        return 0.0
    single = {network.name for network in study.checkpoints}  # whose shapes are not known yet
    jobs = [job for job in stage.jobs(study) if job.get("condition") not in single]
    times = [stage.resources_of(study, job, **_known(stage, study, job)).seconds for job in jobs]
    return fmean(times) if times else 0.0


def _known(stage: Stage, study: Study, job: Wildcards) -> dict[str, object]:
    if stage.rule not in ("spectra", "spectra_shard"):
        return {}
    return {"shapes": study.conditions[job["condition"]].shapes}
