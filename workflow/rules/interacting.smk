# Requires: {RESULTS}/weights/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/couplings/{condition}.csv, scores/{condition}.csv and
#           interacting_predictions/{condition}.csv


rule interacting:
    """Fit interacting laws to a condition's layers, and score all laws on held-out members."""
    input:
        lambda wildcards: shard_files("weights", wildcards.condition),
    output:
        couplings=at("couplings"),
        scores=at("scores"),
        predictions=at("interacting_predictions"),
    log:
        log_of("interacting", "{condition}"),
    benchmark:
        benchmark_of("interacting", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("interacting"),
    script:
        "../scripts/interacting.py"
