"""Tables on stdout: drawn on a terminal, tab-separated elsewhere."""

import sys
from collections.abc import Sequence

from arts.cli.terminal import console, put_table
from arts.documents.words import shown

WIDE = 92
"""Columns of a terminal that shows the whole table."""


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], title: str, *, optional: str | tuple[str, ...] = ()
) -> None:
    """Every row; a narrow terminal does without the columns whose name starts with ``optional``."""
    if sys.stdout.isatty():
        _draw(header, rows, title, optional)
        return
    put_table([[shown(text) for text in row] for row in [header, *rows]])


def _draw(header: Sequence[str], rows: Sequence[Sequence[str]], title: str, optional: str | tuple[str, ...]) -> None:
    """Each interval stands below its value."""
    from rich import box
    from rich.table import Column, Table
    from rich.text import Text

    def two_lines(cell: str) -> Text:
        value, _, interval = shown(cell).rstrip("]").partition(" [")
        return Text(f"{value}\n{interval.replace(', ', '…')}" if interval else value)

    screen = console()
    if optional and screen.width < WIDE:
        kept = [i for i, name in enumerate(header) if not name.startswith(optional)]
        header, rows = [header[i] for i in kept], [[row[i] for i in kept] for row in rows]
    columns = [Column(Text(header[0])), *(Column(Text(name), justify="right") for name in header[1:])]
    table = Table(*columns, title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True)
    for name, *cells in rows:
        table.add_row(Text(shown(name)), *map(two_lines, cells))
    screen.print(table)
