# Requires: what the configuration names under ensembles and checkpoints
# Produces: {RESULTS}/weights/{condition}/{shard}.h5


rule import_ensemble:
    """Store the weights of a shard of an ensemble that was trained elsewhere."""
    input:
        lambda wildcards: ENSEMBLES[wildcards.condition].files(shard_of(wildcards)),
    output:
        f"{RESULTS}/weights/{{condition}}/{{shard}}.h5",
    log:
        f"{RESULTS}/logs/import_ensemble/{{condition}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/import_ensemble/{{condition}}/{{shard}}.tsv"
    wildcard_constraints:
        condition=one_of(ENSEMBLES),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=lambda wildcards: specs.weights_spec(
            STUDY, ENSEMBLES[wildcards.condition], CODE, shard_of(wildcards)
        ),
    script:
        "../scripts/import_ensemble.py"


# What layers a network has is known once it is read: then come the nulls of their shapes.
checkpoint import_network:
    """Store the weights of a network that was trained elsewhere, layer by layer."""
    input:
        lambda wildcards: NETWORKS[wildcards.condition].files,
    output:
        f"{RESULTS}/weights/{{condition}}/0-0.h5",
    log:
        f"{RESULTS}/logs/import_network/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/import_network/{{condition}}.tsv"
    wildcard_constraints:
        condition=one_of(NETWORKS),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=lambda wildcards: specs.weights_spec(
            STUDY, NETWORKS[wildcards.condition], CODE, Shard(0, 0)
        ),
    script:
        "../scripts/import_network.py"
