"""Tables of a small study for figures to draw, and what is read from a figure."""

from itertools import combinations, product

import pandas as pd
from matplotlib.text import Text

from weightlaws.figures.style import Style, save
from weightlaws.storage.tables import read_table

STYLE = Style(column_width=3.4, font_scale=1.0)
EPOCHS = [0, 10, 50]
LAYERS = ["hidden1-hidden2", "hidden2-output"]
HIGHER = [f"I{k}" for k in range(14, 53)]


def cross(**columns):
    """Return a table with a row for each combination of the columns' values."""
    return pd.DataFrame(list(product(*columns.values())), columns=list(columns))


def lines(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def words(figure):
    """Return all text of a figure, legends and labels alike."""
    return " ".join(text.get_text() for text in figure.findobj(Text))


def select(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    return table


TITLE = "784-10-10-10, Gaussian start, no weight decay, digits"


def renamed(table, conditions, column="condition"):
    """The rows of the plain conditions, for each of these conditions as if they were its own."""
    plain = conditions["condition"].str.split("-alpha").str[0]
    parts = [
        select(table, **{column: own}).assign(**{column: name})
        for name, own in zip(conditions["condition"], plain, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def assert_same_when_read(draw, tables, folder):
    """Tables that are written and read back draw the same bytes."""
    read = []
    for k, table in enumerate(tables):
        table.to_csv(folder / f"{k}.csv", index=False)
        read.append(read_table(folder / f"{k}.csv"))
    for name, given in (("made", tables), ("read", read)):
        save(draw(*given), folder / f"{name}.svg", STYLE)
    assert (folder / "read.svg").read_bytes() == (folder / "made.svg").read_bytes()


def assert_apart(figure, style):
    """All that belongs to a panel, a legend or a title stands inside the figure and apart."""
    with style.in_use():
        figure.draw_without_rendering()
    things = [*figure.axes, *figure.legends, figure._suptitle, figure._supylabel]
    things = [thing for thing in things if thing is not None]
    boxes = [thing.get_tightbbox() for thing in things]
    slack = 0.03 * figure.dpi  # inches: frames have width, and letters no more than that
    for thing, box in zip(things, boxes, strict=True):
        assert -slack < box.x0 < box.x1 < figure.bbox.x1 + slack, (thing, box)
        assert -slack < box.y0 < box.y1 < figure.bbox.y1 + slack, (thing, box)
    for one, other in combinations(boxes, 2):
        width = min(one.x1, other.x1) - max(one.x0, other.x0)
        height = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(width, height) < slack, (one, other)
