"""What the report holds: figures, tables and pages in words, and the folder where each stands.

The names are those of `study.layout.PATHS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

#: The folders of the report, in reading order.
FOLDERS = (
    ANSWERS,
    TRAINING,
    LAWS,
    DEVIATIONS,
    DISTANCES,
    SPECTRA,
    TABLES_AND_COSTS,
) = (
    "1 Answers",
    "2 Training",
    "3 Which law",
    "4 Deviations",
    "5 Distances",
    "6 Spectra",
    "7 Tables and costs",
)


@dataclass(frozen=True)
class Content:
    """What a kind of files shows, in words, and the folder of the report that has them."""

    title: str
    folder: str


#: Pages, the one to begin with first.
PAGES: Mapping[str, Content] = {
    "answers": Content("Answers: each claim with its verdict", ANSWERS),
    "findings_page": Content("Appendix: findings by condition and layer", ANSWERS),
}

FIGURES: Mapping[str, Content] = {
    "accuracy": Content("Accuracy by epoch", TRAINING),
    "laws": Content("Laws compared on held-out networks", LAWS),
    "entries_figure": Content("Weights, and the laws fitted to them", LAWS),
    "eigenvalues_figure": Content("Eigenvalues in the complex plane", LAWS),
    "predicted_observed": Content("Invariants predicted and observed", LAWS),
    "parameters_figure": Content("The 13 parameters by epoch", LAWS),
    "interacting_figure": Content("Interacting law", LAWS),
    "network_law_figure": Content("Law of the whole network", LAWS),
    "noise_scale_figure": Content("Laws by learning rate and batch size", LAWS),
    "gallery": Content("Invariants and their graphs", DEVIATIONS),
    "deviation_start": Content("Deviation from the start", DEVIATIONS),
    "deviation_sd": Content("Deviation of invariants from the 13-parameter law", DEVIATIONS),
    "largest_deviations": Content("Largest deviations from each law", DEVIATIONS),
    "across": Content("Misses and distances across conditions", DEVIATIONS),
    "normalised_change": Content("Change of the deviations by training", DEVIATIONS),
    "typicality_figure": Content("Scatter of members against the law's", DEVIATIONS),
    "wasserstein": Content("Distance from the start by epoch", DISTANCES),
    "from_start": Content("Distance from the start of a trajectory", DISTANCES),
    "ensemble_map": Content("Map of all ensembles", DISTANCES),
    "distance_matrix": Content("Distances between conditions", DISTANCES),
    "singular_values": Content("Singular values", SPECTRA),
    "level_statistics": Content("Spacings of singular values", SPECTRA),
    "singular_vectors": Content("Singular vectors", SPECTRA),
    "hill": Content("Tails of singular values", SPECTRA),
    "lazy_rich": Content("From rich to lazy training", SPECTRA),
    "rank_by_classes": Content("Learned rank by the number of classes", SPECTRA),
}

#: Tables that a page of the report shows.
TABLES: Mapping[str, Content] = {
    name: Content(title, TABLES_AND_COSTS)
    for name, title in {
        "claims": "Claims",
        "findings": "Findings",
        "deviations": "Deviations, ranked",
        "conditions": "Conditions",
        "members": "Members",
        "learning_curves": "Learning curves",
        "skipped": "Arrays that are left out",
        "catalogue": "Invariants",
        "parameters": "Parameters of the 13-parameter law",
        "typicality": "Scatter of members",
        "admissibility": "Covariance blocks",
        "misses": "Misses of laws as a whole",
        "comparison": "Laws on held-out networks",
        "symmetry": "Tests of symmetries",
        "entries": "Entries of weights, in bins",
        "eigenvalues": "Eigenvalues by distance from 0",
        "couplings": "Couplings of the interacting law",
        "scores": "Scores of laws",
        "interacting_predictions": "Predictions of the interacting law",
        "network_law": "Pairs of layers",
        "drawn_networks": "Networks drawn from laws",
        "noise_scale_parameters": "Laws at each learning rate and batch size",
        "noise_scale_comparisons": "Pairs of learning rates and batch sizes",
        "noise_scale": "What laws depend on, rate or batch size",
        "distances": "Wasserstein distances",
        "spectra_table": "Statistics of spectra",
        "ranks": "Singular vectors by rank",
        "cost": "Costs of jobs",
    }.items()
}


@dataclass(frozen=True)
class File:
    """A file of results.

    Attributes
    ----------
    path
        From the folder of the results.
    content
        What it shows, and where in the report.
    networks
        The networks that it is about, in words; empty for the whole study.
    """

    path: str
    content: Content
    networks: str = ""

    @property
    def words(self) -> str:
        """What the file shows, of which networks."""
        return in_words(self.content, self.networks)


def in_words(content: Content, networks: str) -> str:
    """Say what a file shows, and of which networks if not of the whole study."""
    return f"{content.title}: {networks}" if networks else content.title
