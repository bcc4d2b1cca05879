# Requires: {RESULTS}/weights/{condition}/{shard}.h5
# Produces: {RESULTS}/nulls/{rows}x{columns}.h5, spectra/{condition}/{shard}.h5,
#           spectra/{condition}.csv, .ranks.csv and .curves.csv, spectra.csv


wildcard_constraints:
    rows=r"\d+",
    columns=r"\d+",


rule null:
    """Simulate the spectra of random matrices of one shape, which trained ones are compared with."""
    output:
        at("null"),
    log:
        log_of("null", "{rows}x{columns}"),
    benchmark:
        benchmark_of("null", "{rows}x{columns}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("null"),
    script:
        "../scripts/null.py"


rule spectra_shard:
    """Analyse the singular values and vectors of a shard's weight matrices."""
    input:
        weights=at("weights"),
        nulls=nulls_of,
    output:
        at("spectra_shard"),
    log:
        log_of("spectra_shard", "{condition}", "{shard}"),
    benchmark:
        benchmark_of("spectra_shard", "{condition}", "{shard}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("spectra_shard"),
    script:
        "../scripts/spectra_shard.py"


rule spectra:
    """Compare a condition's spectra with those of random matrices, pooled over its members."""
    input:
        spectra=lambda wildcards: shard_files("spectra_shard", wildcards.condition),
        nulls=nulls_of,
    output:
        statistics=at("spectra"),
        ranks=at("ranks"),
        # Too large for the report: the points of all curves.
        curves=at("curves"),
    log:
        log_of("spectra", "{condition}"),
    benchmark:
        benchmark_of("spectra", "{condition}")
    conda:
        "../../envs/weightlaws.yaml"
    resources:
        mem_mb=mem_mb,
        runtime=runtime,
    params:
        spec=spec_of("spectra"),
    script:
        "../scripts/spectra.py"


rule spectra_table:
    """Put the statistics of all conditions' spectra into one table."""
    input:
        expand(at("spectra"), condition=WITH_SPECTRA),
    output:
        at("spectra_table"),
    log:
        log_of("spectra_table"),
    benchmark:
        benchmark_of("spectra_table")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("spectra_table"),
    script:
        "../scripts/spectra_table.py"
