"""A report as one HTML file: no script, no network, figures inline, every text from outside escaped."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

import jinja2
from markupsafe import Markup, escape

from arts.documents.document import Document, Table
from arts.documents.figures import in_page
from arts.documents.markdown import MARKS
from arts.documents.words import shown
from arts.problems.base import Verdict

TALL = 24
"""Rows from which on a table has its own scroll bar."""
LONG = 40
"""Characters from which on a cell holds a sentence."""
_NUMERIC = re.compile(r"[-+−±<> ]*[\d–]|\[|$")
"""How a cell begins that stands to the right of its column."""


def document_as_html(document: Document, drawn: Mapping[str, str]) -> str:
    """The page of a document whose figures are ``drawn``, as SVG by name."""
    described = {f.name: f.described for s in document.sections for f in s.figures}
    inline = {name: Markup(in_page(drawn[name], shown(words))) for name, words in described.items()}
    return _template().render(document=document, drawn=inline)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("arts", "documents"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "cell": _cell, "strip": _strip, "worded": _worded}
    return environment.get_template("page.html.j2", globals={"tall": TALL})


def _cell(text: object) -> Markup:
    """A cell's text, its interval apart so that it can stand below the value."""
    value, _, interval = shown(text).partition(" [")
    if not interval.endswith("]") or not value or "[" in interval:
        return escape(shown(text))
    return Markup('{} <span class="ci">[{}</span>').format(value, interval)


def _worded(table: Table) -> list[str]:
    """The class of each column: words, long ones with room for lines, or none for numbers, which stand to the right."""
    columns = zip(*table.rows, strict=True) if table.rows else ([] for _ in table.header)
    return [_kind(column) for column in columns]


def _kind(column: Sequence[str]) -> str:
    if any(len(cell) > LONG for cell in column):
        return "words long"
    return "" if all(_NUMERIC.match(cell) for cell in column) else "words"


def _strip(verdicts: Sequence[Verdict]) -> Markup:
    """A coloured mark for each verdict, with their numbers in words."""
    marks = (Markup('<span class="{}">{}</span>').format(v, MARKS[v]) for v in verdicts)
    words = ", ".join(f"{n} {verdict}" for verdict, n in Counter(verdicts).items())
    return Markup('<span class="strip" role="img" aria-label="{}">{}</span>').format(words, Markup("").join(marks))
