import re

from support.project import ROOT

from weightlaws.study.layout import ENDINGS, derived_names

RULES = ROOT / "workflow" / "rules"


def test_the_endings_are_those_of_the_rules():
    rules = "".join(path.read_text() for path in RULES.glob("*.smk"))
    names = re.findall(r"/\{\{(?:condition|architecture)\}\}([.-][\w.-]+)\"", rules)
    assert {name.rpartition(".")[0] for name in names} == {"", *ENDINGS}


def test_results_of_networks_and_architectures_have_names_derived_of_theirs():
    found = derived_names({"a": "nets/a.h5"}, ["mnist-9x9"])
    assert found["a.ranks"] == "nets/a.h5"
    assert found["mnist-9x9"] == found["mnist-9x9.ranks"] == "the architecture mnist-9x9"
    assert "a" not in found
