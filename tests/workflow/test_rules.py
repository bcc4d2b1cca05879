"""What every rule has."""

import re

import pytest
from support.project import ROOT

RULE = re.compile(r"^(?:rule|checkpoint) (\w+):\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
RULES = {
    name: body
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for name, body in RULE.findall(path.read_text())
}


def section(body, name):
    """The lines of one of a rule's sections."""
    found = re.search(rf"^    {name}:(.*?)(?=^    \S|\Z)", body, re.MULTILINE | re.DOTALL)
    return "" if found is None else found[1]


def test_rules_are_found():
    scripts = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}
    assert RULES.keys() == scripts


@pytest.mark.parametrize("rule", RULES)
def test_a_spec_is_the_one_parameter_of_a_rule(rule):
    names = re.findall(r"^        (\w+)=", section(RULES[rule], "params"), re.MULTILINE)
    assert names == ["spec"]


def test_a_rule_asks_a_cluster_for_resources_or_runs_where_snakemake_does():
    snakefile = (ROOT / "Snakefile").read_text()
    local = {*re.search(r"^localrules:\n((?:    \w+,\n)+)", snakefile, re.MULTILINE)[1].split()}
    local = {name.removesuffix(",") for name in local}
    asking = {rule for rule, body in RULES.items() if section(body, "resources")}
    assert asking >= RULES.keys() - local
    for rule in asking:
        for name in ("mem_mb", "runtime"):
            assert f"{name}={name}," in section(RULES[rule], "resources")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_log_and_a_benchmark_of_its_name_and_its_own_script(rule):
    body = RULES[rule]
    assert f'log_of("{rule}"' in section(body, "log")
    assert f'benchmark_of("{rule}"' in section(body, "benchmark")
    assert f'"../scripts/{rule}.py"' in section(body, "script")
