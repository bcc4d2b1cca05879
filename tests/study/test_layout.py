import re

from support.project import ROOT

from weightlaws.study.layout import ENDINGS, PATHS, derived_names

RULES = ROOT / "workflow" / "rules"


def test_each_path_is_used_by_the_rules_and_by_no_other_name():
    rules = "".join(path.read_text() for path in RULES.glob("*.smk"))
    used = set(re.findall(r'(?:at|figure|shard_files)\("(\w+)"', rules))
    used |= set(re.findall(r'figures_of\(\s*"\w+", "(\w+)"', rules))
    used |= set(re.findall(r'\bpage\("(\w+)"', rules))
    used |= set(re.findall(r'paths\(STUDY, "(\w+)"', rules))
    # Training leaves states beside its files, and a run writes its costs when it ends.
    assert used | {"state", "cost"} == PATHS.keys()
    assert len(set(PATHS.values())) == len(PATHS)


def test_the_endings_are_those_of_tables_of_conditions():
    assert ENDINGS == (
        ".admissibility",
        ".curves",
        ".parameters",
        ".plane",
        ".ranks",
        ".typicality",
    )


def test_results_of_networks_and_architectures_have_names_derived_of_theirs():
    found = derived_names({"a": "nets/a.h5"}, ["mnist-9x9"])
    assert found["a.ranks"] == "nets/a.h5"
    assert found["mnist-9x9"] == found["mnist-9x9.ranks"] == "the architecture mnist-9x9"
    assert "a" not in found
