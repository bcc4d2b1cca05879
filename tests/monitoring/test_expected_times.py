import pytest
from support.small_study import small_study

from weightlaws.monitoring.expected_times import expected_seconds
from weightlaws.planning.stages import STAGES

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write(folder, name, seconds):
    path = folder / "benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{seconds}\t0:00:02\t1\t1\t1\t1\t-\t-\t70.00\t1.0\n")


def test_rules_are_expected_to_take_as_long_as_before_or_as_planned(tmp_path):
    study = small_study()
    write(tmp_path, "train/x/0-1.tsv", 10)
    write(tmp_path, "train/x/2-2.tsv", 20)
    write(tmp_path, "findings.tsv", 3)
    found = expected_seconds(study, tmp_path)
    assert found.keys() == STAGES.keys()
    assert (found["train"], found["findings"]) == (15, 3)
    (condition,) = study.conditions.values()
    planned = STAGES["model"].resources_of(study, {"condition": condition.name}).seconds
    assert found["model"] == pytest.approx(5 + planned)
    assert found["accuracy"] == 5


def test_networks_whose_shapes_are_not_known_are_expected_to_be_like_others(tmp_path):
    checkpoint = {"source": "torchvision:vgg16"}
    both = expected_seconds(small_study(checkpoints=[checkpoint]), tmp_path)
    assert both == expected_seconds(small_study(), tmp_path)
