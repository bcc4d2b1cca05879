"""Memory and time that jobs ask for."""

import pytest
import yaml
from support.project import DEFAULT, ROOT

from weightlaws.planning.resources import SAFETY, START, Resources, seconds_per_network_epoch
from weightlaws.planning.stages import STAGES
from weightlaws.study.study import parse_study

NAME = "digits-{0}x{0}-gaussian-decay0"
SUBMITTED = [rule for rule, stage in STAGES.items() if stage.resources is not None]


def study(width, dataset="digits", batch_sizes=(None,), **changes):
    sweep = {
        "dataset": dataset,
        "hidden": [[width, width]],
        "initialisations": ["gaussian"],
        "weight_decays": [0],
        "batch_sizes": [*batch_sizes],
    }
    for section in ("statistics", "spectra"):
        changes[section] = DEFAULT[section] | changes.pop(section, {})
    return parse_study({**DEFAULT, "sweeps": [sweep], **changes})


def asked(rule, width, **changes):
    """What the largest job of a rule asks for."""
    stage = STAGES[rule]
    # Of one batch size there is nothing to compare.
    sizes = [None, 50] if rule == "noise_scale" else [None]
    one = study(width, batch_sizes=sizes, **changes)
    known = {"shapes": one.conditions[NAME.format(width)].shapes} if "spectra" in rule else {}
    return max(
        (stage.resources_of(one, job, **known) for job in stage.jobs(one)),
        key=lambda resources: resources.seconds,
    )


def test_a_job_asks_for_more_time_than_it_is_expected_to_take():
    assert Resources(500, 600).minutes == START + SAFETY * 10
    assert Resources(500, 1).minutes == START + 1


@pytest.mark.parametrize("rule", SUBMITTED)
def test_time_and_memory_grow_with_members_and_widths(rule):
    small = asked(rule, 40, members=100, shard_size=100)
    more = asked(rule, 40, members=800, shard_size=800)
    wider = asked(rule, 160, members=100, shard_size=100)
    if rule not in ("null", "dataset"):  # know no members
        assert more.seconds > small.seconds
        read_in_parts = rule in ("spectra_shard", "comparison")
        assert more.mem_mb > small.mem_mb or read_in_parts
    if rule in ("train", "invariants", "symmetry", "spectra_shard"):
        assert more.seconds == pytest.approx(8 * small.seconds, rel=0.05)
        # Entries of small matrices are moved one by one to test symmetries, those of wide ones not.
        least = 1.2 if rule == "symmetry" else 3
        assert least * small.seconds < wider.seconds < 64 * small.seconds


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("train", {"epochs": 100}),
        ("train", {"engine": "torch"}),
        ("invariants", {"snapshots": "all"}),
        ("model", {"statistics": {"bootstrap_replicates": 2000}}),
        ("significance", {"statistics": {"simulated_matrices": 20_000}}),
        ("significance", {"statistics": {"simulated_ensembles": 200_000}}),
        ("comparison", {"statistics": {"folds": 10}}),
        ("comparison", {"statistics": {"fold_orders": 10}}),
        ("symmetry", {"statistics": {"randomisations": 1998}}),
        ("null", {"spectra": {"null_matrices": 2000}}),
        ("spectra_shard", {"spectra": {"permutations": 38}}),
        ("spectra_shard", {"spectra": {"sign_flips": 78}}),
        ("spectra_shard", {"spectra": {"goodness_of_fit_replicates": 10}}),
        ("spectra", {"spectra": {"null_matrices": 2000}}),
    ],
)
def test_time_grows_with_what_the_study_asks_for(rule, changes):
    base = {"snapshots": [0, 50], "statistics": {"headline_epochs": [0]}}
    more = base | changes
    more["statistics"] = base["statistics"] | changes.get("statistics", {})
    assert asked(rule, 40, **more).seconds > 1.02 * asked(rule, 40, **base).seconds


def test_threads_train_side_by_side():
    one, stage = study(10, members=10, shard_size=10), STAGES["train"]
    (job,) = stage.jobs(one)
    alone, four, many = (stage.resources_of(one, job, threads=n) for n in (1, 4, 10))
    assert four.seconds == pytest.approx(
        0.3 * alone.seconds
    )  # ten networks, at most three a thread
    assert many.seconds == pytest.approx(0.1 * alone.seconds)


@pytest.mark.parametrize(
    ("width", "step"), [(10, 61e-6), (40, 189e-6), (160, 744e-6), (640, 5.1e-3)]
)
def test_time_agrees_with_measured_steps_within_the_safety_factor(width, step):
    """Seconds of a step on one core, 784-n-n-10 on the whole of MNIST."""
    configured = study(width, dataset="mnist")
    (condition,) = configured.trained.values()
    measured = 600 * step
    expected = seconds_per_network_epoch(configured, condition)
    assert 1 / SAFETY < measured / expected < SAFETY


def test_no_job_of_the_published_study_is_large():
    """By rule, the most that a job asks for in MB, and its expected time in hours."""
    published = yaml.safe_load((ROOT / "studies/paper.yaml").read_text())
    sections = {
        key: DEFAULT[key] | value for key, value in published.items() if key == "statistics"
    }
    one = parse_study({**DEFAULT, **published, **sections})
    for rule in SUBMITTED:
        known = {"threads": 4} if rule == "train" else {}  # as in profiles/slurm
        asked_for = [STAGES[rule].resources_of(one, job, **known) for job in STAGES[rule].jobs(one)]
        assert max((job.mem_mb for job in asked_for), default=0) < 4000, rule
        assert max((job.seconds for job in asked_for), default=0) < 3600, rule
