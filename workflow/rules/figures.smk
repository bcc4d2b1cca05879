# Requires: {RESULTS}/models/{condition}.csv, .parameters.csv and .typicality.csv,
#           comparison/{condition}.csv, significance/{condition}.csv, distances.csv,
#           conditions.csv, learning_curves.csv, spectra/{condition}.csv, .ranks.csv and
#           .curves.csv
# Produces: {RESULTS}/figures/invariants.svg, {RESULTS}/figures/{condition}/*.svg and
#           {RESULTS}/figures/{architecture}/*.svg

# Conditions that are trained here, by architecture: all, and those that are modelled.
ARCHITECTURES = by_architecture(TRAINED)
MODELLED_ARCHITECTURES = by_architecture(
    {name: condition for name, condition in MODELLED.items() if name in TRAINED}
)
SCALED_ARCHITECTURES = by_architecture(
    {name: TRAINED[name] for name in WITH_SPECTRA if name in TRAINED}
)


wildcard_constraints:
    architecture=one_of(ARCHITECTURES),


rule gallery:
    """Draw the graphs of the study's invariants."""
    output:
        shown(
            at("gallery"),
            "invariants",
            "Fits",
            "all",
            "invariants",
        ),
    log:
        log_of("gallery"),
    benchmark:
        benchmark_of("gallery")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("gallery"),
    script:
        "../scripts/gallery.py"


rule accuracy:
    """Draw how well the conditions of one architecture learned, side by side."""
    input:
        learning_curves=at("learning_curves"),
        conditions=at("conditions"),
    output:
        figure("accuracy", "Training"),
    log:
        log_of("accuracy", "architecture"),
    benchmark:
        benchmark_of("accuracy", "architecture")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("accuracy"),
    script:
        "../scripts/accuracy.py"


rule condition_figures:
    """Draw a condition's fitted parameters, and how far its ensembles are from their laws."""
    input:
        invariants=at("predictions"),
        parameters=at("parameters"),
        typicality=at("typicality"),
        comparison=at("comparison"),
        significance=at("significance"),
    output:
        deviation_start=figure("deviation_start", "Fits"),
        deviation_sd=figure("deviation_sd", "Fits"),
        parameters=figure("parameters_figure", "Fits"),
        typicality=figure("typicality_figure", "Fits"),
        laws=figure("laws", "Laws"),
        largest_deviations=figure("largest_deviations", "Laws"),
    log:
        log_of("condition_figures", "condition"),
    benchmark:
        benchmark_of("condition_figures", "condition")
    wildcard_constraints:
        condition=one_of(TRAINED),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("condition_figures"),
    script:
        "../scripts/condition_figures.py"


use rule condition_figures as ensemble_figures with:
    output:
        deviation_sd=figure("deviation_sd", "Fits"),
        parameters=figure("parameters_figure", "Fits"),
        typicality=figure("typicality_figure", "Fits"),
        laws=figure("laws", "Laws"),
        largest_deviations=figure("largest_deviations", "Laws"),
    wildcard_constraints:
        condition=one_of(ENSEMBLES),
    params:
        spec=spec_of("ensemble_figures"),


rule architecture_figures:
    """Draw the modelled conditions of one architecture side by side."""
    input:
        invariants=lambda wildcards: expand(
            at("predictions"),
            condition=MODELLED_ARCHITECTURES[wildcards.architecture],
        ),
        distances=at("distances"),
        conditions=at("conditions"),
    output:
        normalised_change=figure("normalised_change", "Fits"),
        wasserstein=figure("wasserstein", "Distances"),
    log:
        log_of("architecture_figures", "architecture"),
    benchmark:
        benchmark_of("architecture_figures", "architecture")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("architecture_figures"),
    script:
        "../scripts/architecture_figures.py"


rule distance_matrix:
    """Draw the distances between the conditions of one architecture."""
    input:
        distances=at("distances"),
        conditions=at("conditions"),
    output:
        figure("distance_matrix", "Distances"),
    log:
        log_of("distance_matrix", "architecture"),
    benchmark:
        benchmark_of("distance_matrix", "architecture")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("distance_matrix"),
    script:
        "../scripts/distance_matrix.py"


rule spectra_figures:
    """Draw a condition's singular values, level statistics, singular vectors and tails."""
    input:
        spectra=at("spectra"),
        ranks=at("ranks"),
        curves=at("curves"),
    output:
        singular_values=figure("singular_values", "Spectra"),
        level_statistics=figure("level_statistics", "Spectra"),
        singular_vectors=figure("singular_vectors", "Spectra"),
        hill=figure("hill", "Spectra"),
    log:
        log_of("spectra_figures", "condition"),
    benchmark:
        benchmark_of("spectra_figures", "condition")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("spectra_figures"),
    script:
        "../scripts/spectra_figures.py"


rule lazy_rich:
    """Draw the spectra of one architecture from rich to lazy training."""
    input:
        spectra=lambda wildcards: expand(
            at("spectra"),
            condition=SCALED_ARCHITECTURES[wildcards.architecture],
        ),
        learning_curves=at("learning_curves"),
        conditions=at("conditions"),
    output:
        figure("lazy_rich", "Spectra"),
    log:
        log_of("lazy_rich", "architecture"),
    benchmark:
        benchmark_of("lazy_rich", "architecture")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("lazy_rich"),
    script:
        "../scripts/lazy_rich.py"
