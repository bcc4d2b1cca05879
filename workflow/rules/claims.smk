# Requires: {RESULTS}/conditions.csv; all tables of laws, interacting laws, networks, rates and spectra of
#           the conditions that have them; models/{condition}.h5 of all modelled conditions
# Produces: {RESULTS}/claims.csv


rule claims:
    """Judge each claim by the study's tables."""
    input:
        **tables_of("significance", "significance", "misses"),
        **tables_of("comparison", "comparison"),
        **tables_of("symmetry", "symmetry"),
        **tables_of("interacting", "scores", "couplings"),
        **tables_of("network_law", "network_law"),
        **tables_of("drawn_networks", "drawn_networks"),
        **tables_of("spectra", "spectra", "ranks"),
        noise_scale_comparisons=expand(at("noise_scale_comparisons"), recipe=[*RECIPES]),
        conditions=[at("conditions")] if CONDITIONS else [],
        fits=expand(at("fits"), condition=MODELLED),
    output:
        at("claims"),
    log:
        log_of("claims"),
    benchmark:
        benchmark_of("claims")
    conda:
        "../../envs/weightlaws.yaml"
    params:
        spec=spec_of("claims"),
    script:
        "../scripts/claims.py"
