"""The figure that shows each claim best, by names in `layout.PATHS`.

Planning a study reads these names, and does without the tables that judge claims.
"""

FIGURES: dict[str, str] = {
    "H1": "entries_figure",
    "H2": "predicted_observed",
    "H3": "deviation_sd",
    "H4": "wasserstein",
    "H5": "wasserstein",
    "H6": "wasserstein",
    "H7": "across",
    "H8": "across",
    "T1": "level_statistics",
    "T2": "singular_vectors",
    "T3": "lazy_rich",
    "T4": "hill",
    "N1": "singular_vectors",
    "N2": "noise_scale_figure",
    "B1": "interacting_figure",
    "B2": "network_law_figure",
    "B3": "network_law_figure",
    "O1": "laws",
    "O2": "laws",
    "O3": "entries_figure",
}
