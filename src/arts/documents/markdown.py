"""A report as Markdown."""

import re
from collections.abc import Iterator, Sequence

from arts.documents.document import Document, Entry, Section
from arts.documents.words import shown
from arts.problems.base import Verdict
from arts.text import markdown

MARKS = {Verdict.CORRECT: "●", Verdict.INCORRECT: "○", Verdict.UNGRADED: "·"}
TEXTS = 3
"""Problems that are shown with their samples."""
SAMPLES = 4
"""Samples that are shown of such a problem."""


def document_as_markdown(document: Document, *, figures: bool = False) -> str:
    """The document with the samples of a few problems; ``figures`` are referred to as figures/NAME.svg."""
    parts = [f"# {_line(document.title)}", _line(document.lead)]
    for section in document.sections:
        parts += [f"## {_line(section.title)}", *_section(section, figures)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section, figures: bool) -> Iterator[str]:
    yield from map(_line, section.words)
    if section.findings:
        yield "\n".join(f"- {_line(text)}" for text in section.findings)
    if figures:
        yield from (f"![{markdown(shown(f.caption), brackets=True)}](figures/{f.name}.svg)" for f in section.figures)
    for table in section.tables:
        yield f"### {_line(table.title)}"
        yield from [_line(table.note)] if table.note else []
        yield _table(table.header, table.rows)
    if section.entries:
        yield from _entries(section.entries)
    yield from (_fenced(command) for command in section.commands)
    if section.facts:
        yield "\n".join(f"- {_line(k)}: {_line(v)}" for k, v in section.facts.items())


def _entries(entries: Sequence[Entry]) -> Iterator[str]:
    """An index of the problems, and the samples of the first ones."""
    yield _table(["problem", "", "samples"], [[e.name, " · ".join(e.facts), strip(e.verdicts)] for e in entries])
    for entry in entries[:TEXTS]:
        yield f"### {_line(entry.name)}"
        yield _fenced(entry.question)
        yield f"key: {_line(entry.key)}"
        for sample in entry.samples[:SAMPLES]:
            yield f"{MARKS[sample.verdict]} " + _line(" · ".join([sample.verdict, *sample.facts]))
            yield _fenced(sample.text)
    yield f"The samples of the others are in report.json and on the page; of these, the first {SAMPLES}."


def strip(verdicts: Sequence[Verdict]) -> str:
    """A mark for each verdict."""
    return "".join(MARKS[v] for v in verdicts)


def _fenced(text: str) -> str:
    """A block that the text itself cannot end."""
    inside = shown(text)
    longest = max((len(run) for run in re.findall("`+", inside)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{inside}\n{fence}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_line, line)) + " |" for line in lines)


def _line(text: object) -> str:
    """One line in which nothing from outside is markup."""
    return markdown(shown(text))
