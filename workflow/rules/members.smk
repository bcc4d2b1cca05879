# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of all conditions
# Produces: {RESULTS}/conditions.csv, members.csv and learning_curves.csv


rule members:
    """List conditions and networks, with how well each of them learned."""
    input:
        shard_files("weights", *CONDITIONS),
    output:
        conditions=shown(
            f"{RESULTS}/conditions.csv",
            "conditions",
            "Training",
            "all",
            "table of conditions",
        ),
        members=shown(
            f"{RESULTS}/members.csv",
            "members",
            "Training",
            "all",
            "table of members",
        ),
        learning_curves=shown(
            f"{RESULTS}/learning_curves.csv",
            "learning_curves",
            "Training",
            "all",
            "table of learning curves",
        ),
    log:
        f"{RESULTS}/logs/members.log",
    benchmark:
        f"{RESULTS}/benchmarks/members.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.members_spec(STUDY, CODE),
    script:
        "../scripts/members.py"
