"""The tests of symmetries: their names, their words, and the laws that they test."""

from weightlaws.arrays import Side
from weightlaws.laws import names as laws

ROW_MEANS = "row means"
ROW_SPREADS = "row spreads"
COLUMN_MEANS = "column means"
COLUMN_SPREADS = "column spreads"
DIAGONAL = "diagonal"
ENTRIES = "entries"

#: Each test in words, for pages and figures, in the order in which the tests are made.
SYMMETRY_TESTS: dict[str, str] = {
    ROW_MEANS: "row labels, by means",
    ROW_SPREADS: "row labels, by spreads",
    COLUMN_MEANS: "column labels, by means",
    COLUMN_SPREADS: "column labels, by spreads",
    DIAGONAL: "row i belongs to column i",
    ENTRIES: "rows or columns have parts in common",
}

_OF_ROWS, _OF_COLUMNS = (ROW_MEANS, ROW_SPREADS), (COLUMN_MEANS, COLUMN_SPREADS)

# The tests whose rejection speaks against a law, of those without a labelled side.
_AGAINST: dict[str, tuple[str, ...]] = {
    laws.INDEPENDENT: (*_OF_ROWS, *_OF_COLUMNS, DIAGONAL, ENTRIES),
    laws.BIPARTITE: (*_OF_ROWS, *_OF_COLUMNS, DIAGONAL),
    laws.DIAGONAL: (*_OF_ROWS, *_OF_COLUMNS),
}


def speaks_against(law: str, labelled: Side | None) -> tuple[str, ...]:
    """Return the tests whose rejection speaks against a law of `names.LAWS`.

    ``labelled`` is the labelled side of the one-sided law: there its labels may differ.
    """
    if law == laws.ONE_SIDED:
        return _OF_ROWS if labelled == "columns" else _OF_COLUMNS
    return _AGAINST[law]
