"""Print envs/weightlaws.yaml: the packages that jobs need, with the versions of requirements.lock.

Conda reads the file elsewhere than where it stands, so that it cannot point to the lock. Run by
``make env``.
"""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Installed with pip itself.
UNPINNED = {"pip", "setuptools", "wheel"}
HEAD = """\
# The environment of every rule, for users of conda; docs/how-to/cluster.md says how to use it.
# Made by `make env` of requirements.lock: what jobs need of it, and no tools.
name: weightlaws
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def environment() -> str:
    """Return the text of the file."""
    lock = re.findall(r"(?m)^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text())
    versions = {canonicalize_name(name): version for name, version in lock}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"].get("workflow", [])
    names = sorted(needed(wanted) - UNPINNED)
    return HEAD + "".join(f"      - {name}=={versions[name]}\n" for name in names)


def needed(requirements: list[str]) -> set[str]:
    """Return the names of packages that these requirements come to, here where they are met."""
    found: set[tuple[str, str]] = set()  # each with an extra
    waiting = [(line, "") for line in requirements]
    while waiting:
        line, of_extra = waiting.pop()
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": of_extra}):
            continue
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in found:
                found.add((name, extra))
                waiting += [(below, extra) for below in requires(name) or ()]
    return {name for name, _ in found}


if __name__ == "__main__":
    print(environment(), end="")
