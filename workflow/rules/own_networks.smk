# Requires: the files that the configuration names under ensembles and checkpoints
# Produces: {RESULTS}/weights/{condition}/{shard}.h5, {RESULTS}/skipped.csv


rule import_ensemble:
    """Store the weights of a shard of an ensemble that was trained elsewhere."""
    input:
        files_of,
    output:
        at("weights"),
    log:
        log_of("import_ensemble", "{condition}", "{shard}"),
    benchmark:
        benchmark_of("import_ensemble", "{condition}", "{shard}")
    wildcard_constraints:
        condition=one_of(ENSEMBLES),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("import_ensemble"),
    script:
        "../scripts/import_ensemble.py"


# What layers a network has is known once it is read: then come the nulls of their shapes.
checkpoint import_network:
    """Store the weights of a network that was trained elsewhere, layer by layer."""
    input:
        files_of,
    output:
        at("weights"),
    log:
        log_of("import_network", "{condition}", "{shard}"),
    benchmark:
        benchmark_of("import_network", "{condition}", "{shard}")
    wildcard_constraints:
        condition=one_of(NETWORKS),
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("import_network"),
    script:
        "../scripts/import_network.py"


rule skipped:
    """List what of networks that were trained elsewhere is no layer, and why."""
    input:
        networks=[shard_files("weights", name) for name in NETWORKS],
        ensembles=[shard_files("weights", name) for name in ENSEMBLES],
    output:
        at("skipped"),
    log:
        log_of("skipped"),
    benchmark:
        benchmark_of("skipped")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("skipped"),
    script:
        "../scripts/skipped.py"
