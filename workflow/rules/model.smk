# Requires: {RESULTS}/invariants/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/models/{condition}.h5, .csv, .parameters.csv, .typicality.csv
#           and .admissibility.csv


rule model:
    """Fit the 13-parameter matrix model to a condition's ensembles and predict their invariants."""
    input:
        lambda wildcards: shard_files("invariants", wildcards.condition),
    output:
        fits=at("fits"),
        # Too large for the report: every invariant of every snapshot.
        invariants=at("predictions"),
        parameters=at("parameters"),
        typicality=at("typicality"),
        admissibility=at("admissibility"),
    log:
        log_of("model", "{condition}"),
    benchmark:
        benchmark_of("model", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("model"),
    script:
        "../scripts/model.py"
