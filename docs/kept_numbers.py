"""Tables of docs/results/README.md, made of the results that are kept beside it.

A study that has not been run yet has no rows, and its cells say so.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from weightlaws.inference.claims import HOLDS
from weightlaws.inference.claims_networks import SINGLE_TRACE
from weightlaws.inference.claims_table import CLAIMS
from weightlaws.laws.names import BIPARTITE, CHOSEN, ONE_SIDED
from weightlaws.storage.tables import read_table

#: Key, header and rows of a table.
Table = tuple[str, list[str], list[list[str]]]

#: Studies that are compared with the papers, and what they are of.
STUDIES = {
    "depth": "784-10-10-10-10",
    "width": "784-n-n-10",
    "rich-lazy": "784-512-512-512-10",
    "classes-mnist": "784-128-128-128-n",
}
LAWS, RICH_LAZY, CLASSES = ("depth", "width"), "rich-lazy", "classes-mnist"
NOT_RUN = "not run yet"

# The study at full size that tests a claim, by its name or the first letter of it.
_OF_CLAIMS = {
    **{"H8": "width", "H": "depth", "B": "depth", "O": "depth"},
    **{"T": RICH_LAZY, "N1": CLASSES},
}

#: A quartic, as tables of couplings name it.
COLUMN_NORMS = "ia.ia.ja.ja"
# Studies of laws that interact, their couplings that are shown, and the laws beside them.
_INTERACTING = ("depth",)
_COUPLINGS = {
    "tr (W W^T)^2": SINGLE_TRACE,
    "column norms": COLUMN_NORMS,
    "whole norm": "ia.ia.jb.jb",
}
_GAINING = (BIPARTITE, ONE_SIDED, CHOSEN)
_LEVEL = 0.05

# Members of the published ensembles.
_PUBLISHED_MEMBERS = 1000
_FITTED = [f"I{k}" for k in range(1, 14)]
# Whose claims these studies test; N2 is that of studies/optimisers.yaml.
_SOURCES = ("arXiv:2510.05218", "arXiv:2203.14661", "others, 2026")


def tables(docs: Path) -> Iterator[Table]:
    """Yield the tables, of the claims of the default study and of the results kept below `docs`."""
    folders = {name: docs / "results" / name for name in STUDIES}
    kept = {name: folder for name, folder in folders.items() if folder.is_dir()}
    claims = {name: read_table(folder / "claims.csv") for name, folder in kept.items()}
    claims = {"default": read_table(docs / "claims.csv"), **claims}
    yield _studies(kept)
    yield _claims(claims)
    yield _unlike(claims)
    yield _deviations(kept)
    yield _distances(kept)
    yield _spectra(kept)
    yield _classes(kept)
    yield _interacting(kept)
    yield _labels(kept)
    yield _jobs(kept)


def with_error(value: float, error: float, digits: int) -> str:
    """Write 4.7 ± 0.4."""
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def study_of(claim: str) -> str | None:
    """Return the study at full size that tests a claim, if there is one."""
    return _OF_CLAIMS.get(claim, _OF_CLAIMS.get(claim[0]))


def _studies(kept: dict[str, Path]) -> Table:
    rows = []
    for name, of in STUDIES.items():
        row = [f"`{name}`", of, NOT_RUN, "", "", "", ""]
        if name in kept:
            folder = kept[name]
            conditions = read_table(folder / "tables/conditions.csv")
            cost, claims = read_table(folder / "cost.csv"), read_table(folder / "claims.csv")
            versions = yaml.safe_load((folder / "versions.yaml").read_text())
            processors = {
                engine["processor"]
                for made in versions["made_with"]["weights"]
                for engine in made["trained_by"]
            }
            verdicts = claims["verdict"].value_counts()
            row = [
                f"[`{name}`]({name}/README.md)",
                of,
                f"{conditions['members'].sum():,} in {len(conditions)} conditions",
                ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()),
                f"{cost['seconds'].sum() / 3600:.1f} h",
                f"{cost['cpu_seconds'].sum() / 3600:.1f} h",
                ", ".join(sorted(processors)),
            ]
        rows.append(row)
    head = ["study", "of", "networks", "claims", "time of all jobs", "of a processor", "processor"]
    return "kept.studies", head, rows


def _claims(found: dict[str, pd.DataFrame]) -> Table:
    """Return the verdicts on claims of papers, study by study."""
    studies = ("default", *STUDIES)
    verdicts = {name: claims.set_index("claim") for name, claims in found.items()}
    rows = []
    for claim in CLAIMS:
        if claim.source in _SOURCES:
            cells = (
                _verdict(verdicts[name].loc[claim.name]) if name in verdicts else NOT_RUN
                for name in studies
            )
            rows.append([f"{claim.name}, {claim.source}", claim.statement, *cells])
    return "kept.claims", ["claim", "statement", *(f"`{name}`" for name in studies)], rows


def _verdict(row: "pd.Series") -> str:
    """Write a verdict with its number; nothing of a study that lacks what the claim needs."""
    if pd.isna(row["value"]):
        return ""
    return f"**{row['verdict']}**: {row['value']:.3g} ({row['low']:.3g} to {row['high']:.3g})"


def _unlike(found: dict[str, pd.DataFrame]) -> Table:
    """Return the claims of papers that do not hold throughout, and which of the reasons it is."""
    rows = []
    for name, claims in found.items():
        tested = claims["source"].isin(_SOURCES) & claims["value"].notna()
        for _, row in claims[tested & (claims["verdict"] != HOLDS)].iterrows():
            places = re.search(r"of \d+ places? .*?(?=\.( |$))", row["note"])
            unlike = most_unlike(row["note"])
            reason = "substance" if unlike else "sample size"
            cells = [places[0] if places else "", reason, unlike]
            rows.append([row["claim"], f"`{name}`", *cells])
    return "kept.unlike", ["claim", "study", "places", "which it is", "disagrees most"], rows


def most_unlike(note: str) -> str:
    """Return the place that disagrees most with a claim, as its note names it; empty if none."""
    found = re.search(r"unlike .*? says: (.*?)(?:; |\. |$)", note)
    return found[1] if found else ""


def _deviations(kept: dict[str, Path]) -> Table:
    """Return how far invariants are from the start and from the 13-parameter law."""
    rows = []
    for name, table in _tables(kept, "invariants"):
        members = _members(kept[name])
        first, last = table["epoch"].min(), table["epoch"].max()
        for (condition, layer), part in table.groupby(["condition", "layer"], sort=False):
            by_epoch = {epoch: rows.set_index("published") for epoch, rows in part.groupby("epoch")}
            start, end = by_epoch[first], by_epoch[last]
            fitted = end.loc[_FITTED, "deviation_start"]
            d, d_0 = end["deviation_sd"].dropna(), start["deviation_sd"].dropna()
            change = ((d - d_0) / (d + d_0)).dropna()
            scale = np.sqrt(_PUBLISHED_MEMBERS / members[condition])
            rows.append(
                [
                    condition,
                    f"`{layer}`",
                    str(members[condition]),
                    f"{fitted.max():.0f} ({fitted.idxmax()})",
                    f"{scale * fitted.max():.0f}",
                    f"{d_0.max():.2f} ({d_0.idxmax()})",
                    f"{d.max():.2f} ({d.idxmax()})",
                    f"{change.min():+.2f}, {change.mean():+.2f}, {change.max():+.2f}",
                ]
            )
    head = ["condition", "layer", "networks", "I1 to I13 from the start", "of 1000 networks"]
    head += ["I14 to I52 from the law, at the start", "after training", "normalised change"]
    return "kept.deviations", head, rows


def _distances(kept: dict[str, Path]) -> Table:
    """Return how far ensembles are from the law that they were drawn from, after training."""
    rows = []
    for _, table in _tables(kept, "distances"):
        table = table[table["reference"] == "initial law"]
        for _, row in table[table["epoch"] == table["epoch"].max()].iterrows():
            rows.append(
                [
                    row["condition"],
                    f"`{row['layer']}`",
                    f"{row['w2_squared']:.3g} ± {row['w2_squared_standard_error']:.1g}",
                    f"{row['w2_squared_floor_mean']:.2g}",
                    f"{row['w2']:.3g}",
                ]
            )
    head = ["condition", "layer", "W2 squared", "of networks at the start", "W2"]
    return "kept.distances", head, rows


def _spectra(kept: dict[str, Path]) -> Table:
    """Return what spectra say of rich and lazy networks."""
    rows = []
    for name, table in _tables(kept, "spectra", RICH_LAZY):
        conditions = read_table(kept[name] / "tables/conditions.csv").set_index("condition")
        last = table[table["epoch"] == table["epoch"].max()]
        for (condition, layer), part in last.groupby(["condition", "layer"], sort=False):
            alone = part[part["null"].isna()].set_index("statistic")
            random = part[part["null"] == "Gaussian"].set_index("statistic")
            rows.append(
                [
                    f"{conditions.loc[condition, 'output_scale']:g}",
                    f"`{layer}`",
                    *(_with_error(alone.loc[s]) for s in ("learned_rank", "informative_vectors")),
                    _beside_null(random.loc["mean_ratio"], 3),
                    _beside_null(random.loc["brody"], 2),
                    f"{alone.loc['share_power_law', 'value']:.0%}",
                    _with_error(alone.loc["distance_travelled"], 2),
                ]
            )
    head = ["alpha", "layer", "learned rank", "informative vectors", "mean ratio (random; p)"]
    head += ["Brody (random; p)", "tails called a power law", "distance travelled"]
    return "kept.spectra", head, rows


def _classes(kept: dict[str, Path]) -> Table:
    """Return the learned rank by the number of classes."""
    rows = []
    for name, table in _tables(kept, "spectra", CLASSES):
        conditions = read_table(kept[name] / "tables/conditions.csv").set_index("condition")
        ranks = table[(table["statistic"] == "learned_rank") & table["null"].isna()]
        ranks = ranks[ranks["epoch"] == ranks["epoch"].max()]
        for condition, part in ranks.groupby("condition", sort=False):
            one, by_layer = conditions.loc[condition], part.set_index("layer")
            layers = [layer for layer in one["layers"].split() if not layer.endswith("-output")]
            rows.append(
                [
                    "plain" if pd.isna(one["output_scale"]) else f"{one['output_scale']:g}",
                    str(one["outputs"]),
                    str(one["outputs"] - 1),
                    *(_with_error(by_layer.loc[layer]) for layer in layers),
                ]
            )
    head = ["alpha", "classes", "claimed", "`input-hidden1`", "`hidden1-hidden2`"]
    return "kept.classes", [*head, "`hidden2-hidden3`"], rows


def _interacting(kept: dict[str, Path]) -> Table:
    """Return the couplings of quartics, times 1000, and what laws gain in score, after training."""
    rows = []
    for name, couplings in _tables(kept, "couplings", *_INTERACTING):
        scores = read_table(kept[name] / "tables/scores.csv")
        gains = scores[scores["epoch"] == scores["epoch"].max()].set_index(
            ["condition", "layer", "law"]
        )
        for (condition, layer), part in couplings.groupby(["condition", "layer"], sort=False):
            by_name = part.set_index("invariant")
            first = part[part["step"] == 1].iloc[0]
            found = (gains.loc[condition, layer].reindex([law]).iloc[0] for law in _GAINING)
            rows.append(
                [
                    condition,
                    f"`{layer}`",
                    f"`{first['invariant']}` ({_digits(first['path_gain'], 3)})",
                    *(_coupling(by_name.loc[invariant]) for invariant in _COUPLINGS.values()),
                    *(_gain(row) for row in found),
                ]
            )
    head = ["condition", "layer", "joins first (gain)", *_COUPLINGS]
    return "kept.interacting", [*head, *(f"gain: {law}" for law in _GAINING)], rows


def _coupling(row: "pd.Series") -> str:
    star = " *" if row["p_adjusted"] <= _LEVEL else ""
    return f"{1000 * row['coupling']:+.3g} ± {1000 * row['standard_error']:.2g}{star}"


def _gain(row: "pd.Series") -> str:
    if pd.isna(row["gain"]):
        return ""
    return f"{_digits(row['gain'], 3)} ± {_digits(row['gain_standard_error'], 1)}"


def _digits(value: float, n: int) -> str:
    """Write so many significant digits, without powers of ten."""
    return np.format_float_positional(value, n, unique=False, fractional=False, trim="-")


def _labels(kept: dict[str, Path]) -> Table:
    """Return the test that labelled ends tell of layers that go together, by epoch."""
    rows, epochs = [], []
    for _, table in _tables(kept, "network_law", *_INTERACTING):
        table = table[table["statistic"] == "labels"].sort_values("epoch", kind="stable")
        epochs = [f"epoch {epoch}" for epoch in table["epoch"].unique()]
        for (condition, hidden), part in table.groupby(["condition", "hidden"], sort=False):
            tests = zip(part["z"], part["p_adjusted"], strict=True)
            cells = (f"{_digits(z, 3)} ({p:.2g})" for z, p in tests)
            rows.append([condition, f"`{hidden}`", *cells])
    return "kept.labels", ["condition", "layer", *epochs], rows


def _jobs(kept: dict[str, Path]) -> Table:
    """Return the mean time and the largest memory of the jobs of a rule, study by study."""
    cells: dict[str, dict[str, str]] = {}
    names = [name for name in (*LAWS, RICH_LAZY) if name in kept]
    for name in names:
        for rule, part in read_table(kept[name] / "cost.csv").groupby("rule"):
            seconds = part["seconds"].sum() / part["jobs"].sum()
            if seconds >= 2:
                taken = f"{seconds:.0f} s, {part['largest_rss_mb'].max():.0f} MB"
                cells.setdefault(str(rule), {})[name] = taken
    rows = [[rule, *(cells[rule].get(name, "") for name in names)] for rule in sorted(cells)]
    return "kept.jobs", ["rule", *(f"`{name}`" for name in names)], rows


def _tables(kept: dict[str, Path], table: str, *names: str) -> Iterator[tuple[str, pd.DataFrame]]:
    for name in names or LAWS:
        if name in kept:
            yield name, read_table(kept[name] / f"tables/{table}.csv")


def _members(folder: Path) -> "pd.Series[int]":
    return read_table(folder / "tables/conditions.csv").set_index("condition")["members"]


def _with_error(row: "pd.Series", digits: int = 1) -> str:
    return with_error(row["value"], row["standard_error"], digits)


def _beside_null(row: "pd.Series", digits: int) -> str:
    if pd.isna(row["value"]):
        return ""
    return f"{row['value']:.{digits}f} ({row['null_mean']:.{digits}f}; {row['p_value']:.2g})"
