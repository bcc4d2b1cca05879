# Requires: {RESULTS}/models/{condition}.csv, .parameters.csv and .typicality.csv,
#           comparison/{condition}.csv, significance/{condition}.csv, distances.csv,
#           conditions.csv, learning_curves.csv, couplings/{condition}.csv,
#           scores/{condition}.csv, interacting_predictions/{condition}.csv,
#           network_law/{condition}.csv, drawn/{condition}.csv, noise_scale/{recipe}.parameters.csv,
#           spectra/{condition}.csv, .ranks.csv and .curves.csv
# Produces: {RESULTS}/figures/invariants.svg, {RESULTS}/figures/{condition}/*.svg and
#           {RESULTS}/figures/{architecture}/*.svg and {RESULTS}/figures/{recipe}/*.svg


rule gallery:
    """Draw the graphs of the study's invariants."""
    output:
        shown(at("gallery"), "invariants", "Fits", "all", "invariants"),
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
    """Draw how well the conditions of each architecture learned, side by side."""

    # One job draws all, as they share their tables, and a start costs more than a figure.
    input:
        learning_curves=at("learning_curves"),
        conditions=at("conditions"),
    output:
        figures_of("accuracy", "accuracy", "Training"),
    log:
        log_of("accuracy"),
    benchmark:
        benchmark_of("accuracy")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("accuracy"),
    script:
        "../scripts/accuracy.py"


rule condition_figures:
    """Draw a condition's fitted parameters, and how far its ensemble is from the laws."""
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
        log_of("condition_figures", "{condition}"),
    benchmark:
        benchmark_of("condition_figures", "{condition}")
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
    """Draw the modelled conditions of each architecture side by side."""

    # One job draws all, as they share the table of distances.
    input:
        invariants=expand(
            at("predictions"), condition=[name for name in MODELLED if name in TRAINED]
        ),
        distances=at("distances"),
        conditions=at("conditions"),
    output:
        normalised_change=figures_of(
            "architecture_figures", "normalised_change", "Fits"
        ),
        wasserstein=figures_of("architecture_figures", "wasserstein", "Distances"),
        distance_matrix=figures_of(
            "architecture_figures", "distance_matrix", "Distances"
        ),
    log:
        log_of("architecture_figures"),
    benchmark:
        benchmark_of("architecture_figures")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("architecture_figures"),
    script:
        "../scripts/architecture_figures.py"


rule from_start_figure:
    """Draw how far the laws of trajectories from elsewhere are from where they began."""
    input:
        distances=at("distances"),
    output:
        figure("from_start", "Distances"),
    log:
        log_of("from_start_figure", "{condition}"),
    benchmark:
        benchmark_of("from_start_figure", "{condition}")
    wildcard_constraints:
        condition=one_of(ENSEMBLES),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("from_start_figure"),
    script:
        "../scripts/from_start_figure.py"


rule interacting_figure:
    """Draw a condition's couplings, how laws score on held-out members, and their predictions."""
    input:
        couplings=at("couplings"),
        scores=at("scores"),
        predictions=at("interacting_predictions"),
    output:
        figure("interacting_figure", "Interactions"),
    log:
        log_of("interacting_figure", "{condition}"),
    benchmark:
        benchmark_of("interacting_figure", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("interacting_figure"),
    script:
        "../scripts/interacting_figure.py"


rule network_law_figure:
    """Draw whether a condition's layers know of each other, and what drawn networks can do."""
    input:
        network_law=at("network_law"),
        drawn=lambda wildcards: (
            [at("drawn_networks").format(condition=wildcards.condition)]
            if wildcards.condition in STAGES["drawn_networks"].networks(STUDY)
            else []
        ),
    output:
        figure("network_law_figure", "Interactions"),
    log:
        log_of("network_law_figure", "{condition}"),
    benchmark:
        benchmark_of("network_law_figure", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("network_law_figure"),
    script:
        "../scripts/network_law_figure.py"


rule noise_scale_figure:
    """Draw the laws of conditions that differ in learning rate and batch size."""
    input:
        at("noise_scale_parameters"),
    output:
        shown(
            at("noise_scale_figure"),
            "noise_scale_figure",
            "Fits",
            "{recipe}",
            "laws by learning rate and batch size",
        ),
    log:
        log_of("noise_scale_figure", "{recipe}"),
    benchmark:
        benchmark_of("noise_scale_figure", "{recipe}")
    wildcard_constraints:
        recipe=one_of(RECIPES),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("noise_scale_figure"),
    script:
        "../scripts/noise_scale_figure.py"


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
        log_of("spectra_figures", "{condition}"),
    benchmark:
        benchmark_of("spectra_figures", "{condition}")
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
            condition=STAGES["lazy_rich"].about(STUDY, dict(wildcards.items())),
        ),
        learning_curves=at("learning_curves"),
        conditions=at("conditions"),
    output:
        figure("lazy_rich", "Spectra"),
    log:
        log_of("lazy_rich", "{architecture}"),
    benchmark:
        benchmark_of("lazy_rich", "{architecture}")
    wildcard_constraints:
        architecture=one_of(by_architecture(TRAINED)),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("lazy_rich"),
    script:
        "../scripts/lazy_rich.py"
