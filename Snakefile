# Which probability law do the weight matrices of trained neural networks follow?
#
#     digits -> train -> invariants -> model -> distance -> figures -> report
#                  |-> comparison, symmetry, significance -> findings -/
#                  \-> spectra ----------------------------------------/
#
# Each stage has a file of its own, in this order; what the study asks for comes from config.yaml
# and from the file given by --configfile.


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
include: "workflow/rules/comparison.smk"
include: "workflow/rules/symmetry.smk"
include: "workflow/rules/findings.smk"
include: "workflow/rules/spectra.smk"
include: "workflow/rules/figures.smk"


report: "workflow/report/workflow.rst"


# On a cluster these run where Snakemake does: they take seconds each, or download.
localrules:
    all,
    dataset,
    import_ensemble,
    import_network,
    members,
    catalogue,
    distance,
    findings,
    spectra_table,
    gallery,
    accuracy,
    condition_figures,
    ensemble_figures,
    architecture_figures,
    spectra_figures,
    lazy_rich,


rule all:
    """The whole study: what it stores, its tables and its figures."""
    default_target: True
    input:
        # Shards are results too: one that was deleted is missed although all that rests on it stands.
        shard_files("weights", *CONDITIONS),
        rules.members.output if CONDITIONS else [],
        rules.accuracy.output,
        # Of the conditions that are modelled, if there are any:
        shard_files("invariants", *MODELLED),
        expand(rules.model.output, condition=MODELLED),
        expand(rules.significance.output, condition=MODELLED),
        expand(rules.comparison.output, condition=MODELLED),
        expand(rules.symmetry.output, condition=MODELLED),
        expand(
            rules.condition_figures.output,
            condition=[name for name in MODELLED if name in TRAINED],
        ),
        expand(
            rules.ensemble_figures.output,
            condition=[name for name in MODELLED if name in ENSEMBLES],
        ),
        rules.architecture_figures.output,
        [
            rules.catalogue.output,
            rules.gallery.output,
            rules.distance.output,
            rules.findings.output,
        ]
        if MODELLED
        else [],
        # Of the conditions and single networks whose spectra are analysed, if there are any:
        shard_files("spectra", *WITH_SPECTRA),
        expand(rules.spectra.output, condition=WITH_SPECTRA),
        expand(rules.spectra_figures.output, condition=WITH_SPECTRA),
        expand(rules.lazy_rich.output, architecture=SCALED_ARCHITECTURES),
        rules.spectra_table.output if WITH_SPECTRA else [],
