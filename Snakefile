# Which probability law do the weight matrices of trained neural networks follow?
#
#     digits -> train -> invariants -> model -> distance -> figures -> report
#                  \-> comparison, symmetry, significance -> findings -/
#
# Each stage has a file of its own, in this order; what the study asks for comes from config.yaml
# and from the file given by --configfile.


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/members.smk"
include: "workflow/rules/invariants.smk"
include: "workflow/rules/catalogue.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/distance.smk"
include: "workflow/rules/significance.smk"
include: "workflow/rules/comparison.smk"
include: "workflow/rules/symmetry.smk"
include: "workflow/rules/findings.smk"
include: "workflow/rules/figures.smk"


report: "workflow/report/workflow.rst"


rule all:
    """The whole study: what it stores, its tables and its figures."""
    default_target: True
    input:
        # Shards are results too: one that was deleted is missed although all that rests on it stands.
        expand(rules.train.output, condition=CONDITIONS, shard=SHARDS),
        expand(rules.invariants.output, condition=CONDITIONS, shard=SHARDS),
        rules.members.output,
        rules.catalogue.output,
        rules.gallery.output,
        rules.distance.output,
        expand(rules.model.output, condition=CONDITIONS),
        rules.findings.output,
        expand(rules.condition_figures.output, condition=CONDITIONS),
        expand(rules.architecture_figures.output, architecture=ARCHITECTURES),
        expand(rules.distance_matrix.output, architecture=COMPARED),
