"""The analysis of one trained network: a row a layer, with what random matrices explain of it."""

import base64
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from weightlaws.arrays import Floats, Shape
from weightlaws.errors import WeightLawsError
from weightlaws.external import networks
from weightlaws.external.layers import Layer
from weightlaws.external.numbers import Matrix
from weightlaws.external.selection import Selection
from weightlaws.figures.spectra import one_layer
from weightlaws.figures.style import Style
from weightlaws.single_network.null_cache import NullCache
from weightlaws.single_network.page import Picture, page
from weightlaws.single_network.weightwatcher_metrics import METRICS, metrics
from weightlaws.spectra import analysis as spectra
from weightlaws.spectra.curves import curves_table
from weightlaws.spectra.marchenko_pastur import MIN_VALUES
from weightlaws.spectra.shards import LayerSpectra
from weightlaws.spectra.spectra_job import Nulls, ranks_table, statistics_table
from weightlaws.spectra.spectra_shard_job import one_member
from weightlaws.storage.disk_file import replacing, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

#: What our own analysis finds, in the order of the table's columns.
MEASURED = (
    "outliers",
    "explained_by",
    "learned_rank",
    "informative_vectors",
    "mean_ratio",
    "brody",
    "tail_verdict",
)
#: All columns of the table.
COLUMNS = ("layer", "rows", "columns", *MEASURED, *METRICS, "notes")

_STYLE = Style(column_width=4.6, font_scale=1.0)
_DOTS_PER_INCH = 100
# The band that a figure draws needs fewer random matrices than a p-value.
_FOR_BANDS = 100
# Notes of `spectra.Analysis` by the column that they are on; others go by their own name.
_ON = {"outliers_above": "outliers", "vectors": "informative_vectors", "tail": "tail_verdict"}
_SAID = (
    *("outliers", "learned_rank", "informative_vectors", "mean_ratio", "brody", "tail_verdict"),
    *("zero_rows", "zero_columns", "duplicate_rows", "duplicate_columns", "symmetric"),
)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Effort:
    """How many random matrices and copies a layer is compared with.

    Attributes
    ----------
    most, wide
        Random matrices of a layer's shape; and of layers whose shorter side is above `WIDE`.
    sign_flips
        See `spectra.analysis.analyse`. One in 1 + ``sign_flips`` decisions on the learned rank
        errs.
    """

    most: int
    wide: int
    sign_flips: int

    def matrices(self, shape: Shape) -> int:
        """Return the number of random matrices of a shape."""
        return self.wide if min(shape) > WIDE else self.most

    def __str__(self) -> str:
        """Say it in words."""
        many = f"{self.most} random matrices of its shape"
        if self.wide != self.most:
            many += f" ({self.wide} if both its sides are above {WIDE})"
        return f"{many} and {self.sign_flips} copies with random signs"


#: Singular values from which on a layer counts as wide: a random matrix takes 30 ms there.
WIDE = 1024
WHOLE, QUICK = Effort(1000, 200, 39), Effort(100, 100, 19)


@dataclass(frozen=True)
class NetworkAnalysis:
    """What `analyse` found.

    Attributes
    ----------
    name
        Of the network.
    table
        A row a layer; the columns are `COLUMNS`. NaN stands for what is not determined; ``notes``
        say why.
    skipped
        ``name`` and ``reason`` of each parameter that is no layer.
    share
        Of all trained weights those in the layers.
    effort
        What the layers were compared with.
    """

    name: str
    table: pd.DataFrame
    skipped: pd.DataFrame
    share: float
    effort: Effort
    _spectra: Mapping[str, LayerSpectra] = field(repr=False)
    _nulls: NullCache = field(repr=False)

    def plot(self, layer: str) -> "Figure":
        """Draw a layer's singular values, their spacings, the singular vectors and the tail.

        Raises
        ------
        WeightLawsError
            If there is no such layer, or nothing of it to draw.
        """
        if layer not in self._spectra:
            raise WeightLawsError(
                f"{self.name}: layer",
                repr(layer),
                f"one of {', '.join(self.table['layer'])}",
                "name one of them",
            )
        found = self._spectra[layer]
        if not found.singular_values.any() or found.singular_values.shape[1] < 2:
            raise WeightLawsError(
                f"{self.name}: layer {layer}",
                "fewer than two singular values or none above 0",
                "a spectrum",
                "draw another layer",
            )
        return one_layer(self._tables(layer, found), _STYLE)

    def _tables(self, layer: str, found: LayerSpectra) -> dict[str, pd.DataFrame]:
        """Return the tables of one layer that figures of studies are drawn from."""
        (inner,), (bulk,) = found.inner_shapes(), found.bulk_shapes()
        nulls = Nulls(
            [self._nulls.null(inner, self.effort.matrices(inner))],
            [self._nulls.null(bulk, _FOR_BANDS)],
        )
        tables = {
            "statistics": statistics_table(found, nulls, np.random.default_rng(0)),
            "ranks": ranks_table(found),
            "curves": curves_table(found, nulls.of_bulks),
        }
        rows, columns = found.shape
        for table in tables.values():
            table[["condition", "layer"]] = self.name, layer
            table[["rows", "columns", "epoch", "members"]] = rows, columns, 0, 1
        return tables

    def to_html(self, path: str | Path) -> None:
        """Write a page with the tables and a figure of each layer, which needs nothing beside it.

        Raises
        ------
        WeightLawsError
            If it cannot be written.
        """
        path = Path(path)
        pictures = (self._picture(layer) for layer in self._spectra)
        text = page(self.name, self.table, self.skipped, self.share, str(self.effort), pictures)
        with writing(path), replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")

    def _picture(self, layer: str) -> Picture:
        try:
            figure = self.plot(layer)
        except WeightLawsError as error:
            return Picture(reason=str(error))
        drawn = io.BytesIO()
        with _STYLE.in_use():
            figure.savefig(drawn, format="png", dpi=_DOTS_PER_INCH)
        return Picture(base64.b64encode(drawn.getvalue()).decode())


def analyse(
    source: "networks.Source",
    seed: int = 0,
    *,
    quick: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    state_dict: str | None = None,
    progress: Progress | None = None,
) -> NetworkAnalysis:
    """Analyse the weight matrices of one trained network.

    Random matrices of each shape are simulated once, and kept in the user's cache.

    Parameters
    ----------
    source
        A ``torch.nn.Module``, a state dict, the path of a file or folder of weights, or
        ``torchvision:<name>``: see `external.networks`.
    seed
        Of all that is drawn from the network's own matrices. The same seed gives the same numbers.
    quick
        Compare with fewer random matrices and copies: see `Effort`.
    include, exclude, state_dict
        See `external.selection.Selection`.
    progress
        Is told the number of layers that are done, of all, and the name of the next one.

    Raises
    ------
    WeightLawsError
        As `external.networks.opened` does.

    Examples
    --------
    >>> import numpy as np, weightlaws
    >>> weight = np.random.default_rng(1).standard_normal((20, 30))
    >>> weight[:4, :4] += 20.0
    >>> found = weightlaws.analyse({"fc.weight": weight, "fc.bias": np.zeros(20)}, quick=True)
    >>> found.table[["layer", "rows", "columns", "outliers", "learned_rank"]].to_dict("records")
    [{'layer': 'fc', 'rows': 20, 'columns': 30, 'outliers': 1.0, 'learned_rank': 1.0}]
    >>> [*found.skipped["name"]]
    ['fc.bias']
    """
    effort, nulls = QUICK if quick else WHOLE, NullCache()
    rows, found = [], dict[str, LayerSpectra]()
    with networks.opened(
        source, selection=Selection(tuple(include), tuple(exclude), state_dict)
    ) as network:
        layers, tell = {**network.layers}, progress or (lambda *_: None)
        tell(0, len(layers), next(iter(layers)))
        for done, (name, matrix) in enumerate(network.matrices()):
            tell(done, len(layers), name)
            one = _analysed(name, matrix, seed, effort, nulls)
            found[name] = one_member(one)
            rows.append(_row(layers[name], matrix, one))
        tell(len(layers), len(layers), "")
        skipped = pd.DataFrame(network.skipped.items(), columns=["name", "reason"])
        table = pd.DataFrame(rows, columns=[*COLUMNS])
        return NetworkAnalysis(network.name, table, skipped, network.share, effort, found, nulls)


def _analysed(
    name: str, matrix: Matrix, seed: int, effort: Effort, nulls: NullCache
) -> spectra.Analysis:
    shape = matrix.shape[0], matrix.shape[1]
    return spectra.analyse(
        matrix,
        # Seeded by the layer's name, so that other layers change nothing here.
        np.random.default_rng([seed, *f"layer/{name}".encode()]),
        null=nulls.null(shape, effort.matrices(shape)),
        permutations=0,
        sign_flips=effort.sign_flips,
    )


def _row(layer: Layer, matrix: Matrix, one: spectra.Analysis) -> dict[str, Any]:
    """Return a layer's row of the table."""
    rows, columns = one.shape
    outliers = one.values["outliers_above"]
    said = {_ON.get(name, name): note for name, note in one.notes.items()}
    if len(one.singular_values) < MIN_VALUES:
        outliers = float("nan")
    unknown = np.isnan(one.vectors.p_left).all()
    # Zeros to rounding are 0 in an analysis, but not for WeightWatcher.
    values = one.singular_values if one.singular_values[-1] > 0 else None
    theirs, why = metrics(matrix, layer.kernel, values)
    notes = {name: said[name] for name in _SAID if name in said} | why
    return {
        "layer": layer.name,
        "rows": rows,
        "columns": columns,
        "outliers": outliers,
        "explained_by": explained_by(outliers, one.learned_rank, one.sign_flipped),
        "learned_rank": one.learned_rank,
        "informative_vectors": float("nan") if unknown else float(one.n_informative_vectors),
        "mean_ratio": one.mean_ratio,
        "brody": one.brody,
        "tail_verdict": one.tail_verdict,
        **theirs,
        "notes": "; ".join([*layer.notes, *_rank(one), *_words(notes)]),
    }


def explained_by(outliers: float, learned_rank: float, copies: Mapping[str, Floats]) -> str:
    """Say what of a layer's outliers is learned, and what a pattern of scales explains.

    As many as the learned rank are more than scale. Of the others scale explains as many as
    sign-flipped copies have on average. What is left is explained by neither: it is more than
    copies have, and too little to count as learned.

    Returns
    -------
    str
        Such as ``learned 3, scale 2``; empty of no outliers, or where they are not known.
    """
    if not outliers > 0 or np.isnan(learned_rank):
        return ""
    learned = min(outliers, learned_rank)
    typical = np.nan_to_num(copies["outliers_above"]).mean() if len(copies["outliers_above"]) else 0
    scale = min(outliers - learned, round(float(typical)))
    counts = {"learned": learned, "scale": scale, "neither": outliers - learned - scale}
    return ", ".join(f"{what} {count:.0f}" for what, count in counts.items() if count)


def _rank(one: spectra.Analysis) -> Iterator[str]:
    """Note how many singular values are 0, beyond those of rows or columns of zeros."""
    n, zeros = min(one.inner), int((one.singular_values[: min(one.inner)] == 0).sum())
    if zeros:
        yield f"rank {n - zeros}: {zeros} of {n} singular values are 0 to rounding"


def _words(notes: Mapping[str, str]) -> Iterator[str]:
    """Say each reason once, with all that it is a reason for."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in notes.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield f"{', '.join(names)}: {reason}"
