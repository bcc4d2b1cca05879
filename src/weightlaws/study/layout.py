"""The names of results that are made of those of networks, which no other network may have."""

from collections.abc import Iterable, Mapping

#: What stands after the name of a condition, or of an architecture, in names of files.
ENDINGS = (
    ".admissibility",
    ".curves",
    ".parameters",
    ".ranks",
    ".typicality",
)
#: Names that stand beside those of networks in a folder.
RESERVED = ("invariants", "invariants.svg")


def derived_names(networks: Mapping[str, str], architectures: Iterable[str]) -> dict[str, str]:
    """Return names that results have, but for the networks' own: whose results, by name.

    Parameters
    ----------
    networks
        What to call them in a message, by their names.
    architectures
        Of those that are trained here.
    """
    owners = {**networks, **{name: f"the architecture {name}" for name in architectures}}
    derived = {name + ending: owner for name, owner in owners.items() for ending in ENDINGS}
    reserved = dict.fromkeys(RESERVED, "the whole study")
    return {**derived, **{name: owners[name] for name in architectures}, **reserved}
