"""The audit of the grading as tables, whatever it holds: names and values, and lists of things with the same fields."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arts.documents.document import Section, Table
from arts.documents.words import UNDEFINED, count, excerpt, percent

HEADINGS = {
    "without_answer": "Samples without an answer",
    "ungraded": "Ungraded samples",
    "judges": "What each judge says",
    "disagreements": "Where judges differ",
    "golds": "Keys that do not grade themselves correct",
    "failed_rollouts": "Rollouts that failed",
    "longest_answers": "Longest answers",
    "throughput": "Speed of grading",
}
"""Parts of the audit in words."""
DEEPEST = 4
"""Levels of nesting that become tables of their own."""
LONGEST_CELL = 200
ESTIMATE = {"value", "low", "high", "n", "method"}


def audit_section(audit: Mapping[str, Any]) -> Section:
    """All of it; estimates are in percent with their intervals."""
    words = ["Shares in percent with 95 % intervals over problems. Speeds are measured and differ from run to run."]
    return Section(
        name="audit",
        title="Grading, audited",
        words=words,
        findings=list(_disagreements(audit)),
        tables=list(_tables("What was audited", audit, 0)),
    )


def _disagreements(audit: Mapping[str, Any]) -> Iterator[str]:
    """How often two judges differ, and which way."""
    for pair in audit.get("disagreements", ()):
        first, second = pair["judges"]
        more = pair["table"]["incorrect"]["correct"]
        less = pair["table"]["correct"]["incorrect"]
        yield (
            f"{first} and {second} differ on {pair['count']:,} of {count(pair['samples'], 'sample')}:"
            f" {more:,} are right for {second} alone, {less:,} for {first} alone."
        )


def _tables(title: str, part: Mapping[str, Any], depth: int) -> Iterator[Table]:
    """A table of the plain values, then one for each part that has an inside."""
    values = {k: v for k, v in part.items() if _is_plain(v)}
    if values:
        rows = [[_name(k), _text(v)] for k, v in values.items()]
        yield Table(title=title, note="", header=["what", "value"], rows=rows)
    for name, inner in part.items():
        heading = HEADINGS.get(name, _name(name)) if depth == 0 else f"{title}: {_name(name)}"
        if _is_plain(inner):
            continue
        if depth == DEEPEST:
            yield Table(title=heading, note="", header=["value"], rows=[[_text(inner)]])
        elif isinstance(inner, Mapping):
            yield from _matrix(heading, inner) or _tables(heading, inner, depth + 1)
        else:
            yield from _listed(heading, inner, depth)


def _is_plain(value: object) -> bool:
    if isinstance(value, Mapping):
        return value.keys() == ESTIMATE or not value
    return not isinstance(value, list) or not any(isinstance(v, Mapping | list) for v in value)


def _matrix(title: str, part: Mapping[str, Any]) -> list[Table]:
    """Parts that all have plain values as one table; nothing where they have not."""
    if not all(isinstance(v, Mapping) and v and v.keys() != ESTIMATE for v in part.values()):
        return []
    if not all(_is_plain(v) for row in part.values() for v in row.values()):
        return []
    columns = list(dict.fromkeys(k for row in part.values() for k in row))
    rows = [[_name(k), *(_text(row[c]) if c in row else UNDEFINED for c in columns)] for k, row in part.items()]
    return [Table(title=title, note="", header=["", *map(_name, columns)], rows=rows)]


def _listed(title: str, rows: Sequence[Any], depth: int) -> Iterator[Table]:
    """Things as rows, then what each of them has inside."""
    things = [row if isinstance(row, Mapping) else {"value": row} for row in rows]
    columns = list(dict.fromkeys(k for row in things for k, v in row.items() if _is_plain(v)))
    cells = [[_text(row[c]) if c in row and _is_plain(row[c]) else UNDEFINED for c in columns] for row in things]
    yield Table(title=title, note="", header=list(map(_name, columns)), rows=cells)
    for cell, row in zip(cells, things, strict=True):
        inner = {k: v for k, v in row.items() if not _is_plain(v)}
        if inner:
            yield from _tables(f"{title}: {cell[0] if cell else ''}", inner, depth + 1)


def _name(key: object) -> str:
    return str(key).replace("_", " ")


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and value.keys() == ESTIMATE:
        return percent(value)
    if isinstance(value, list):
        return excerpt(", ".join(map(_text, value)), LONGEST_CELL) or "none"
    if value is None or value == {}:
        return UNDEFINED
    if isinstance(value, bool) or not isinstance(value, int | float):
        return excerpt(value, LONGEST_CELL)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
