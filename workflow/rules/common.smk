# All stages share these: the study, the places of its files, and the digests of code.

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import update_config

# The library that stands beside the Snakefile, here and in jobs, which look where this process does.
sys.path.insert(0, str(Path(workflow.basedir, "src").resolve()))

from weightlaws.errors import WeightLawsError
from weightlaws.figures import contents
from weightlaws.planning import disk_space, versions
from weightlaws.planning.code_digest import code_digests
from weightlaws.planning.specs import titles
from weightlaws.planning.stages import STAGES
from weightlaws.storage.disk_file import replacing
from weightlaws.storage.shards import read_shapes
from weightlaws.study import layout, strict_yaml, study as studies
from weightlaws.study.conditions import (
    Shard,
    by_architecture,
    by_noisy_images,
    by_recipe,
)

try:
    for file in map(Path, workflow.configfiles):
        strict_yaml.check_file(file)
    for value in strict_yaml.values_after_config(
        workflow.config_settings.config_args or (), config
    ):
        update_config(config, value)
    STUDY = studies.parse_study(config)
except studies.StudyError as error:
    default = Path("config.yaml")
    hints = [
        f"{default.absolute()}: found no such file, expected the default study, whose values keys "
        "have that are not given; start beside it, copy it there, or name it first: --configfile "
        f"{Path(workflow.basedir, default).resolve()} my-study.yaml"
    ]
    raise WorkflowError(str(error), *([] if default.exists() else hints)) from None

CONDITIONS, TRAINED = STUDY.conditions, STUDY.trained
MODELLED, WITH_SPECTRA = STUDY.modelled, STUDY.with_spectra
# Networks that were trained elsewhere, by name: ensembles, and single ones.
ENSEMBLES = {ensemble.name: ensemble for ensemble in STUDY.ensembles}
NETWORKS = {network.name: network for network in STUDY.checkpoints}
RESULTS = f"results/{STUDY.name}"
# Words for networks, by the names of their conditions and folders of figures.
TITLES = titles(STUDY)
# Digests of the code that numbers rest on, by the name of a script or plug-in.
CODE = code_digests(Path(workflow.basedir) / "workflow" / "scripts")


def at(name):
    """The pattern of a file of the results."""
    return f"{RESULTS}/{layout.PATHS[name]}"


def log_of(rule, *scope):
    """The pattern of a rule's log; the scope has its wildcards."""
    return f"{RESULTS}/{layout.log_file(rule, *scope)}"


def benchmark_of(rule, *scope):
    """The pattern of the file with the time and memory of a rule's job."""
    return f"{RESULTS}/{layout.benchmark_file(rule, *scope)}"


def of_stage(rule):
    """All files that the study asks of a stage."""
    return [f"{RESULTS}/{path}" for path in STAGES[rule].paths(STUDY)]


def one_of(names):
    """A pattern for these names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


# Conditions that differ in learning rate and batch size alone, by what they have in common.
RECIPES = by_recipe(STAGES["noise_scale"].networks(STUDY))
# Images of which some labels are shuffled, each with a condition that learns them.
NOISY = by_noisy_images(TRAINED.values())
# The user's files that stored images are read from, by their names; most have none.
DATA_FILES = {condition.images: condition.data.files for condition in TRAINED.values()}


wildcard_constraints:
    condition=one_of([*CONDITIONS, *NETWORKS]),
    shard=r"\d+-\d+",


def shard_files(name, condition):
    """A condition's shards, in the order of their members."""
    networks = {**CONDITIONS, **NETWORKS}[condition]
    shards = [shard.name for shard in STUDY.shards(networks)]
    return expand(at(name), condition=condition, shard=shards)


def files_of(wildcards):
    """The files that a shard of networks from elsewhere is read from."""
    networks = {**ENSEMBLES, **NETWORKS}[wildcards.condition]
    return networks.files(Shard.parse(wildcards.shard))


def shapes_of(name):
    """Shapes of the layers of a condition or, once it is stored, of a single network."""
    if name in CONDITIONS:
        return CONDITIONS[name].shapes
    weights = Path(at("weights").format(condition=name, shard="0-0"))
    return read_shapes(weights) if weights.exists() else {}


def nulls_of(wildcards):
    """The nulls of the layers of a condition or network, one for each shape."""
    if wildcards.condition in NETWORKS:
        checkpoints.import_network.get(condition=wildcards.condition, shard="0-0")
    shapes = dict.fromkeys(shapes_of(wildcards.condition).values())
    return [at("null").format(rows=rows, columns=columns) for rows, columns in shapes]


def spec_of(rule):
    """Everything that fixes the numbers of a rule's job: its one parameter."""
    return lambda wildcards: STAGES[rule].spec_of(STUDY, CODE, dict(wildcards.items()))


def resources_of(rulename, wildcards, threads):
    """Memory and time that a job is expected to take."""
    known = {}
    if rulename == "train":
        known["threads"] = threads
    if rulename in ("spectra", "spectra_shard"):
        known["shapes"] = shapes_of(wildcards.condition)
    return STAGES[rulename].resources_of(STUDY, dict(wildcards.items()), **known)


def mem_mb(wildcards, threads, attempt, rulename):
    """Memory of a job; a job that failed may have needed more."""
    return attempt * resources_of(rulename, wildcards, threads).mem_mb


def runtime(wildcards, threads, attempt, rulename):
    """Minutes of a job; a training job goes on from its state when it is tried again."""
    minutes = resources_of(rulename, wildcards, threads).minutes
    return minutes if rulename == "train" else attempt * minutes


def shown(path, content, caption, networks=""):
    """A file of the report, labelled by its content and the networks that it is about."""
    # One label: of a second one that has two values Snakemake would make a switch.
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=content.folder,
        labels=lambda wildcards: {
            "shows": contents.in_words(content, named(networks.format(**wildcards)))
        },
    )


def named(networks):
    """The words for a condition, architecture or recipe."""
    return TITLES.get(networks, networks)


def figure(name, path=None):
    """A figure of the report, by its name in the layout; the folder says whose it is."""
    path = Path(path or at(name))
    of = [] if path.parent.name == "figures" else [path.parent.name]
    return shown(str(path), contents.FIGURES[name], path.stem, *of)


def printed(rule):
    """The figures of a rule as PDF, for papers, beside those that the report shows."""
    stage = STAGES[rule]
    about_all = stage.over == "study"
    paths = (
        stage.paths(STUDY)
        if about_all
        else [layout.PATHS[name] for name in stage.files]
    )
    figures = [Path(RESULTS, path) for path in paths if path.endswith(".svg")]
    return [str(figure.with_suffix(".pdf")) for figure in figures]


def figures_of(rule, name):
    """A figure of each architecture, for the report."""
    return [
        figure(name, f"{RESULTS}/{path}") for path in STAGES[rule].paths(STUDY, name)
    ]


def page(name):
    """A page of the report, by its name in the layout."""
    return shown(at(name), contents.PAGES[name], name)


def table_pages():
    """The page of each table, for the report."""
    paths = {
        Path(path).stem: path for path in STAGES["answers"].paths(STUDY, "table_page")
    }
    return [
        shown(f"{RESULTS}/{path}", contents.TABLES[name], f"tables/{name}")
        for name, path in paths.items()
    ]


def tables_of(rule, *names):
    """Tables of a stage's conditions; single networks have none that a claim is judged by."""
    conditions = [name for name in STAGES[rule].networks(STUDY) if name in CONDITIONS]
    return {name: expand(at(name), condition=conditions) for name in names}


def files_by_name(names):
    """All files of these names that the study asks for, by name."""
    found = {
        name: [
            f"{RESULTS}/{path}"
            for stage in STAGES.values()
            if name in stage.files
            for path in stage.paths(STUDY, name)
        ]
        for name in names
    }
    return {name: paths for name, paths in found.items() if paths}


onstart:
    # Refused now, and not when the disk is full after days of training.
    try:
        for network in NETWORKS.values():
            network.check_model()
        logger.info(disk_space.check_disk(STUDY, Path(RESULTS)))
    except WeightLawsError as error:
        raise WorkflowError(str(error)) from None
    for name, ensemble in ENSEMBLES.items():
        if "models" not in ensemble.analyses:
            logger.info(
                f"{name} has no square layer wider than 3, so no law is fitted to it; "
                "its spectra are analysed."
            )
        for doubt in ensemble.doubts:
            logger.warning(doubt)
    for name, condition in MODELLED.items():
        if STUDY.statistics.interacting and STUDY.no_network_law(condition):
            logger.info(
                f"{name} has no law of all layers: {STUDY.no_network_law(condition)}."
            )
    for name, condition in TRAINED.items():
        if STUDY.statistics.interacting and name in STUDY.networked:
            if reason := STUDY.not_drawn(condition):
                logger.info(f"No networks are drawn from laws of {name}: {reason}.")
    for warning in versions.version_warnings(Path(RESULTS).rglob("*.h5")):
        logger.warning(warning)
    from weightlaws.monitoring.expected_times import (
        expected_seconds,
    )  # slow to import

    times = expected_seconds(STUDY, Path(RESULTS))
    listed = ", ".join(f"{rule} {seconds:.0f}" for rule, seconds in times.items())
    logger.info(
        f"Expected seconds of a job: {listed}", extra={"expected_seconds": times}
    )
    # The resolved configuration, for readers of the results; no rule's numbers depend on it.
    Path(RESULTS).mkdir(parents=True, exist_ok=True)
    with replacing(Path(at("study"))) as record:
        record.write_text(studies.study_to_yaml(STUDY))


def log_costs():
    """Write the cost of all jobs so far, and sum it up in the log."""
    # Slow to import, and not needed before the end.
    from weightlaws.monitoring.costs import cost_summary, write_costs

    if not Path(RESULTS).is_dir():  # the run was refused
        return
    try:
        logger.info(cost_summary(write_costs(Path(RESULTS))))
    except OSError as error:
        logger.warning(f"{at('cost')} is not written: {error}")


def log_findings():
    """Say what was found, and which page to open, where all of the study was asked for."""
    from weightlaws.results import load

    # With --until there may be no page yet.
    if workflow.dag_settings.targets or not Path(at("answers")).is_file():
        return
    found, results = Path(at("findings")).is_file(), load(RESULTS)
    logger.info(results.claims_counted())
    logger.info(results.headline() if found else f"open {at('answers')}")


onsuccess:
    log_costs()
    log_findings()


onerror:
    log_costs()
