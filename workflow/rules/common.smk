# What all stages share: the study, where its files stand, and the digests of their code.

from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from weightlaws.planning import disk_space, specs, versions
from weightlaws.planning.code_digest import code_digest
from weightlaws.planning.resources import laws as requests
from weightlaws.storage.disk_file import replacing
from weightlaws.storage.shards import read_shard
from weightlaws.study import study as studies
from weightlaws.study.conditions import Shard, by_architecture

try:
    STUDY = studies.parse_study(config)
except studies.StudyError as error:
    raise WorkflowError(str(error)) from None

CONDITIONS, TRAINED = STUDY.conditions, STUDY.trained
MODELLED, WITH_SPECTRA = STUDY.modelled, STUDY.with_spectra
# What was trained elsewhere, by name: ensembles, which are conditions too, and single networks.
ENSEMBLES = {ensemble.name: ensemble for ensemble in STUDY.ensembles}
NETWORKS = {network.name: network for network in STUDY.checkpoints}
SHARDS = {
    name: [shard.name for shard in STUDY.shards(networks)]
    for name, networks in {**CONDITIONS, **NETWORKS}.items()
}
RESULTS = f"results/{STUDY.name}"
SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
# Digest of all code that a stage's numbers rest on, by the name of the stage's script.
CODE = {script.stem: code_digest(script) for script in SCRIPTS.glob("*.py")}


def one_of(names):
    """A pattern for these names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    condition=one_of([*CONDITIONS, *NETWORKS]),
    shard=r"\d+-\d+",


def shard_of(wildcards):
    """The shard of this name."""
    return Shard(*map(int, wildcards.shard.split("-")))


def shard_files(stage, *conditions):
    """All shards that a stage makes of these conditions."""
    return [
        f"{RESULTS}/{stage}/{condition}/{shard}.h5"
        for condition in conditions
        for shard in SHARDS[condition]
    ]


def shapes_of(name):
    """Shapes of the layers of a condition or, once it is stored, of a single network."""
    if name in CONDITIONS:
        return CONDITIONS[name].shapes
    weights = Path(f"{RESULTS}/weights/{name}/0-0.h5")
    if not weights.exists():
        return {}
    shapes = read_shard(weights, layers=()).spec["shapes"]
    return {layer: tuple(shape) for layer, shape in shapes.items()}


def nulls_of(wildcards):
    """The nulls of the layers of a condition or network, one for each shape."""
    if wildcards.condition in NETWORKS:
        checkpoints.import_network.get(condition=wildcards.condition)
    shapes = dict.fromkeys(shapes_of(wildcards.condition).values())
    return [f"{RESULTS}/nulls/{rows}x{columns}.h5" for rows, columns in shapes]


# What a job of each sizeable rule asks of a cluster.
REQUESTS = {
    "train": lambda wildcards, threads: requests.training(
        STUDY, CONDITIONS[wildcards.condition], shard_of(wildcards), threads
    ),
    "invariants": lambda wildcards, threads: requests.invariants(
        STUDY, CONDITIONS[wildcards.condition], shard_of(wildcards)
    ),
    "model": lambda wildcards, threads: requests.model(
        STUDY, CONDITIONS[wildcards.condition]
    ),
    "significance": lambda wildcards, threads: requests.significance(
        STUDY, CONDITIONS[wildcards.condition]
    ),
    "comparison": lambda wildcards, threads: requests.comparison(
        STUDY, CONDITIONS[wildcards.condition]
    ),
    "symmetry": lambda wildcards, threads: requests.symmetry(
        STUDY, CONDITIONS[wildcards.condition]
    ),
    "null": lambda wildcards, threads: requests.null(
        STUDY, (int(wildcards.rows), int(wildcards.columns))
    ),
    "spectra_shard": lambda wildcards, threads: requests.spectra_shard(
        STUDY,
        WITH_SPECTRA[wildcards.condition],
        shapes_of(wildcards.condition),
        shard_of(wildcards),
    ),
    "spectra": lambda wildcards, threads: requests.spectra(
        STUDY,
        WITH_SPECTRA[wildcards.condition],
        shapes_of(wildcards.condition),
    ),
}


def mem_mb(wildcards, threads, attempt, rulename):
    """Memory of a job; a job that failed may have needed more."""
    return attempt * REQUESTS[rulename](wildcards, threads).mem_mb


def runtime(wildcards, threads, attempt, rulename):
    """Minutes of a job; one that trains goes on from its state when it is tried again."""
    return (1 if rulename == "train" else attempt) * REQUESTS[rulename](
        wildcards, threads
    ).minutes


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
        logger.info(disk_space.check_disk(STUDY, Path(RESULTS)))
    except disk_space.DiskError as error:
        raise WorkflowError(str(error)) from None
    for name, ensemble in ENSEMBLES.items():
        if "models" not in ensemble.analyses:
            logger.info(
                f"{name} has no square layer wider than 3 that a model could describe: "
                "its spectra alone are analysed."
            )
    for warning in versions.version_warnings(Path(RESULTS).rglob("*.h5")):
        logger.warning(warning)
    # The resolved configuration, for readers of the results; no rule's numbers depend on it.
    Path(RESULTS).mkdir(parents=True, exist_ok=True)
    with replacing(Path(RESULTS, "study.yaml")) as record:
        record.write_text(studies.study_to_yaml(STUDY))


def log_costs():
    """Write what all jobs so far cost, and say what it comes to."""
    # Slow to import, and not needed before the end.
    from weightlaws.monitoring.costs import cost_summary, write_costs

    if not Path(RESULTS).is_dir():  # the run was refused
        return
    try:
        logger.info(cost_summary(write_costs(Path(RESULTS))))
    except OSError as error:
        logger.warning(f"{RESULTS}/cost.csv is not written: {error}")


onsuccess:
    log_costs()


onerror:
    log_costs()
