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
