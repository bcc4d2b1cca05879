# Requires: {RESULTS}/models/{condition}.csv, .parameters.csv and .typicality.csv,
#           comparison/{condition}.csv, significance/{condition}.csv, distances.csv,
#           conditions.csv, learning_curves.csv
# Produces: {RESULTS}/figures/invariants.svg, {RESULTS}/figures/{condition}/*.svg and
#           {RESULTS}/figures/{architecture}/*.svg

# Conditions side by side in one figure: those of one data set and hidden widths.
ARCHITECTURES = {
    architecture: [
        name
        for name, condition in CONDITIONS.items()
        if condition.architecture == architecture
    ]
    for architecture in dict.fromkeys(
        condition.architecture for condition in CONDITIONS.values()
    )
}
COMPARED = [name for name, conditions in ARCHITECTURES.items() if len(conditions) > 1]


wildcard_constraints:
    architecture="|".join(map(re.escape, ARCHITECTURES)),


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
        f"{RESULTS}/logs/figures/invariants.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/invariants.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["gallery"]),
        invariants=STUDY.invariants,
    script:
        "../scripts/gallery.py"


rule condition_figures:
    """Draw a condition's fitted parameters, and how far its ensembles are from their laws."""
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
        f"{RESULTS}/logs/figures/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{condition}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["condition_figures"]),
        false_discovery_rate=STUDY.statistics.false_discovery_rate,
    script:
        "../scripts/condition_figures.py"


rule architecture_figures:
    """Draw the conditions of one architecture side by side."""
    input:
        invariants=lambda wildcards: expand(
            f"{RESULTS}/models/{{condition}}.csv",
            condition=ARCHITECTURES[wildcards.architecture],
        ),
        learning_curves=f"{RESULTS}/learning_curves.csv",
        distances=f"{RESULTS}/distances.csv",
        conditions=f"{RESULTS}/conditions.csv",
    output:
        normalised_change=figure("normalised_change", "Fits", "architecture"),
        wasserstein=figure("wasserstein", "Distances", "architecture"),
        accuracy=figure("accuracy", "Training", "architecture"),
    log:
        f"{RESULTS}/logs/figures/{{architecture}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{architecture}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["architecture_figures"]),
    script:
        "../scripts/architecture_figures.py"


rule distance_matrix:
    """Draw the distances between the conditions of one architecture."""
    input:
        distances=f"{RESULTS}/distances.csv",
        conditions=f"{RESULTS}/conditions.csv",
    output:
        figure("distance_matrix", "Distances", "architecture"),
    log:
        f"{RESULTS}/logs/figures/{{architecture}}-distance_matrix.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{architecture}}-distance_matrix.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.figures_spec(STUDY, CODE["distance_matrix"]),
        conditions=lambda wildcards: ARCHITECTURES[wildcards.architecture],
    script:
        "../scripts/distance_matrix.py"
