# Which probability law do the weight matrices of trained neural networks follow?
#
#     digits -> train -> invariants -> model -> distance -------------------> figures -> report
#                  |-> comparison, symmetry, significance, omnibus -> findings -/
#                  |-> entries, eigenvalues -----------------------------------/
#                  |-> interacting, network_law, drawn_networks --------------/
#                  \-> spectra ------------------------------------------------/
#
# Tables lead to claims, and so to their verdicts; answers.html shows them, and leads to all files.
#
# Each stage has a file of its own, in this order. The study stands in config.yaml and in the file that
# --configfile names.


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/own_networks.smk"
include: "workflow/rules/members.smk"
include: "workflow/rules/invariants.smk"
include: "workflow/rules/catalogue.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/distance.smk"
include: "workflow/rules/significance.smk"
include: "workflow/rules/omnibus.smk"
include: "workflow/rules/comparison.smk"
include: "workflow/rules/symmetry.smk"
include: "workflow/rules/entries.smk"
include: "workflow/rules/eigenvalues.smk"
include: "workflow/rules/interacting.smk"
include: "workflow/rules/network_law.smk"
include: "workflow/rules/noise_scale.smk"
include: "workflow/rules/findings.smk"
include: "workflow/rules/spectra.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/answers.smk"


report: "workflow/report/workflow.rst"


# On a cluster these run where Snakemake does: they take seconds each, or download.
localrules:
    all,
    dataset,
    label_noise,
    import_ensemble,
    import_network,
    skipped,
    members,
    catalogue,
    distance,
    findings,
    spectra_table,
    claims,
    gallery,
    accuracy,
    entries_figure,
    eigenvalues_figure,
    predicted_observed,
    condition_figures,
    ensemble_figures,
    architecture_figures,
    across,
    ensemble_map,
    interacting_figure,
    network_law_figure,
    noise_scale_figure,
    from_start_figure,
    spectra_figures,
    lazy_rich,
    rank_by_classes,
    answers,


rule all:
    """The whole study: all files that its stages are asked for."""
    default_target: True
    input:
        [of_stage(rule) for rule, stage in STAGES.items() if stage.asked],
