# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of all conditions
# Produces: {RESULTS}/conditions.csv, members.csv and learning_curves.csv


rule members:
    """List conditions and networks, with how well each of them learned."""
    input:
        [shard_files("weights", condition) for condition in CONDITIONS],
    output:
        conditions=at("conditions"),
        members=at("members"),
        learning_curves=at("learning_curves"),
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
