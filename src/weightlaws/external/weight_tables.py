"""Tables of flattened weights: a row a network, with a file that says which columns are what.

The layout is that of the Small CNN Zoo (Unterthiner, Keysers, Gelly, Bousquet and Tolstikhin 2020,
"Predicting Neural Network Accuracy from Weights", arXiv:2002.11448):

======================== ==========================================================================
``weights.npy``          (network, weight), floats
``layout.csv``           ``varname``, ``start_idx``, ``end_idx``, ``size`` and ``shape`` of each
                         parameter, in TensorFlow's order: kernels are (*kernel, in, out)
``metrics.csv`` or       a row a network: ``modeldir``, the run that it comes from, and ``step``,
``metrics.csv.gz``       when the run had these weights; may be missing
======================== ==========================================================================

Of one run's rows the last is a member, or that of a named step.
"""

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from weightlaws.arrays import Integers
from weightlaws.errors import WeightLawsError
from weightlaws.external.formats.messages import WHOLE_FILE, short
from weightlaws.external.stacks import Stack, Stacked

WEIGHTS, LAYOUT, METRICS = "weights.npy", "layout.csv", ("metrics.csv", "metrics.csv.gz")

_COLUMNS = ("varname", "start_idx", "end_idx", "size", "shape")


@dataclass(frozen=True)
class WeightTable:
    """Where a table of flattened weights stands.

    Attributes
    ----------
    weights, layout
        Its files.
    metrics
        What is known of its rows; None if nothing is.
    """

    weights: Path
    layout: Path
    metrics: Path | None

    @property
    def files(self) -> list[Path]:
        """All that it is read from."""
        return [self.weights, self.layout, *([self.metrics] if self.metrics else [])]


def found_at(path: Path, layout: str | None = None) -> WeightTable | None:
    """Find a table by the path of its folder or of its weights; None if there is none.

    ``layout`` is the path of the layout, if it does not stand beside the weights by its usual name.

    Raises
    ------
    WeightLawsError
        If there are weights, or a layout is named, but one is without the other.
    """
    weights = path / WEIGHTS if path.is_dir() else path
    if not weights.is_file() or weights.suffix.lower() != ".npy":
        if layout is None:
            return None
        raise WeightLawsError(
            f"{path}: layout",
            f"{layout}, but no {WEIGHTS}",
            "a table of flattened weights, to which a layout belongs",
            "name the .npy file, or leave the layout out",
        )
    beside = weights.parent / LAYOUT if layout is None else Path(layout)
    if not beside.is_file():
        raise WeightLawsError(
            f"{weights}: layout",
            f"no file {beside}",
            f"a CSV file with the columns {', '.join(_COLUMNS)}",
            f"put it beside the weights as {LAYOUT}, or name it with 'layout:'",
        )
    there = (weights.parent / name for name in METRICS)
    return WeightTable(weights, beside, next((file for file in there if file.is_file()), None))


@dataclass(frozen=True)
class Chosen:
    """The rows of a table that are members.

    Attributes
    ----------
    rows
        Their numbers, (member,).
    names
        The run of each, or its row.
    doubts
        Why they may not be independent or alike.
    """

    rows: Integers
    names: Sequence[str]
    doubts: list[str]


def chosen(table: WeightTable, n_rows: int, epoch: int | None) -> Chosen:
    """Choose one row a run: its last, or that of a named step.

    Raises
    ------
    WeightLawsError
        If steps are not known, or no run has the named one, or there are not as many rows as
        weights.
    """
    if table.metrics is None:
        if epoch is not None:
            raise _no_steps(table.weights, f"no {METRICS[0]} beside it")
        doubt = (
            f"{table.weights}: no {METRICS[0]} tells which run a row comes from, so that each row "
            "counts as a network of its own"
        )
        return Chosen(np.arange(n_rows), [f"row {k}" for k in range(n_rows)], [doubt])
    runs, steps = _runs_and_steps(table.metrics)
    if len(runs) != n_rows:
        raise WeightLawsError(
            f"{table.metrics}: rows",
            f"{len(runs)}",
            f"{n_rows}, as there are of weights",
            "take metrics and weights of one data set",
        )
    latest: dict[str, int] = {}
    for row, (run, step) in enumerate(zip(runs, steps, strict=True)):
        wanted = epoch is None or step == epoch
        if wanted and (run not in latest or steps[latest[run]] <= step):
            latest[run] = row
    known = sorted(set(steps))
    if not latest:
        found = f"steps {', '.join(f'{step:g}' for step in known[:10])}"
        raise WeightLawsError(
            f"{table.metrics}: step", found, f"{epoch} among them", "name one of them as 'epoch:'"
        )
    doubts, at = [], {steps[row] for row in latest.values()}
    if left_out := len(set(runs)) - len(latest):
        doubts.append(f"{table.metrics}: {left_out} runs have no step {epoch}, and are left out")
    if len(at) > 1:
        doubts.append(
            f"{table.metrics}: the last steps of runs differ, from {min(at):g} to {max(at):g}; "
            "name one of them as 'epoch:' to compare like with like"
        )
    return Chosen(np.array([*latest.values()]), [*latest], doubts)


def _runs_and_steps(path: Path) -> tuple[list[str], list[float]]:
    rows = _csv(path, ("modeldir", "step"))
    try:
        return [run for run, _ in rows], [float(step) for _, step in rows]
    except ValueError as error:
        raise WeightLawsError(f"{path}: step", short(error), "a number", WHOLE_FILE) from error


def _no_steps(path: Path, found: str) -> WeightLawsError:
    expected = "the columns modeldir and step, as an epoch is named"
    return WeightLawsError(f"{path}: steps", found, expected, "put it there, or name no epoch")


@contextmanager
def opened(table: WeightTable, epoch: int | None) -> Iterator[Stack]:
    """Open a table as a stack of its members.

    Raises
    ------
    WeightLawsError
        If the weights are no such table, or the layout or the metrics do not fit them.
    """
    weights = _mapped(table.weights)
    rows = chosen(table, len(weights), epoch)
    stacked = []
    for name, start, end, shape in _parameters(table.layout, weights.shape[1]):
        read = partial(_read, weights, rows.rows, slice(start, end), shape)
        stacked.append(Stacked(name, shape, weights.dtype.name, len(rows.rows), read, "keras"))
    yield Stack(table.weights, stacked, rows.names)


def doubts(table: WeightTable, epoch: int | None) -> list[str]:
    """Say why members may not be independent or alike."""
    return chosen(table, len(_mapped(table.weights)), epoch).doubts


def _mapped(path: Path) -> npt.NDArray[Any]:
    try:
        weights = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        found = f"what numpy cannot read ({short(error)})"
        expected = "a table (network, weight) of floats"
        raise WeightLawsError(f"{path}: file", found, expected, WHOLE_FILE) from error
    if weights.ndim != 2 or weights.dtype.kind != "f":
        raise WeightLawsError(
            f"{path}: array",
            f"{weights.dtype} of shape {weights.shape}",
            "floats (network, weight)",
            "flatten the weights of each network to a row",
        )
    mapped: npt.NDArray[Any] = weights
    return mapped


def _read(
    weights: npt.NDArray[Any],
    rows: Integers,
    columns: slice,
    shape: tuple[int, ...],
    start: int,
    end: int,
) -> npt.NDArray[Any]:
    return np.asarray(weights[rows[start:end], columns]).reshape(-1, *shape)


def _parameters(path: Path, n_weights: int) -> Iterator[tuple[str, int, int, tuple[int, ...]]]:
    """Return name, first column, column behind the last, and shape of each parameter."""
    for name, *texts in _csv(path, _COLUMNS):
        shape = tuple(int(digits) for digits in re.findall(r"\d+", texts[-1]))
        try:
            start, end, size = (int(float(text)) for text in texts[:-1])
        except ValueError as error:
            raise WeightLawsError(
                f"{path}: {name}", short(error), "whole numbers", WHOLE_FILE
            ) from error
        if end - start == size - 1:  # the last column itself
            end += 1
        if end - start != size or prod(shape) != size or not 0 <= start <= end <= n_weights:
            raise WeightLawsError(
                f"{path}: {name}",
                f"columns {start} to {end} for {size} weights of shape {texts[-1]}",
                f"as many columns as the shape has weights, of the {n_weights} that there are",
                "take layout and weights of one data set",
            )
        yield name.replace("/", "."), start, end, shape


def _csv(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Read some columns of a CSV file, which may be compressed."""
    opening = gzip.open if path.suffix == ".gz" else open
    try:
        with opening(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if missing := [column for column in columns if column not in header]:
                raise WeightLawsError(
                    f"{path}: columns",
                    f"no {' nor '.join(missing)}",
                    f"{', '.join(columns)}",
                    "write the table with these columns",
                )
            at = [header.index(column) for column in columns]
            return [[row[k] for k in at] for row in reader if row]
    except (OSError, EOFError, ValueError, IndexError, csv.Error) as error:
        found = f"what is no table ({short(error)})"
        raise WeightLawsError(f"{path}: file", found, "CSV with a header", WHOLE_FILE) from error
