"""The tests of symmetries: their names and their words."""

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
