"""Write measured numbers into the pages, from stored results.

    python docs/measured.py measure RESULTS OTHER ... --classes FOLDER ...
    python docs/measured.py write

A page has its numbers between marks, ``<!-- key -->4.7 ± 0.4<!-- / -->``. `measure` reads results
of the default study, of the same with other seeds, and of the studies in `SIDE`, whose folders are
options of their names. It stores each text by its key in numbers.json. `write` stores those alone
that are made of files beside this one: tables of simulation studies, claims of the default study,
comparisons of rates and batch sizes, and results that are kept. Both then write the pages.
"""

import argparse
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import kept_numbers
import numpy as np
import pandas as pd
import yaml
from kept_numbers import COLUMN_NORMS
from scipy import stats

from weightlaws.figures.words import text_words
from weightlaws.inference.claims import FAILS, HOLDS, IN_PART, NOT_TESTED, Evidence
from weightlaws.inference.claims_networks import SINGLE_TRACE
from weightlaws.inference.claims_table import CLAIMS, claims_table
from weightlaws.inference.noise_scale import scaling_table
from weightlaws.inference.noise_scale_names import RATIO, ROOT, SAME_TIME
from weightlaws.planning.disk_space import disk_estimate
from weightlaws.planning.specs import titles
from weightlaws.planning.stages import STAGES
from weightlaws.storage.tables import read_table, read_tables
from weightlaws.study.study import Study as Configured
from weightlaws.study.study import parse_study

DOCS = Path(__file__).parent
STORED = DOCS / "numbers.json"
PAGES = (
    DOCS.parent / "README.md",
    DOCS / "how-to/cluster.md",
    DOCS / "results/README.md",
    *sorted((DOCS / "background").glob("*.md")),
)

_MARK = re.compile(r"<!-- ([a-z][\w.-]*) -->(.*?)<!-- / -->", re.DOTALL)

#: Studies beside the default one, files in studies/.
SIDE = ("classes", "interacting", "choices", "optimisers")

DEEP, WIDE = "digits-10x10x10-gaussian-decay0", "digits-128x128x128-gaussian-decay0"
LAST = 50


def written(page: str) -> dict[str, list[str]]:
    """Return the texts between marks by key; a key can stand in several places."""
    found: dict[str, list[str]] = {}
    for key, text in _MARK.findall(page):
        found.setdefault(key, []).append(text)
    return found


def filled(page: str, numbers: Mapping[str, str]) -> str:
    """Return a page with the stored texts between its marks.

    Raises
    ------
    KeyError
        If a key is not stored.
    """
    return _MARK.sub(lambda mark: f"<!-- {mark[1]} -->{numbers[mark[1]]}<!-- / -->", page)


def write_pages() -> None:
    """Fill all pages from the stored numbers."""
    numbers = json.loads(STORED.read_text())
    for path in PAGES:
        path.write_text(filled(path.read_text(), numbers))


class Study:
    """The tables of one run that numbers are made of."""

    def __init__(self, folder: Path) -> None:
        def joined(name: str) -> pd.DataFrame:
            table = pd.concat(map(read_table, sorted((folder / name).glob("*.csv"))))
            return table[table["selection"] == "all"]

        self.findings = read_table(folder / "findings.csv")
        self.findings = self.findings[self.findings["selection"] == "all"]
        self.significance, self.omnibus = joined("significance"), joined("omnibus")
        self.comparison, self.symmetry = joined("comparison"), joined("symmetry")
        self.spectra = read_table(folder / "spectra.csv").fillna({"null": ""})

    def finding(self, condition: str, layer: str, epoch: int = LAST) -> pd.Series:
        """Return the row of the findings of one place."""
        return row_of(self.findings, condition=condition, layer=layer, epoch=epoch)

    def deviation(
        self, condition: str, layer: str, law: str, invariant: str, epoch: int = LAST
    ) -> pd.Series:
        """Return the row of one test."""
        place = {"condition": condition, "layer": layer, "epoch": epoch}
        return row_of(self.significance, **place, law=law, invariant=invariant)

    def spectrum(
        self, condition: str, layer: str, statistic: str, epoch: int = LAST, null: str = ""
    ) -> pd.Series:
        """Return the row of one statistic of spectra."""
        place = {"condition": condition, "layer": layer, "epoch": epoch}
        return row_of(self.spectra, **place, statistic=statistic, null=null)


def row_of(table: pd.DataFrame, **values: str | int) -> pd.Series:
    """Return the row of a table with these values, empty if there is none."""
    alike = [table[name] == value for name, value in values.items()]
    return table[np.logical_and.reduce(alike)].squeeze(axis=0)


def with_interval(row: pd.Series) -> str:
    """Write a deviation with its interval."""
    return f"{row['deviation_sd']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"


def span(values: Iterable[float], digits: int) -> str:
    """Write the least and the largest of some values."""
    # Adding 0.0 makes -0.0 the same number as 0.0.
    values = [round(value, digits) + 0.0 for value in values]
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} to {high}"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a Markdown table that stands between marks on lines of their own."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    # Markdown takes a table for text if no empty line stands before it.
    return "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n\n"


HIDDEN = {"hidden1-hidden2": "first", "hidden2-hidden3": "second"}
TRACE = "ij.ik.lj.lk"  # tr (W W^T)^2
ALPHAS = {"0.25": "-alpha0.25", "1": "-alpha1", "plain": "", "4": "-alpha4", "16": "-alpha16"}
RANK_LAYERS = ("input-hidden1", "hidden1-hidden2", "hidden2-hidden3", "hidden3-output")


def gains(study: Study, others: list[Study]) -> Iterator[tuple[str, str]]:
    """Yield what larger laws gain on held-out members, with the gains of other seeds."""
    decay = DEEP.replace("decay0", "decay0.01")
    uniform = decay.replace("gaussian", "uniform")
    places = {
        "h23": (DEEP, "hidden2-hidden3", "bipartite"),
        "h12": (DEEP, "hidden1-hidden2", "bipartite"),
        "h23-decay": (decay, "hidden2-hidden3", "bipartite"),
        "h23-uniform": (uniform, "hidden2-hidden3", "bipartite"),
        "out": (DEEP, "hidden3-output", "one-sided"),
        "out-decay": (decay, "hidden3-output", "one-sided"),
    }
    for key, (condition, layer, law) in places.items():
        row = study.finding(condition, layer)
        value, error = row[f"gain {law}"], row[f"gain_standard_error {law}"]
        yield f"gain.{key}", kept_numbers.with_error(value, error, 1 if value > 3 else 2)
        seeds = [other.finding(condition, layer)[f"gain {law}"] for other in others]
        yield f"gain.{key}.seeds", span(seeds, 1 if value > 3 else 2)
    diagonal = pd.concat([each.comparison for each in (study, *others)])
    losses = -diagonal.loc[diagonal["law"] == "diagonal S_D", "gain"]
    yield "gain.diagonal.loss", span(losses, 2)
    pays = (diagonal["law"] == "diagonal S_D") & (
        diagonal["gain"] > 2 * diagonal["gain_standard_error"]
    )
    yield "gain.diagonal.pays", str(int(pays.sum()))
    tests = pd.concat([each.symmetry for each in (study, *others)])
    p = tests.loc[tests["test"] == "diagonal", "p"]
    yield "symmetry.diagonal.tests", str(len(p))
    yield "symmetry.diagonal.below", str(int((p <= 0.05).sum()))
    yield "symmetry.diagonal.least", f"{p.min():.3f}"


def deviations_of_traces(study: Study, others: list[Study]) -> Iterator[tuple[str, str]]:
    """Yield how far tr (W W^T)^2 lies from the bipartite law between hidden layers."""
    conditions = {
        "784-10-10-10-10, gaussian": DEEP,
        "784-10-10-10, gaussian": "digits-10x10-gaussian-decay0",
        "784-40-40-10, gaussian": "digits-40x40-gaussian-decay0",
        "784-10-10-10-10, uniform": DEEP.replace("gaussian", "uniform"),
        "784-10-10-10-10, gaussian, decay 0.01": DEEP.replace("decay0", "decay0.01"),
    }
    rows = []
    for name, condition in conditions.items():
        for layer in HIDDEN:
            found = [study.deviation(condition, layer, "bipartite", TRACE, e) for e in (0, 10, 50)]
            if not len(found[0]):
                continue
            seeds = [
                other.deviation(condition, layer, "bipartite", TRACE)["deviation_sd"]
                for other in others
            ]
            cells = [
                with_interval(row) + (" *" if row["p_adjusted"] <= 0.05 else "") for row in found
            ]
            rows.append([f"{name}, `{layer}`", *cells, span(seeds, 2)])
    header = ["network, layer", "epoch 0", "epoch 10", "epoch 50", "epoch 50, another seed"]
    yield "trace.table", table(header, rows)
    starts = pd.concat([each.significance for each in (study, *others)])
    gaussian = starts["condition"].str.contains("gaussian") & (starts["epoch"] == 0)
    tests = starts[gaussian]
    families = tests.groupby(["layer", "condition", "law"]).ngroups * (1 + len(others))
    yield "start.families", str(families)
    yield "start.rejected", str(int((tests["p_adjusted"] <= 0.05).sum()))
    whole = pd.concat([each.omnibus for each in (study, *others)])
    p = whole.loc[whole["condition"].str.contains("gaussian") & (whole["epoch"] == 0), "p"]
    yield "start.omnibus", f"{int((p <= 0.05 / 4).sum())} of {len(p)}"


def counts(study: Study, _: list[Study]) -> Iterator[tuple[str, str]]:
    """Yield how many invariants deviate from each law after the last epoch, and verdicts."""
    last = study.significance[study.significance["epoch"] == LAST]
    found = last.assign(deviates=last["p_adjusted"] <= 0.05).groupby(
        ["condition", "layer", "law"], sort=False
    )["deviates"]
    n, of = found.sum().unstack(), found.count().unstack()
    laws = ["i.i.d.", "bipartite", "diagonal S_D", "one-sided"]
    rows = []
    for condition, layer in n.index:
        place = (condition, layer)
        cells = [
            "" if pd.isna(n[law][place]) else f"{n[law][place]:.0f} of {of[law][place]:.0f}"
            for law in laws
        ]
        row = study.finding(condition, layer)
        best = f"{row['law']}, {row['verdict']}"
        rows.append([condition.removeprefix("digits-"), f"`{layer}`", *cells, best])
    yield "counts.table", table(["condition", "layer", *laws, "best, verdict"], rows)
    best = study.findings[study.findings["epoch"] == LAST]
    yield "verdicts.layers", str(len(best))
    yield "verdicts.rejected", str(int((best["verdict"] == "rejected").sum()))


def ranks(study: Study, others: list[Study]) -> Iterator[tuple[str, str]]:
    """Yield learned ranks by layer and output scale."""
    rows = []
    for name, ending in ALPHAS.items():
        cells = [name]
        for layer in RANK_LAYERS:
            row = study.spectrum(WIDE + ending, layer, "learned_rank")
            seeds = [
                other.spectrum(WIDE + ending, layer, "learned_rank")["value"] for other in others
            ]
            text = kept_numbers.with_error(row["value"], row["standard_error"], 1)
            cells.append(f"{text} ({span(seeds, 1)})")
        rows.append(cells)
    yield "rank.table", table(["alpha", *(f"`{layer}`" for layer in RANK_LAYERS)], rows)
    for name in ("0.25", "plain", "4", "16"):
        row = study.spectrum(WIDE + ALPHAS[name], "input-hidden1", "learned_rank")
        yield f"rank.{name}", kept_numbers.with_error(row["value"], row["standard_error"], 1)
    for layer, key in (("hidden1-hidden2", "h12"), ("hidden2-hidden3", "h23")):
        row = study.spectrum(WIDE, layer, "learned_rank")
        yield f"rank.plain.{key}", kept_numbers.with_error(row["value"], row["standard_error"], 1)
    starts = pd.concat([each.spectra for each in (study, *others)])
    starts = starts[(starts["statistic"] == "learned_rank") & (starts["epoch"] == 0)]
    starts = starts[starts["condition"] == WIDE]
    yield "rank.start", span(starts["value"], 2)


def spectra_rows(study: Study, _: list[Study]) -> Iterator[tuple[str, str]]:
    """Yield the table of spectra of the wide networks."""
    shown = {
        "distance_travelled": 3,
        "outliers_above": 1,
        "learned_rank": 1,
        "informative_vectors": 1,
        "mean_ratio": 3,
        "brody": 2,
        "bulk_distance": 3,
    }
    with_p = ("mean_ratio", "brody", "bulk_distance")
    with_null = ("outliers_above", *with_p)
    rows = []
    for layer in RANK_LAYERS[:2]:
        for name, ending in ALPHAS.items():
            cells = [f"`{layer}`, {name}"]
            for statistic, digits in shown.items():
                null = "Gaussian" if statistic in with_null else ""
                row = study.spectrum(WIDE + ending, layer, statistic, null=null)
                if not len(row) or pd.isna(row["value"]):
                    cells.append("")
                    continue
                text = kept_numbers.with_error(row["value"], row["standard_error"], digits)
                cells.append(text + (f" ({row['p_value']:.3f})" if statistic in with_p else ""))
            rows.append(cells)
    header = ["layer, alpha", *(name.replace("_", " ") for name in shown)]
    yield "spectra.table", table(header, rows)


def spectra_words(study: Study, _: list[Study]) -> Iterator[tuple[str, str]]:
    """Yield the numbers of the sentences about spectra."""
    for key, layer in (("input", "input-hidden1"), ("h12", "hidden1-hidden2")):
        row = study.spectrum(WIDE, layer, "outliers_above", null="sign-flipped")
        yield f"outliers.{key}", f"{row['value']:.1f}"
        yield f"outliers.{key}.flipped", f"{row['null_mean']:.1f}"
        row = study.spectrum(WIDE, layer, "informative_vectors")
        yield f"informative.{key}", kept_numbers.with_error(row["value"], row["standard_error"], 1)
    trained = study.spectra[study.spectra["epoch"] == LAST]
    wide = trained[trained["condition"].str.startswith(WIDE) & (trained["null"] == "Gaussian")]
    named = ("mean_ratio", "brody", "spacing_distance")
    levels = wide[
        wide["statistic"].isin(named) | wide["statistic"].str.startswith("number_variance")
    ]
    p = levels["p_value"].dropna()
    yield "levels.below", f"{int((p <= 0.05).sum())} of {len(p)}"
    yield "levels.expected", f"{0.05 * len(p):.0f}"
    yield "levels.least", f"{p.min():.3f}"
    place = levels.loc[p.idxmin()]
    alpha = place["condition"].removeprefix(WIDE).removeprefix("-alpha") or "plain"
    yield "levels.least.place", f"{place['statistic']} of `{place['layer']}`, {alpha}"
    tails = trained[trained["condition"].str.startswith(WIDE)]
    power = tails[(tails["statistic"] == "share_power_law") & (tails["value"] > 0)]
    places = [
        f"`{row['layer']}` {row['condition'].removeprefix(WIDE).removeprefix('-alpha') or 'plain'}"
        for _, row in power.iterrows()
    ]
    yield "tails.power_law", ", ".join(places) or "none"
    narrow = trained[~trained["condition"].str.startswith(WIDE)]
    ranks_ = narrow[narrow["statistic"] == "learned_rank"]
    first = ranks_["layer"] == "input-hidden1"
    small = ranks_["condition"].str.contains("10x10")
    yield "narrow.input", span(ranks_.loc[first & small, "value"], 1)
    yield "narrow.others", span(ranks_.loc[~first & small, "value"], 2)
    forty = "digits-40x40-gaussian-decay0"
    row = study.spectrum(forty, "input-hidden1", "learned_rank")
    yield "forty.input", kept_numbers.with_error(row["value"], row["standard_error"], 1)
    row = study.spectrum(forty, "hidden1-hidden2", "learned_rank")
    yield "forty.h12", kept_numbers.with_error(row["value"], row["standard_error"], 2)


def classes(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the learned rank of the first layer against the number of classes less one."""
    values: dict[str, dict[int, np.ndarray]] = {}
    for path in sorted(folder.glob("spectra/*/*.h5")):
        architecture, _, ending = path.parent.name.partition("-128x128x128-gaussian-decay0")
        n = int(re.sub(r"\D", "", architecture) or 10)  # digits-5classes has 5 of the ten
        with h5py.File(path) as file:
            found = file["learned_rank/input-hidden1"][:, -1]
        by_n = values.setdefault(ending or "plain", {})
        by_n[n] = np.append(by_n.get(n, []), found)
    names = {"plain": "plain", "-alpha0.25": "0.25"}
    rows = []
    for ending, by_n in values.items():
        numbers = sorted(by_n)
        means = [
            kept_numbers.with_error(by_n[n].mean(), by_n[n].std(ddof=1) / len(by_n[n]) ** 0.5, 1)
            for n in numbers
        ]
        x = np.concatenate([np.full(len(by_n[n]), n - 1) for n in numbers])
        fit = stats.linregress(x, np.concatenate([by_n[n] for n in numbers]))
        half = stats.t.ppf(0.975, len(x) - 2) * fit.stderr
        slope = f"{fit.slope:.2f} ({fit.slope - half:.2f} to {fit.slope + half:.2f})"
        rows.append([names[ending], *means, slope])
        yield f"classes.slope.{names[ending]}", slope
    header = ["alpha", *(f"{n} classes" for n in numbers), "slope by classes - 1 (95 %)"]
    yield "classes.table", table(header, rows)


def simulations() -> Iterator[tuple[str, str]]:
    """Yield the tables of simulation studies, which stand beside the pages."""
    found = read_table(DOCS / "calibration.csv")
    null = found[found["studies"] == found["studies"].max()]
    rows = [
        [
            row["ensembles"],
            str(row["members"]),
            f"{row['family']:.1%}",
            f"{row['alone_mean']:.1%} ({row['alone_lowest']:.1%} to {row['alone_highest']:.1%})",
            f"{row['covered_mean']:.1%} ({row['covered_lowest']:.1%})",
            f"{row['omnibus']:.1%}",
        ]
        for _, row in null.iterrows()
    ]
    header = ["law", "members", "a family rejects", "single p < 5 %: mean (range)"]
    header += ["95 % intervals hold: mean (least)", "omnibus rejects"]
    yield "calibration.level", table(header, rows)
    rows = [
        [
            row["ensembles"],
            str(row["members"]),
            f"{row['family']:.0%}",
            f"`{row['sees_most']}`",
            f"{row['sees_most_share']:.0%}",
            f"{row['sees_most_deviation']:+.2f}",
            f"{row['detectable']:.2f}",
            f"{row['omnibus']:.0%}",
        ]
        for _, row in found[found["studies"] < found["studies"].max()].iterrows()
    ]
    header = ["planted", "members", "found", "sees most", "by it alone", "its median deviation"]
    header += ["found in 80 % from", "omnibus finds"]
    yield "calibration.power", table(header, rows)


def planted_claims() -> Iterator[tuple[str, str]]:
    """Yield how often claims have each verdict on ensembles whose law is known."""
    found = pd.read_csv(DOCS / "claims_planted.csv")
    rows = []
    found = found.sort_values("claim", kind="stable")
    for (claim, law), sizes in found.groupby(["claim", "law"], sort=False):
        cells = [str(claim), str(law)]
        for row in sizes.sort_values("members").to_dict("records"):
            true = row["true"].split(" or ")
            counts = (
                f"**{word} {row[word]}**" if word in true else f"{word} {row[word]}"
                for word in (HOLDS, IN_PART, FAILS, NOT_TESTED)
                if row[word]
            )
            cells += [", ".join(counts), f"{row['right']:.0%}"]
        rows.append(cells)
    header = ["claim", "law", "100 members", "right", "1000 members", "right"]
    yield "claims.planted", table(header, rows)


def claims() -> Iterator[tuple[str, str]]:
    """Yield the verdicts on claims at full size and of the default study, and where one fails."""
    found = read_table(DOCS / "claims.csv")
    config = yaml.safe_load((DOCS.parent / "config.yaml").read_text())
    words = titles(parse_study(config))
    paths = {study: DOCS / "results" / study / "claims.csv" for study in kept_numbers.STUDIES}
    kept = {s: read_table(path).set_index("claim") for s, path in paths.items() if path.is_file()}
    ratio = judged_ratio()
    rows, short = [], []
    for row in found.to_dict("records"):
        value, what = with_ends(row), [row["claim"], row["statement"]]
        place = text_words(kept_numbers.most_unlike(row["note"]), words)
        verdict = f"**{row['verdict']}**"
        rows.append([*what, row["quantity"], value, row["criterion"], verdict, place])
        study = kept_numbers.study_of(row["claim"])
        in_full = kept_numbers.NOT_RUN
        if study is None:
            in_full = ""
        elif study in kept:
            full = kept[study].loc[row["claim"]].to_dict()
            in_full = f"**{full['verdict']}** {with_ends(full)} `{study}`"
        if row["claim"] == "N2" and ratio is not None:
            in_full = f"**{ratio['verdict']}** {with_ends(ratio)} `optimisers`"
        short.append([*what, in_full, f"{verdict} {value}".strip(), row["quantity"]])
    header = ["claim", "statement"]
    columns = [*header, "quantity", "value (95 %)", "criterion", "verdict", "disagrees most"]
    yield "claims.default", table(columns, rows)
    columns = [*header, "at full size", "default study", "value (95 %): of what"]
    yield "claims.short", table(columns, short)


def with_ends(row: dict[str, Any]) -> str:
    """Write the value of a claim with its interval; nothing where there is none."""
    if pd.isna(row["value"]):
        return ""
    # Adding 0.0 makes -0.0 the same number as 0.0.
    at, low, high = (round(row[name], 2) + 0.0 for name in ("value", "low", "high"))
    return f"{at:.2f} ({low:.2f} to {high:.2f})"


def of_spectra() -> Iterator[tuple[str, str]]:
    """Yield the tables of matrices whose answer is known."""
    found = read_table(DOCS / "spectra_calibration.csv")
    found["shape"] = [f"{r} x {c}" for r, c in zip(found["rows"], found["columns"], strict=True)]
    order = found.drop_duplicates("shape").sort_values(["rows", "columns"])["shape"]
    numbers = found.drop_duplicates("shape").set_index("shape")["matrices"]
    heads = [f"{shape} ({numbers[shape]})" for shape in order]
    claims = ["share_with_outliers", "share_with_informative", "share_too_many"]
    claims += ["bulk_distance_rejects", "mean_ratio_rejects"]

    def cells(case: str, write: Callable[[pd.Series], str]) -> list[str]:
        mine = found[found["case"] == case].set_index("shape")
        return [write(mine.loc[shape]) if shape in mine.index else "" for shape in order]

    def shares(row: pd.Series) -> str:
        return " / ".join("-" if pd.isna(row[name]) else f"{row[name]:.0%}" for name in claims)

    def ranks(row: pd.Series) -> str:
        return f"{row['learned_rank']:.1f} of {row['planted']} ({row['share_too_many']:.0%})"

    empty = found.loc[found["planted"] == 0, "case"].drop_duplicates()
    planted = found.loc[found["planted"] > 0, "case"].drop_duplicates()
    yield "known.empty", table(["entries", *heads], [[c, *cells(c, shares)] for c in empty])
    yield "known.planted", table(["planted", *heads], [[c, *cells(c, ranks)] for c in planted])


def transformer() -> Iterator[tuple[str, str]]:
    """Yield what the table of the transformer's layers says."""
    found = read_table(DOCS / "transformer.csv")
    kinds = {
        "attention": found["layer"].str.contains("attention"),
        "intermediate": found["layer"].str.contains("intermediate"),
        "output": found["layer"].str.contains("output") & ~found["layer"].str.contains("attention"),
        "pooler": found["layer"].str.contains("pooler"),
    }
    blocks = found[~kinds["pooler"]]
    rows = []
    for name, column in (
        ("learned rank", "learned"),
        ("informative vectors", "informative"),
        ("outliers above", "above"),
        ("outliers below", "below"),
    ):
        parts = [found.loc[kind, column] for kind in kinds.values()]
        rows.append([name, *(_three(part) for part in parts)])
    for name, column in (("mean ratio, mean", "mean_ratio"), ("Brody parameter, mean", "brody")):
        means = [found.loc[kind, column].mean() for kind in kinds.values()]
        rows.append([name, *("" if pd.isna(mean) else f"{mean:.3f}" for mean in means)])
    tails = [(found.loc[kind, "tail"] == "power law").sum() for kind in kinds.values()]
    rows.append(["tails called a power law", *map(str, tails)])
    heads = [
        f"{name}, {' and '.join(found.loc[kind, 'shape'].unique())} ({kind.sum()})"
        for name, kind in kinds.items()
    ]
    yield "transformer.table", table(["", *heads], rows)
    yield "transformer.layers", str(len(blocks))
    for name in ("mean_ratio", "brody"):
        p = blocks[f"p_{name}"].dropna()
        yield f"transformer.{name}.below", f"{int((p <= 0.05).sum())} of {len(p)}"
    ratio = blocks["mean_ratio"]
    yield "transformer.mean_ratio", kept_numbers.with_error(ratio.mean(), ratio.sem(), 3)
    yield "transformer.p", f"{blocks['p_gaussian'].max():.3f} and {blocks['p_permuted'].max():.1f}"
    yield "transformer.learned", f"{blocks['learned'].median():.0f}"


def crossed(name: str, cells: Mapping[tuple[str, str], str]) -> str:
    """Write cells by row and column as a table; pairs that there are not stay empty."""
    rows, columns = (dict.fromkeys(pair[k] for pair in cells) for k in (0, 1))
    lines = [[row, *(cells.get((row, column), "") for column in columns)] for row in rows]
    return table([name, *columns], lines)


def speed() -> Iterator[tuple[str, str]]:
    """Yield ratios of times that the benchmark of training printed, from lowest to highest."""
    for key, name in (("speed.table", "training_speed"), ("speed.parts", "training_parts")):
        found = read_table(DOCS / f"{name}.csv")
        cells = {
            (network, of): " to ".join(dict.fromkeys(f"{end:g}" for end in ends))
            for network, of, *ends in found.itertuples(index=False)
        }
        if key == "speed.table":
            yield "speed.prefetch", cells.pop(("784-10-10-10-10", "numba engine without prefetch"))
        yield key, crossed("network", cells)


def analysis() -> Iterator[tuple[str, str]]:
    """Yield what the benchmark of analysis printed: decompositions, and shares of before."""
    found = read_table(DOCS / "analysis_cost.csv")
    cells = {
        (row["stage"], f"{row['width']} x {row['width']}"): f"{row['of_an_svd']:g}"
        + ("" if pd.isna(row["of_before"]) else f" ({row['of_before']:g})")
        for row in found.to_dict("records")
    }
    yield "analysis.table", crossed("stage", cells)


def configured(name: str) -> Configured:
    """Return a study of `studies/`, with the default study's values for keys that it lacks."""
    config = yaml.safe_load((DOCS.parent / "config.yaml").read_text())
    changes = yaml.safe_load((DOCS.parent / f"studies/{name}.yaml").read_text())
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    return parse_study(config)


def paper() -> Iterator[tuple[str, str]]:
    """Yield the core-hours and the disk of the published study, as its jobs ask for them."""
    study = configured("paper")
    rows, hours, training, longest = [], 0.0, 0.0, (0.0, "")
    for rule, stage in STAGES.items():
        jobs = [*stage.jobs(study)]
        if stage.resources is None or not jobs:
            continue
        asked = [stage.resources_of(study, job) for job in jobs]
        seconds, most = [one.seconds for one in asked], max(one.mem_mb for one in asked)
        minutes = f"{max(seconds) / 60:.1f}"
        rows.append(
            [rule, str(len(jobs)), f"{sum(seconds) / 3600:.1f}", minutes, f"{most / 1e3:.1f}"]
        )
        hours += sum(seconds) / 3600
        if rule == "train":
            training = sum(seconds) / 3600
        else:
            longest = max(longest, (max(seconds) / 3600, rule))
    rows.append(["together", str(sum(int(row[1]) for row in rows)), f"{hours:.0f}", "", ""])
    columns = ["rule", "jobs", "core-hours", "longest job, minutes", "largest job, GB"]
    yield "paper.table", table(columns, rows)
    yield "paper.analysis", f"{hours - training:.1f}"
    disk = disk_estimate(study)
    yield "paper.disk", f"{sum(disk.values()) / 1e9:.0f} GB"
    yield "paper.states", f"{disk['state'] / 1e9:.0f} GB"
    yield "paper.32-cores", f"{training / 32:.0f} h"
    yield "paper.128-cores", f"{training / 128:.1f} h"
    yield "paper.longest", f"{longest[1]}, {60 * longest[0]:.0f} minutes on one core"


STARTS = {"gaussian": "mnist-10x10x10-gaussian-decay0", "uniform": "mnist-10x10x10-uniform-decay0"}
INNER = ("hidden1-hidden2", "hidden2-hidden3", "hidden3-output")


def kept() -> Iterator[tuple[str, str]]:
    """Yield the tables of results that are kept."""
    for key, header, rows in kept_numbers.tables(DOCS):
        yield key, table(header, rows) if rows else "\n\nNot run yet.\n\n"


def of_condition(folder: Path, name: str, condition: str) -> pd.DataFrame:
    """Return a condition's table, of all members."""
    found = read_table(folder / name / f"{condition}.csv")
    return found[found["selection"] == "all"]


def interacting(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the couplings of trained layers, and how laws score on held-out members."""
    paths, singles, scores, predicted = [], [], [], []
    for start, condition in STARTS.items():
        couplings = of_condition(folder, "couplings", condition)
        scored = of_condition(folder, "scores", condition)
        predictions = of_condition(folder, "interacting_predictions", condition)
        last = couplings["epoch"].max()
        for layer in INNER:
            place = f"{start}, `{layer}`"
            mine = couplings[couplings["layer"] == layer]
            path = mine[(mine["epoch"] == last) & mine["step"].notna()].sort_values("step")
            listed = (
                f"`{row['invariant']}` {_thousandths(row)} ({row['path_gain']:.2f})"
                for _, row in path.iterrows()
            )
            paths.append([place, ", ".join(listed)])
            for name, word in ((SINGLE_TRACE, "tr (W W^T)^2"), (COLUMN_NORMS, "column norms")):
                rows = mine[mine["invariant"] == name].set_index("epoch")
                cells = (_thousandths(rows.loc[epoch]) for epoch in sorted(rows.index))
                singles.append([place, word, *cells])
            for epoch, here in scored[scored["layer"] == layer].groupby("epoch"):
                gains = here.set_index("law")[["gain", "gain_standard_error"]]
                if gains["gain"].notna().any():
                    cells = [_gain(gains, law) for law in SCORED]
                    scores.append([place, str(epoch), *cells])
            there = predictions[(predictions["layer"] == layer) & (predictions["epoch"] == last)]
            predicted.append([place, *_misses(there)])
            if (start, layer) == ("gaussian", "hidden1-hidden2"):
                for law, key in (("bipartite", "bipartite"), (CHOSEN, "chosen")):
                    yield f"interacting.{key}", _gain(gains, law)
                yield "interacting.trace", " to ".join(predicted[-1][3:5])
    epochs = [f"epoch {epoch}" for epoch in sorted(couplings["epoch"].unique())]
    yield "interacting.path", table(["start, layer", "couplings (gain)"], paths)
    yield "interacting.singles", table(["start, layer", "coupling of", *epochs], singles)
    yield "interacting.scores", table(["start, layer", "epoch", *SCORED], scores)
    trace = "tr (W W^T)^2"
    heads = ["rms, bipartite", "rms, interacting", f"{trace}, bipartite", f"{trace}, interacting"]
    heads += ["not fitted, and better"]
    yield "interacting.predicted", table(["start, layer", *heads], predicted)


CHOSEN = "interacting, chosen couplings"
SCORED = (
    *("bipartite", "diagonal S_D", "one-sided", "interacting", CHOSEN),
    "interacting, normalisable",
)


def _thousandths(row: pd.Series) -> str:
    if pd.isna(row["coupling"]):
        return "no law"
    return f"{1e3 * row['coupling']:+.2f} ± {1e3 * row['standard_error']:.2f}"


def _misses(predictions: pd.DataFrame) -> list[str]:
    """Write deviations of invariants of degree 3 and 4 from two laws, or why there are none."""
    high = predictions[predictions["degree"] > 2]
    first = high.iloc[0]
    if high["deviation_interacting"].isna().all():
        return [str(first["note"]), "", "", "", ""]
    columns = [f"deviation_{law}" for law in ("bipartite", "interacting")]
    trace = high[high["invariant"] == SINGLE_TRACE].squeeze(axis=0)
    return [
        *(f"{np.sqrt(np.square(high[column]).mean()):.3f}" for column in columns),
        *(f"{trace[column]:+.2f}" for column in columns),
        f"{first['n_better']:.0f} of {first['n_others']:.0f}",
    ]


def _gain(gains: pd.DataFrame, law: str) -> str:
    return kept_numbers.with_error(*gains.loc[law], 2) if law in gains.index else ""


# Networks of the default study with interacting laws, and the four quartics of few members.
OF_DEFAULT = {
    "10-10-10, gaussian": DEEP,
    "10-10-10, gaussian, decay 0.01": DEEP.replace("decay0", "decay0.01"),
    "10-10-10, uniform": DEEP.replace("gaussian", "uniform"),
    "10-10-10, uniform, decay 0.01": DEEP.replace("gaussian-decay0", "uniform-decay0.01"),
    "10-10, gaussian": "digits-10x10-gaussian-decay0",
    "40-40, gaussian": "digits-40x40-gaussian-decay0",
}
FOUR = {
    SINGLE_TRACE: "tr (W W^T)^2",
    "ia.ia.ib.ib": "row norms",
    COLUMN_NORMS: "column norms",
    "ia.ia.ia.ia": "entries",
}


def of_default(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what the default study says of laws beyond one Gaussian matrix."""
    quartics, scores, joined = [], [], []
    starts = 0
    for name, condition in OF_DEFAULT.items():
        couplings = of_condition(folder, "couplings", condition)
        couplings = couplings[couplings["invariant"].isin(FOUR)]
        starts += int((couplings.loc[couplings["epoch"] == 0, "p_adjusted"] <= 0.05).sum())
        last = couplings[couplings["epoch"] == LAST]
        for layer, part in last.groupby("layer", sort=False):
            rows = part.set_index("invariant")
            stars = (" *" if rows.loc[four, "p_adjusted"] <= 0.05 else "" for four in FOUR)
            cells = (_thousandths(rows.loc[four]) for four in FOUR)
            quartics.append([f"{name}, `{layer}`", *map("".join, zip(cells, stars, strict=True))])
        scored = of_condition(folder, "scores", condition)
        for layer, here in scored[scored["epoch"] == LAST].groupby("layer", sort=False):
            gains = here.set_index("law")[["gain", "gain_standard_error"]]
            scores.append([f"{name}, `{layer}`", *(_gain(gains, law) for law in SCORED)])
        joined.append([name, *_joint(folder, condition)])
    yield "default.couplings", table(["hidden widths, layer", *FOUR.values()], quartics)
    yield "default.couplings.start", str(starts)
    yield "default.scores", table(["hidden widths, layer", *SCORED], scores)
    heads = [f"sums at hidden{k}" for k in (1, 2, 3)]
    heads += ["gain of the joint law", "trained", "drawn: independent", "drawn: joint"]
    yield "default.network", table(["hidden widths", *heads], joined)


def _joint(folder: Path, condition: str) -> list[str]:
    """Write the correlations of sums, the gain of the joint law, and accuracies of drawn ones."""
    found = of_condition(folder, "network_law", condition)
    last = found[found["epoch"] == found["epoch"].max()]
    sums = last[last["statistic"] == "sums"].set_index("hidden")
    cells = [
        f"{sums.loc[hidden, 'correlation']:+.2f} ({sums.loc[hidden, 'p_adjusted']:.3f})"
        if hidden in sums.index
        else ""
        for hidden in ("hidden1", "hidden2", "hidden3")
    ]
    whole = row_of(last, hidden="all")
    cells.append(kept_numbers.with_error(whole["gain"], whole["standard_error"], 2))
    drawn = of_condition(folder, "drawn", condition)
    for law, which in (("trained", "nothing"), ("bipartite", "all"), ("joint", "all")):
        cells.append(_accuracy(row_of(drawn, epoch=drawn["epoch"].max(), law=law, drawn=which)))
    return cells


def network_law(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the tests of independent layers, what their joint law gains, and drawn networks."""
    tests, gained, drawn = [], [], []
    for start, condition in STARTS.items():
        found = of_condition(folder, "network_law", condition)
        epochs = sorted(found["epoch"].unique())
        for hidden in ("hidden1", "hidden2", "hidden3"):
            for statistic in ("sums", "norms"):
                rows = found[(found["hidden"] == hidden) & (found["statistic"] == statistic)]
                rows = rows.set_index("epoch")
                cells = (
                    f"{rows.loc[epoch, 'correlation']:+.2f} ({rows.loc[epoch, 'p_adjusted']:.3f})"
                    for epoch in epochs
                )
                tests.append([start, f"`{hidden}`", statistic, *cells])
        for part in ("totals", "hidden1", "hidden2", "hidden3", "all"):
            rows = found[(found["hidden"] == part) & found["gain"].notna()].set_index("epoch")
            cells = (
                kept_numbers.with_error(
                    rows.loc[epoch, "gain"], rows.loc[epoch, "standard_error"], 3
                )
                for epoch in epochs
            )
            gained.append([start, part, *cells])
        accuracies = of_condition(folder, "drawn", condition)
        accuracies = accuracies[accuracies["epoch"] == accuracies["epoch"].max()]
        for (law, which), row in accuracies.groupby(["law", "drawn"], sort=False):
            accuracy = row.squeeze(axis=0)
            drawn.append((start, law, which, _accuracy(accuracy)))
    heads = [f"epoch {epoch}" for epoch in epochs]
    yield "network.tests", table(["start", "layer", "statistic", *heads], tests)
    yield "network.gains", table(["start", "part", *heads], gained)
    whole = pd.DataFrame(drawn, columns=["start", "law", "drawn", "accuracy"])
    wide = whole.pivot_table(
        index="law", columns=["start", "drawn"], values="accuracy", aggfunc="first", sort=False
    )
    for start in STARTS:
        part = wide[start].fillna("")
        rows = [[law, *cells] for law, cells in zip(part.index, part.to_numpy(), strict=True)]
        yield f"network.drawn.{start}", table(["law", *part.columns], rows)


def _accuracy(row: pd.Series) -> str:
    return (
        ""
        if pd.isna(row["accuracy"])
        else kept_numbers.with_error(row["accuracy"], row["standard_error"], 3)
    )


def choices(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the law, the learned rank and the distance by optimiser and activation."""
    conditions = read_table(folder / "conditions.csv")
    findings = read_table(folder / "findings.csv")
    findings = findings[(findings["selection"] == "all") & (findings["epoch"] == LAST)]
    curves, spectra = (
        read_table(folder / f"{name}.csv") for name in ("learning_curves", "spectra")
    )
    distances = read_table(folder / "distances.csv")
    rows = []
    for _, how in conditions.iterrows():
        place = {"condition": how["condition"], "epoch": LAST}
        learned = row_of(curves, **place)
        error = learned["accuracy_sd"] / (how["members"] - 1) ** 0.5
        cells = [f"{how['optimiser']}, {how['activation']}"]
        cells.append(kept_numbers.with_error(learned["accuracy_mean"], error, 3))
        for layer in INNER:
            found = row_of(findings, **place, layer=layer)
            cells.append(f"{found['law']}, {found['verdict']}")
        mine = spectra[spectra["null"].isna()]
        rank = row_of(mine, **place, layer="input-hidden1", statistic="learned_rank")
        cells.append(kept_numbers.with_error(rank["value"], rank["standard_error"], 1))
        for layer in INNER[:2]:
            moved = row_of(distances, **place, layer=layer, reference="start")
            cells.append(f"{moved['w2']:.2f} ({moved['w2_floor_95']:.2f})")
        rows.append(cells)
    heads = ["optimiser, activation", "accuracy", *(f"`{layer}`" for layer in INNER)]
    heads += ["learned rank, `input-hidden1`", *(f"W2 travelled, `{layer}`" for layer in INNER[:2])]
    yield "choices.table", table(heads, rows)


#: Pairs of rates and batch sizes of `studies/optimisers.yaml`, from which all of it is made.
COMPARED = DOCS / "optimisers_noise_scale.csv"


def keep_compared(folder: Path) -> None:
    """Keep the comparisons that the page shows: of a hidden layer after training."""
    found = read_tables(sorted((folder / "noise_scale").glob("*.comparisons.csv")))
    found = found[(found["layer"] == INNER[0]) & (found["epoch"] == LAST)]
    found.to_csv(COMPARED, index=False, float_format="%.6g")


def judged_ratio() -> dict[str, Any] | None:
    """Judge by the kept comparisons whether rate and batch size act through their ratio: N2."""
    if not COMPARED.is_file():
        return None
    conditions = [
        {"condition": name, "dataset": one.dataset, "optimiser": one.optimiser, "epochs": LAST}
        for name, one in configured("optimisers").trained.items()
    ]
    tables = {"noise_scale_comparisons": read_table(COMPARED)}
    evidence = Evidence(tables={**tables, "conditions": pd.DataFrame(conditions)})
    (claim,) = (claim for claim in CLAIMS if claim.name == "N2")
    found: dict[str, Any] = claims_table(evidence, [claim]).iloc[0].to_dict()
    return found


def noise_scale() -> Iterator[tuple[str, str]]:
    """Yield how far laws differ that have one number of the recipe in common, and claim N2."""
    judged = judged_ratio()
    if judged is None:
        yield "noise.claim", "not judged yet"
        return
    counts = judged["note"].split(". ")[0]
    yield "noise.claim", f"**{judged['verdict']}**: {with_ends(judged)}; {counts}"
    parameters = {
        "mean": "mean",
        "v_total": "grand total",
        "v_rows": "row sums",
        "v_columns": "column sums",
        "v_rest": "rest",
    }
    optimisers = {"SGD": "-sgd", "Adam": ""}
    level = configured("optimisers").statistics.significance_level
    compared = read_table(COMPARED)
    rows, parts = [], []
    for optimiser, suffix in optimisers.items():
        for decay in ("0", "0.01"):
            recipe = compared["recipe"] == f"digits-10x10-gaussian-decay{decay}{suffix}"
            found = scaling_table(compared[recipe], level)
            parts.append(found.assign(optimiser=optimiser, decay=decay))
            for same, part in found.groupby("same", sort=False):
                by = part.set_index("parameter").loc[[*parameters]]
                cells = map(_typical, by.to_dict("records"))
                pairs = by["pairs"].iloc[0]
                significant = f"{by['significant'].sum()} of {by['pairs'].sum()}"
                rows.append([f"{optimiser}, {decay}", str(same), str(pairs), *cells, significant])
    heads = ["optimiser, decay", "in common", "pairs", *parameters.values(), "significant"]
    yield "noise.table", table(heads, rows)
    whole = pd.concat(parts)
    for key, optimiser, same, names, column in (
        ("sgd.ratio.rest", "SGD", RATIO, ["v_rest"], "typical_difference"),
        ("sgd.ratio.rest.error", "SGD", RATIO, ["v_rest"], "typical_error"),
        ("sgd.ratio.columns", "SGD", RATIO, ["v_columns"], "typical_difference"),
        ("sgd.ratio.sums.error", "SGD", RATIO, SUMS, "typical_error"),
        ("sgd.time.rest", "SGD", SAME_TIME, ["v_rest"], "typical_difference"),
        ("adam.ratio.rest", "Adam", RATIO, ["v_rest"], "typical_difference"),
        ("adam.root.rest", "Adam", ROOT, ["v_rest"], "typical_difference"),
    ):
        mine = whole[(whole["optimiser"] == optimiser) & (whole["same"] == same)]
        yield f"noise.{key}", span(mine.loc[mine["parameter"].isin(names), column], 3)
    root = whole[(whole["optimiser"] == "SGD") & (whole["same"] == ROOT)]
    yield "noise.sgd.root.most", span(root.groupby("decay")["typical_difference"].max(), 3)
    for key, same in (("ratio", RATIO), ("root", ROOT)):
        at = {"optimiser": "Adam", "decay": "0.01", "same": same, "parameter": "v_rows"}
        yield f"noise.adam.{key}.rows", _typical(row_of(whole, **at))


SUMS = ["v_total", "v_rows", "v_columns"]


def _typical(row: Mapping[str, Any] | pd.Series) -> str:
    return f"{row['typical_difference']:.3f} ({row['typical_error']:.3f})"


def _three(values: pd.Series) -> str:
    """Write smallest, median and largest, or the one value."""
    if len(values) == 1:
        return f"{values.iloc[0]}"
    return f"{values.min()}, {values.median():.0f}, {values.max()}"


def measure(folder: Path, others: Iterable[Path], side: Mapping[str, Path]) -> dict[str, str]:
    """Make all texts from stored results; ``side`` has the folders of the side studies by name."""
    study, more = Study(folder), [Study(other) for other in others]
    found: dict[str, str] = {}
    for part in (gains, deviations_of_traces, counts, ranks, spectra_rows, spectra_words):
        found.update(part(study, more))
    for of_study, results in (
        (classes, side["classes"]),
        (interacting, side["interacting"]),
        (network_law, side["interacting"]),
        (of_default, folder),
        (choices, side["choices"]),
    ):
        found.update(of_study(results))
    # Results at full size are compared with these.
    shutil.copyfile(folder / "claims.csv", DOCS / "claims.csv")
    keep_compared(side["optimisers"])
    return {**found, **beside()}


def beside() -> dict[str, str]:
    """Make the texts of tables and results that stand beside the pages."""
    parts = (
        simulations,
        planted_claims,
        claims,
        of_spectra,
        transformer,
        speed,
        analysis,
        paper,
        kept,
        noise_scale,
    )
    return {key: text for part in parts for key, text in part()}


def main() -> None:
    """Measure, or only write, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure", help="store the numbers of these results")
    measuring.add_argument("results", type=Path, help="the default study")
    measuring.add_argument("others", type=Path, nargs="+", help="the same with other seeds")
    for name in SIDE:
        measuring.add_argument(f"--{name}", type=Path, required=True, help=f"studies/{name}.yaml")
    commands.add_parser("write", help="store what stands beside the pages, and write them")
    options = parser.parse_args()
    if options.command == "measure":
        side = {name: getattr(options, name) for name in SIDE}
        numbers = measure(options.results, options.others, side)
    else:
        numbers = {**json.loads(STORED.read_text()), **beside()}
    STORED.write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")
    write_pages()


if __name__ == "__main__":
    main()
