"""Tables with and without the networks that answer nothing: all their outputs are 0."""

import logging
from collections.abc import Callable
from typing import Protocol, Self, TypeVar

import pandas as pd

from weightlaws.arrays import Bools

log = logging.getLogger(__name__)

#: The selections of members that a table is of: as published, or without dead outputs.
ALL, WITHOUT_DEAD = "all", "without dead outputs"


class OfMembers(Protocol):
    """Values of members, such as an array (member, ...); a mask selects some of the members."""

    def __len__(self) -> int: ...

    def __getitem__(self, mask: Bools, /) -> Self: ...


Values = TypeVar("Values", bound=OfMembers)


def with_and_without_dead(
    values: Values,
    dead_output: Bools,
    least: int,
    table: Callable[[Values], pd.DataFrame],
    **place: str | int,
) -> pd.DataFrame:
    """Make a table of all members, and one of the members without a dead output.

    Parameters
    ----------
    values : (member, ...)
        The values of all members.
    dead_output : (member,)
        Whether a member answers nothing.
    least
        Members that the table needs. Where fewer have no dead output, there is no second table,
        and the log says so.
    table
        Makes the table of the values of some members.
    place
        Further columns of one value each.

    Returns
    -------
    DataFrame
        The tables below each other. In front stand the place, ``selection`` (`ALL` or
        `WITHOUT_DEAD`) and ``n_members``, the number of members selected.
    """
    whole = table(values)
    parts = {ALL: (whole, len(values))}
    n_alive = int((~dead_output).sum())
    if n_alive == len(values):
        parts[WITHOUT_DEAD] = (whole, n_alive)
    elif n_alive >= least:
        parts[WITHOUT_DEAD] = (table(values[~dead_output]), n_alive)
    else:
        log.warning(
            "found %d members without a dead output, expected at least %d for a table of them",
            n_alive,
            least,
        )
    placed = [
        in_front(part, **place, selection=name, n_members=n) for name, (part, n) in parts.items()
    ]
    return pd.concat(placed, ignore_index=True)


def in_front(table: pd.DataFrame, **place: str | int) -> pd.DataFrame:
    """Put columns of one value each in front of a table."""
    return pd.concat([pd.DataFrame(place, table.index), table], axis=1)
