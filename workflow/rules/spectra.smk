# Requires: {RESULTS}/weights/{condition}/{shard}.h5
# Produces: {RESULTS}/nulls/{rows}x{columns}.h5, spectra/{condition}/{shard}.h5,
#           spectra/{condition}.csv, .ranks.csv and .curves.csv, spectra.csv


wildcard_constraints:
    rows=r"\d+",
    columns=r"\d+",


rule null:
    """Simulate the spectra of random matrices of one shape, which trained ones are compared with."""
    output:
        f"{RESULTS}/nulls/{{rows}}x{{columns}}.h5",
    log:
        f"{RESULTS}/logs/null/{{rows}}x{{columns}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/null/{{rows}}x{{columns}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.null_spec(
            STUDY, (int(wildcards.rows), int(wildcards.columns)), CODE
        ),
    script:
        "../scripts/null.py"


rule spectra_shard:
    """Analyse the singular values and vectors of a shard's weight matrices."""
    input:
        weights=f"{RESULTS}/weights/{{condition}}/{{shard}}.h5",
        nulls=nulls_of,
    output:
        f"{RESULTS}/spectra/{{condition}}/{{shard}}.h5",
    log:
        f"{RESULTS}/logs/spectra_shard/{{condition}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/spectra_shard/{{condition}}/{{shard}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.spectra_spec(
            STUDY, WITH_SPECTRA[wildcards.condition], CODE, shard_of(wildcards)
        ),
    script:
        "../scripts/spectra_shard.py"


rule spectra:
    """Compare a condition's spectra with those of random matrices, pooled over its members."""
    input:
        spectra=lambda wildcards: shard_files("spectra", wildcards.condition),
        nulls=nulls_of,
    output:
        statistics=f"{RESULTS}/spectra/{{condition}}.csv",
        ranks=shown(
            f"{RESULTS}/spectra/{{condition}}.ranks.csv",
            "ranks",
            "Spectra",
            "{condition}",
            "table of singular vectors",
        ),
        # Too large for the report: the points of all curves.
        curves=f"{RESULTS}/spectra/{{condition}}.curves.csv",
    log:
        f"{RESULTS}/logs/spectra/{{condition}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/spectra/{{condition}}.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=lambda wildcards: specs.spectra_tables_spec(
            STUDY, WITH_SPECTRA[wildcards.condition], CODE
        ),
    script:
        "../scripts/spectra.py"


rule spectra_table:
    """Put the statistics of all conditions' spectra into one table."""
    input:
        expand(f"{RESULTS}/spectra/{{condition}}.csv", condition=WITH_SPECTRA),
    output:
        shown(
            f"{RESULTS}/spectra.csv",
            "spectra",
            "Spectra",
            "all",
            "table of spectra",
        ),
    log:
        f"{RESULTS}/logs/spectra_table.log",
    benchmark:
        f"{RESULTS}/benchmarks/spectra_table.tsv"
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=specs.spectra_table_spec(CODE),
    script:
        "../scripts/spectra_table.py"
