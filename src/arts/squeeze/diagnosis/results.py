"""The whole diagnosis: what a program reads, and its report."""

from os import PathLike
from pathlib import Path
from typing import Literal

import msgspec

from arts.documents.data import read_result
from arts.documents.document import Document, Figure, Section, line
from arts.documents.write import write_document
from arts.squeeze.diagnosis import parts, tables

IN_MARKDOWN, ON_PAGE = 20, 200
"""Problems that are listed."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What reinforcement learning took and gave, by samples of both models on the same problems.

    ``notes`` have to be known to read the numbers. ``problems`` begin with the most significant change. ``recovery``
    is None where problems have fewer than two samples. ``about`` says how this was made.
    """

    schema: Literal[1] = 1
    matching: parts.Matching
    sides: parts.Both[parts.SideResult]
    notes: list[str]
    curves: parts.Curves
    changes: parts.ChangesResult
    problems: list[parts.ProblemRow]
    recovery: parts.Recovery | None
    diversity: parts.Diversity
    about: dict[str, str]

    def __str__(self) -> str:
        return tables.headline(self.curves, self.changes, self.sides)

    def __repr__(self) -> str:
        return f"<Diagnosis of {self.matching.matched} problems: {tables.in_words(self.changes)}>"

    def document(self, listed: int = ON_PAGE) -> Document:
        """The report, with the first ``listed`` problems."""
        curves, changes, plan = self.curves, self.changes, self.changes.plan
        lines = {"base pass@k": line(curves.base, scale=100), "RL pass@k": line(curves.rl, scale=100)}
        figure = Figure(
            name="pass-at-k", caption="pass@k", x="k (samples)", y="accuracy, %", scale="powers of 2", lines=lines
        )
        planned = [tables.plan_table(changes, plan)] if plan else []
        classes = [tables.classes_table(changes), *planned, tables.problems_table(self.problems, plan, listed)]
        recovery = [tables.recovery_table(self.recovery)] if self.recovery else []
        made = {
            "problems": tables.matching_in_words(self.matching),
            "base": tables.side_in_words(self.sides.base),
            "RL": tables.side_in_words(self.sides.rl),
            **self.about,
        }
        sections = (
            Section(name="notes", title="Notes", findings=self.notes),
            Section(name="curves", title="Curves", figures=[figure], tables=[tables.curves_table(curves)]),
            Section(name="changes", title="Changed problems", tables=classes),
            Section(name="recovery", title="Recovery", tables=recovery),
            Section(name="diversity", title="Diversity", tables=[tables.diversity_table(self.diversity)]),
            Section(name="origin", title="How this was made", facts=made),
        )
        filled = [s for s in sections if s.findings or s.tables or s.facts]
        return Document(title="What RL took and gave", lead=str(self), sections=filled)

    def write(self, folder: str | PathLike[str]) -> list[Path]:
        """Write ``report.json``, ``report.md`` and, with the extra ``report``, ``report.html``; returns their paths.

        With that extra ``figures/pass-at-k.svg`` and ``.png`` are there too. Each file is there whole or not at all.
        The same diagnosis gives the same bytes.
        """
        short = self.document(IN_MARKDOWN)
        return write_document(self.document(), self, Path(folder), "report", markdown=short)


def read_diagnosis(path: str | PathLike[str]) -> Diagnosis:
    """Open a ``report.json`` of :meth:`Diagnosis.write`, or the folder that holds one.

    Raises:
        InputError: the file cannot be read, or is no diagnosis.
    """
    file = Path(path) / "report.json" if Path(path).is_dir() else Path(path)
    return read_result(file, Diagnosis, "report of arts squeeze diagnose")
