# What all stages share: the study, where its files stand, and the digests of their code.

import os
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from weightlaws import disk, memory, specs
from weightlaws import study as studies
from weightlaws.source import code_digest

try:
    STUDY = studies.parse_study(config)
except studies.StudyError as error:
    raise WorkflowError(str(error)) from None

CONDITIONS = STUDY.conditions
SHARDS = [shard.name for shard in STUDY.shards]
RESULTS = f"results/{STUDY.name}"
SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
# Digest of all code that a stage's numbers rest on, by the name of the stage's script.
CODE = {script.stem: code_digest(script) for script in SCRIPTS.glob("*.py")}


wildcard_constraints:
    condition="|".join(map(re.escape, CONDITIONS)),
    shard=r"\d+-\d+",


def shard_of(wildcards):
    """The shard of this name."""
    return studies.Shard(*map(int, wildcards.shard.split("-")))


def shown(path, caption, category, ensembles, what):
    """A file for the report, labelled by the ensembles that it shows and what of them."""
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=category,
        labels={"ensembles": ensembles, "shows": what},
    )


def figure(name, category, scope):
    """An SVG for the report; ``scope`` is the wildcard that says what it shows."""
    path = f"{RESULTS}/figures/{{{scope}}}/{name}.svg"
    return shown(path, name, category, f"{{{scope}}}", name.replace("_", " "))


onstart:
    # Better refused now than when the disk is full after days of training.
    try:
        logger.info(disk.check_disk(STUDY, Path(RESULTS)))
    except disk.DiskError as error:
        raise WorkflowError(str(error)) from None
    # The resolved configuration, for readers of the results; no rule's numbers depend on it.
    Path(RESULTS).mkdir(parents=True, exist_ok=True)
    record = Path(RESULTS, f".study.yaml.{os.getpid()}.partial")
    record.write_text(studies.study_to_yaml(STUDY))
    record.replace(f"{RESULTS}/study.yaml")
