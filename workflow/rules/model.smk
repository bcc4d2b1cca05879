# Requires: {RESULTS}/invariants/{condition}/{shard}.h5 of one condition
# Produces: {RESULTS}/models/{condition}.h5, .csv, .parameters.csv, .typicality.csv
#           and .admissibility.csv


rule model:
    """Fit the 13-parameter matrix model to a condition's ensembles and predict their invariants."""
    input:
        lambda wildcards: shard_files("invariants", wildcards.condition),
    output:
        fits=f"{RESULTS}/models/{{condition}}.h5",
        # Too large for the report: every invariant of every snapshot.
        invariants=f"{RESULTS}/models/{{condition}}.csv",
        parameters=shown(
            f"{RESULTS}/models/{{condition}}.parameters.csv",
            "parameters_table",
            "Fits",
            "{condition}",
            "table of parameters",
        ),
        typicality=shown(
            f"{RESULTS}/models/{{condition}}.typicality.csv",
            "typicality_table",
            "Fits",
            "{condition}",
            "table of typicality",
        ),
        admissibility=shown(
            f"{RESULTS}/models/{{condition}}.admissibility.csv",
            "admissibility",
            "Fits",
            "{condition}",
            "table of covariance blocks",
        ),
    log:
        f"{RESULTS}/logs/model/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/model/{{condition}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.model_spec(
            STUDY, CONDITIONS[wildcards.condition], CODE
        ),
    script:
        "../scripts/model.py"
