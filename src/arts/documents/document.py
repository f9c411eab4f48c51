"""What every form of a report is made from: sections of words, tables and figures, in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from arts.estimate import Estimate
from arts.problems.base import Verdict

Point = tuple[float, float, float, float]
"""Where a value stands, the value, and the ends of its interval, NaN where it has none."""
Scale = Literal["numbers", "powers of 2", "tokens", "depths", "shares", "classes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with what has to be known to read it; the first cell of a row names it."""

    title: str
    note: str = ""
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Lines of points with their intervals, or bars over ``classes``.

    ``name`` is that of its files, ``scale`` what stands on the horizontal axis: powers of 2 and tokens are logarithmic,
    shares have the diagonal of what is calibrated, depths a line at 0, classes bars.
    """

    name: str
    caption: str
    x: str
    y: str
    scale: Scale
    lines: Mapping[str, Sequence[Point]]
    classes: Sequence[str] = ()

    @property
    def described(self) -> str:
        """What the figure shows, for who does not see it."""
        return f"{self.caption}. {self.y} against {self.x}: {', '.join(self.lines)}. The tables have the numbers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample of a problem: what stands above its text, and the text."""

    verdict: Verdict
    facts: list[str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One problem with all its samples, in the order of their score."""

    name: str
    facts: list[str]
    verdicts: list[Verdict]
    question: str
    key: str
    samples: list[Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part with a heading; ``name`` is its address in the page."""

    name: str
    title: str
    words: Sequence[str] = ()
    findings: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    entries: Sequence[Entry] = ()
    commands: Sequence[str] = ()
    facts: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report: what it is, what it says in a few sentences, and its sections."""

    title: str
    lead: str
    sections: list[Section]


def line(estimates: Mapping[int, Estimate] | Mapping[float, Estimate], *, scale: float = 1) -> list[Point]:
    """The defined ones of estimates as points, at numbers of samples or depths."""
    return [point(k, e, scale) for k, e in estimates.items() if e.defined]


def point(x: float, estimate: Estimate, scale: float = 1) -> Point:
    """A defined estimate at a place."""
    return x, scale * estimate.value, scale * estimate.low, scale * estimate.high
