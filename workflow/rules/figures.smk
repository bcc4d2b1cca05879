# Requires: {RESULTS}/models/{condition}.csv, .parameters.csv and .typicality.csv,
#           comparison/{condition}.csv, significance/{condition}.csv, distances.csv,
#           conditions.csv, learning_curves.csv, spectra/{condition}.csv, .ranks.csv and
#           .curves.csv
# Produces: {RESULTS}/figures/invariants.svg, {RESULTS}/figures/{condition}/*.svg and
#           {RESULTS}/figures/{architecture}/*.svg

# Only networks that are trained here have epochs, an accuracy and an initial law.
ARCHITECTURES = by_architecture(TRAINED)
MODELLED_ARCHITECTURES = by_architecture(
    {name: condition for name, condition in MODELLED.items() if name in TRAINED}
)
COMPARED = [
    name for name, conditions in MODELLED_ARCHITECTURES.items() if len(conditions) > 1
]
# Architectures with spectra at several output scales.
SCALED_ARCHITECTURES = {
    name: conditions
    for name, conditions in by_architecture(
        {name: TRAINED[name] for name in WITH_SPECTRA if name in TRAINED}
    ).items()
    if len({TRAINED[condition].output_scale for condition in conditions}) > 1
}


def figures_of(name, category, architectures):
    """An SVG of each architecture, for the report."""
    path = f"{RESULTS}/figures/{{}}/{name}.svg"
    return [
        shown(path.format(of), name, category, of, name.replace("_", " "))
        for of in architectures
    ]


wildcard_constraints:
    architecture=one_of(ARCHITECTURES),


rule gallery:
    """Draw the graphs of the study's invariants."""
    output:
        shown(
            f"{RESULTS}/figures/invariants.svg",
            "invariants",
            "Fits",
            "all",
            "invariants",
        ),
    log:
        f"{RESULTS}/logs/gallery.log",
    benchmark:
        f"{RESULTS}/benchmarks/gallery.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["gallery"], invariants=STUDY.invariants),
    script:
        "../scripts/gallery.py"


rule accuracy:
    """Draw how well the conditions of each architecture learned, side by side."""

    # One job draws all, as they share their tables, and a start costs more than a figure.
    input:
        learning_curves=f"{RESULTS}/learning_curves.csv",
        conditions=f"{RESULTS}/conditions.csv",
    output:
        figures_of("accuracy", "Training", ARCHITECTURES),
    log:
        f"{RESULTS}/logs/accuracy.log",
    benchmark:
        f"{RESULTS}/benchmarks/accuracy.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["accuracy"], conditions=ARCHITECTURES),
    script:
        "../scripts/accuracy.py"


rule condition_figures:
    """Draw a condition's fitted parameters, and how far its ensemble is from the laws."""
    input:
        invariants=f"{RESULTS}/models/{{condition}}.csv",
        parameters=f"{RESULTS}/models/{{condition}}.parameters.csv",
        typicality=f"{RESULTS}/models/{{condition}}.typicality.csv",
        comparison=f"{RESULTS}/comparison/{{condition}}.csv",
        significance=f"{RESULTS}/significance/{{condition}}.csv",
    output:
        deviation_start=figure("deviation_start", "Fits", "condition"),
        deviation_sd=figure("deviation_sd", "Fits", "condition"),
        parameters=figure("parameters", "Fits", "condition"),
        typicality=figure("typicality", "Fits", "condition"),
        laws=figure("laws", "Laws", "condition"),
        largest_deviations=figure("largest_deviations", "Laws", "condition"),
    log:
        f"{RESULTS}/logs/condition_figures/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/condition_figures/{{condition}}.tsv"
    wildcard_constraints:
        condition=one_of(TRAINED),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=lambda wildcards: specs.figures_spec(
            STUDY,
            CODE["condition_figures"],
            false_discovery_rate=STUDY.statistics.false_discovery_rate,
            members=CONDITIONS[wildcards.condition].members,
        ),
    script:
        "../scripts/condition_figures.py"


use rule condition_figures as ensemble_figures with:
    output:
        deviation_sd=figure("deviation_sd", "Fits", "condition"),
        parameters=figure("parameters", "Fits", "condition"),
        typicality=figure("typicality", "Fits", "condition"),
        laws=figure("laws", "Laws", "condition"),
        largest_deviations=figure("largest_deviations", "Laws", "condition"),
    wildcard_constraints:
        condition=one_of(ENSEMBLES),


rule architecture_figures:
    """Draw the modelled conditions of each architecture side by side."""

    # One job draws all, as they share the table of distances.
    input:
        invariants=expand(
            f"{RESULTS}/models/{{condition}}.csv",
            condition=[name for name in MODELLED if name in TRAINED],
        ),
        distances=f"{RESULTS}/distances.csv",
        conditions=f"{RESULTS}/conditions.csv",
    output:
        normalised_change=figures_of(
            "normalised_change", "Fits", MODELLED_ARCHITECTURES
        ),
        wasserstein=figures_of("wasserstein", "Distances", MODELLED_ARCHITECTURES),
        distance_matrix=figures_of("distance_matrix", "Distances", COMPARED),
    log:
        f"{RESULTS}/logs/architecture_figures.log",
    benchmark:
        f"{RESULTS}/benchmarks/architecture_figures.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(
            STUDY, CODE["architecture_figures"], conditions=MODELLED_ARCHITECTURES
        ),
    script:
        "../scripts/architecture_figures.py"


rule spectra_figures:
    """Draw a condition's singular values, level statistics, singular vectors and tails."""
    input:
        spectra=f"{RESULTS}/spectra/{{condition}}.csv",
        ranks=f"{RESULTS}/spectra/{{condition}}.ranks.csv",
        curves=f"{RESULTS}/spectra/{{condition}}.curves.csv",
    output:
        singular_values=figure("singular_values", "Spectra", "condition"),
        level_statistics=figure("level_statistics", "Spectra", "condition"),
        singular_vectors=figure("singular_vectors", "Spectra", "condition"),
        hill=figure("hill", "Spectra", "condition"),
    log:
        f"{RESULTS}/logs/spectra_figures/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/spectra_figures/{{condition}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["spectra_figures"]),
    script:
        "../scripts/spectra_figures.py"


rule lazy_rich:
    """Draw the spectra of one architecture from rich to lazy training."""
    input:
        spectra=lambda wildcards: expand(
            f"{RESULTS}/spectra/{{condition}}.csv",
            condition=SCALED_ARCHITECTURES[wildcards.architecture],
        ),
        learning_curves=f"{RESULTS}/learning_curves.csv",
        conditions=f"{RESULTS}/conditions.csv",
    output:
        figure("lazy_rich", "Spectra", "architecture"),
    log:
        f"{RESULTS}/logs/lazy_rich/{{architecture}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/lazy_rich/{{architecture}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["lazy_rich"]),
    script:
        "../scripts/lazy_rich.py"
