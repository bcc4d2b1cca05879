# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of all conditions
# Produces: {RESULTS}/conditions.csv, members.csv and learning_curves.csv


rule members:
    """List conditions and networks, with how well each of them learned."""
    input:
        [shard_files("weights", condition) for condition in CONDITIONS],
    output:
        conditions=shown(
            at("conditions"),
            "conditions",
            "Training",
            "all",
            "table of conditions",
        ),
        members=shown(
            at("members"),
            "members",
            "Training",
            "all",
            "table of members",
        ),
        learning_curves=shown(
            at("learning_curves"),
            "learning_curves",
            "Training",
            "all",
            "table of learning curves",
        ),
    log:
        log_of("members"),
    benchmark:
        benchmark_of("members")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("members"),
    script:
        "../scripts/members.py"
