"""One job: the page of answers, and a page of each table that the study has."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from weightlaws.figures.answers import answers_page
from weightlaws.figures.contents import FIGURES, PAGES, TABLES, File
from weightlaws.figures.table_page import table_page
from weightlaws.storage.tables import read_table, read_tables


def write_pages(
    name: str,
    given: Mapping[str, Sequence[str | Path]],
    costs: pd.DataFrame,
    cost: str,
    page: Path,
    table_pages: Sequence[Path],
    titles: Mapping[str, str],
    level: float,
) -> None:
    """Write the page of answers into the folder of the results, and the pages of tables.

    Parameters
    ----------
    name
        Of the study.
    given
        The files of its results, by the names of `study.layout.PATHS`.
    costs, cost
        What each job took, and what all did, in words.
    page
        The page of answers, in the folder of the results.
    table_pages
        The pages of tables, each with the name of its table.
    titles, level
        As `answers.answers_page` takes them.
    """
    folder = page.parent
    files = [
        File(_within(path, folder), FIGURES[figure], _networks(path, folder, titles))
        for figure in FIGURES
        for path in given.get(figure, [])
    ]
    for path in table_pages:
        table, paths = path.stem, given.get(path.stem, [])
        rows = read_tables(paths) if paths else costs
        sources = [_within(each, folder) for each in paths] or ["cost.csv"]
        path.write_text(table_page(TABLES[table].title, rows, table, sources))
        files.append(File(_within(path, folder), TABLES[table]))
    if "findings_page" in given:
        files.append(File("findings.html", PAGES["findings_page"]))
    tables = {
        table: read_table(given[table][0])
        for table in ("findings", "conditions", "members")
        if table in given
    }
    claims = read_table(given["claims"][0])
    page.write_text(answers_page(name, claims, files, titles, level, **tables, cost=cost))


def _within(path: str | Path, folder: Path) -> str:
    """Return a path from the folder of the results."""
    return Path(path).relative_to(folder).as_posix()


def _networks(path: str | Path, folder: Path, titles: Mapping[str, str]) -> str:
    """Say what a figure is about: that of some networks stands in a folder of their name."""
    of = Path(path).parent
    return "" if of == folder / "figures" else titles.get(of.name, of.name)
