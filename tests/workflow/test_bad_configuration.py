"""What a run says to a configuration that is no study: one clear error, and no job is planned."""

import pytest
from support.mini_study import sources

NOT_YAML = "Config file is not valid JSON or YAML"
NO_KEYS = "Config file must be given as JSON or YAML with keys at top level"
# What stands in a configuration file, and what is said of it: by Snakemake where it reads none.
FILES = {
    "no yaml": ("name: [a\nseed: 3\n", NOT_YAML),
    "tab": ("statistics:\n\tfolds: 3\n", NOT_YAML),
    "code": ('name: !!python/object/apply:os.mkdir ["made"]\n', NOT_YAML),
    "list": ("- name\n- seed\n", NO_KEYS),
    "empty": ("", NO_KEYS),
    "twice": ("seed: 1\nmembers: 5\nseed: 2\n", "seed: found twice, in lines 1 and 3"),
    "twice in JSON": ('{"seed": 1,\n\t"seed": 2}', "seed: found twice"),
    "octal": ("statistics:\n  folds: 010\n", "statistics.folds: found 010, which YAML reads as 8"),
    "hours": ("seed: 1:30\n", "seed: found 1:30, which YAML reads as 90"),
    "no": ("name: no\n", "name: found false, expected text; YAML reads no, off, yes and on so"),
    "path": ("name: ../elsewhere\n", 'name: found "../elsewhere", expected text that matches'),
    "jobs": ("members: 1000000\nshard_size: 1\n", "expected at most 20,000, as each is a job"),
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The project's sources, of which nothing has run."""
    return sources(tmp_path_factory.mktemp("bad") / "project")


def refused(project, words, *arguments):
    done = project.snakemake("--dry-run", *arguments)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert words in text
    for other in ("Traceback", "Job stats"):
        assert other not in text
    assert not (project.folder / "made").exists()
    assert not (project.folder / "results").exists()


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_study_is_one_clear_error(fresh, content, words):
    (fresh.folder / "mini.yaml").write_text(content)
    refused(fresh, words)


def test_a_number_on_the_command_line_that_is_none_is_refused(fresh):
    fresh.configure()
    words = "seed: found Infinity, expected an integer"
    refused(fresh, words, "--config", "seed=1e400")


def test_values_after_config_are_read_as_yaml(fresh):
    fresh.configure()
    sweep = "{dataset: digits, hidden: [[10, 10]], initialisations: [gaussian], weight_decays: [0]}"
    values = (f"sweeps=[{sweep}]", "keep_state=false", "statistics={folds: 3}", "seed=5")
    done = fresh.snakemake("--dry-run", "--verbose", "--config", *values, "learning_rate=1e-3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "digits-10x10-gaussian-decay0/0-1.h5" in done.stdout


def test_a_value_after_config_that_yaml_reads_as_another_is_refused(fresh):
    fresh.configure()
    words = "seed: found 010, which YAML reads as 8"
    refused(fresh, words, "--config", "seed=010")
    refused(fresh, "statistics.folds: found twice", "--config", "statistics={folds: 2, folds: 3}")


def test_a_folder_without_the_default_study_is_named(fresh, tmp_path):
    fresh.configure()
    words = f"{tmp_path}/config.yaml: found no such file, expected the default study"
    refused(fresh, words, "--directory", str(tmp_path))
    assert not [*tmp_path.glob("results")]
    both = ("--configfile", "config.yaml", "mini.yaml")
    done = fresh.snakemake("--dry-run", "--directory", str(tmp_path), *both)
    assert done.returncode == 0, done.stdout + done.stderr
