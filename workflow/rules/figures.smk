# Requires: {RESULTS}/models/{condition}.csv, .parameters.csv and .typicality.csv,
#           entries/{condition}.csv, eigenvalues/{condition}.csv and .plane.csv,
#           comparison/{condition}.csv, significance/{condition}.csv, misses/{condition}.csv, distances.csv,
#           conditions.csv, learning_curves.csv, couplings/{condition}.csv,
#           scores/{condition}.csv, interacting_predictions/{condition}.csv,
#           network_law/{condition}.csv, drawn/{condition}.csv, noise_scale/{recipe}.parameters.csv,
#           spectra/{condition}.csv, .ranks.csv and .curves.csv
# Produces: {RESULTS}/figures/*.svg, {RESULTS}/figures/{condition}/*.svg and
#           {RESULTS}/figures/{architecture}/*.svg and {RESULTS}/figures/{recipe}/*.svg, and a PDF
#           beside each


rule gallery:
    """Draw the graphs of the study's invariants."""
    output:
        figure("gallery"),
        pdf=printed("gallery"),
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
        svg=figures_of("accuracy", "accuracy"),
        pdf=printed("accuracy"),
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


rule entries_figure:
    """Draw how the entries of a condition's weights are distributed, beside its laws."""
    input:
        at("entries"),
    output:
        figure("entries_figure"),
        pdf=printed("entries_figure"),
    log:
        log_of("entries_figure", "{condition}"),
    benchmark:
        benchmark_of("entries_figure", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("entries_figure"),
    script:
        "../scripts/entries_figure.py"


rule eigenvalues_figure:
    """Draw the eigenvalues of a condition's square matrices, beside the circular law."""
    input:
        shares=at("eigenvalues"),
        plane=at("eigenvalue_plane"),
    output:
        figure("eigenvalues_figure"),
        pdf=printed("eigenvalues_figure"),
    log:
        log_of("eigenvalues_figure", "{condition}"),
    benchmark:
        benchmark_of("eigenvalues_figure", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("eigenvalues_figure"),
    script:
        "../scripts/eigenvalues_figure.py"


rule predicted_observed:
    """Draw the invariants of a condition against what each law predicts."""
    input:
        significance=at("significance"),
        misses=at("misses"),
        fits=at("predictions"),
        interacting=lambda wildcards: (
            [at("interacting_predictions").format(condition=wildcards.condition)]
            if wildcards.condition in STAGES["interacting"].networks(STUDY)
            else []
        ),
    output:
        figure("predicted_observed"),
        pdf=printed("predicted_observed"),
    log:
        log_of("predicted_observed", "{condition}"),
    benchmark:
        benchmark_of("predicted_observed", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("predicted_observed"),
    script:
        "../scripts/predicted_observed.py"


rule condition_figures:
    """Draw a condition's fitted parameters, and how far its ensemble is from the laws."""
    input:
        invariants=at("predictions"),
        parameters=at("parameters"),
        typicality=at("typicality"),
        comparison=at("comparison"),
        significance=at("significance"),
    output:
        deviation_start=figure("deviation_start"),
        deviation_sd=figure("deviation_sd"),
        parameters=figure("parameters_figure"),
        typicality=figure("typicality_figure"),
        laws=figure("laws"),
        largest_deviations=figure("largest_deviations"),
        pdf=printed("condition_figures"),
    log:
        log_of("condition_figures", "{condition}"),
    benchmark:
        benchmark_of("condition_figures", "{condition}")
    wildcard_constraints:
        condition=one_of(STAGES["condition_figures"].networks(STUDY)),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("condition_figures"),
    script:
        "../scripts/condition_figures.py"


use rule condition_figures as ensemble_figures with:
    output:
        deviation_sd=figure("deviation_sd"),
        parameters=figure("parameters_figure"),
        typicality=figure("typicality_figure"),
        laws=figure("laws"),
        largest_deviations=figure("largest_deviations"),
        pdf=printed("ensemble_figures"),
    wildcard_constraints:
        condition=one_of(STAGES["ensemble_figures"].networks(STUDY)),
    params:
        spec=spec_of("ensemble_figures"),


rule architecture_figures:
    """Draw the modelled conditions of each architecture side by side."""

    # One job draws all, as they share the table of distances.
    input:
        invariants=expand(at("predictions"), condition=STUDY.modelled_here),
        distances=at("distances"),
        conditions=at("conditions"),
    output:
        normalised_change=figures_of("architecture_figures", "normalised_change"),
        wasserstein=figures_of("architecture_figures", "wasserstein"),
        distance_matrix=figures_of("architecture_figures", "distance_matrix"),
        pdf=printed("architecture_figures"),
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


rule across:
    """Draw misses of laws and distances from the start against width, weight decay and depth."""
    input:
        misses=expand(at("misses"), condition=STUDY.modelled_here),
        distances=at("distances"),
        conditions=at("conditions"),
    output:
        figure("across"),
        pdf=printed("across"),
    log:
        log_of("across"),
    benchmark:
        benchmark_of("across")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("across"),
    script:
        "../scripts/across.py"


rule ensemble_map:
    """Draw all ensembles of square matrices as a map, each condition a path from its start."""
    input:
        parameters=expand(at("parameters"), condition=MODELLED),
        distances=at("distances"),
        conditions=at("conditions"),
    output:
        figure("ensemble_map"),
        pdf=printed("ensemble_map"),
    log:
        log_of("ensemble_map"),
    benchmark:
        benchmark_of("ensemble_map")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("ensemble_map"),
    script:
        "../scripts/ensemble_map.py"


rule from_start_figure:
    """Draw how far the laws of trajectories from elsewhere are from where they began."""
    input:
        distances=at("distances"),
    output:
        figure("from_start"),
        pdf=printed("from_start_figure"),
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
        figure("interacting_figure"),
        pdf=printed("interacting_figure"),
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
        figure("network_law_figure"),
        pdf=printed("network_law_figure"),
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
        figure("noise_scale_figure"),
        pdf=printed("noise_scale_figure"),
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
        singular_values=figure("singular_values"),
        level_statistics=figure("level_statistics"),
        singular_vectors=figure("singular_vectors"),
        hill=figure("hill"),
        pdf=printed("spectra_figures"),
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
        figure("lazy_rich"),
        pdf=printed("lazy_rich"),
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


rule rank_by_classes:
    """Draw learned ranks of layers against the number of classes."""
    input:
        spectra=at("spectra_table"),
        conditions=at("conditions"),
    output:
        figure("rank_by_classes"),
        pdf=printed("rank_by_classes"),
    log:
        log_of("rank_by_classes"),
    benchmark:
        benchmark_of("rank_by_classes")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("rank_by_classes"),
    script:
        "../scripts/rank_by_classes.py"
