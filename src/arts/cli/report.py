"""Compare two reports of arts evaluate, B − A: paired where problems and samples are the same.

With one report alone, write its Markdown, page and figures again.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from arts.cli.commands import command_line
from arts.cli.evaluate import show
from arts.cli.tables import print_table
from arts.cli.terminal import say
from arts.config import require_at_least
from arts.documents.write import write_document
from arts.errors import UsageError
from arts.evaluation.report import write_report
from arts.evaluation.report.read import read_report
from arts.evaluation.report.runs import compare_runs
from arts.evaluation.report.runs_document import comparison, matched, methods_table, summary
from arts.evaluation.results import Evaluation


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts report``; docs/report.md describes what is compared and how."""

    a: tyro.conf.Positional[Path]
    """A report's folder, or its report.json."""
    b: tyro.conf.Positional[Path | None] = None
    """Another one, to be compared with A."""
    out: Path | None = None
    """Folder for compare.json, compare.md, compare.html and its figure; of one report, for its forms, which
    otherwise go where it is."""
    margin: float | None = None
    """Points of accuracy within which a method counts as equal in both."""
    seed: int = 0
    """Seed for the bootstrap."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "seed")
        if self.margin is not None and not 0 < self.margin < 100:
            raise UsageError(f"margin is {self.margin:g}; give points of accuracy between 0 and 100")
        if self.b is None and (self.margin is not None or self.seed):
            raise UsageError("--margin and --seed are for two reports; give a second one, or leave them out")


def run(config: Config) -> int:
    """Print the table on stdout; what it says, and the files, on stderr."""
    paths = _again(config) if config.b is None else _compare(config, read_report(config.a), read_report(config.b))
    for path in paths:
        say(f"wrote {path}")
    return 0


def _again(config: Config) -> list[Path]:
    result = read_report(config.a)
    show(result)
    return write_report(result, config.out or (config.a if config.a.is_dir() else config.a.parent))


def _compare(config: Config, a: Evaluation, b: Evaluation) -> list[Path]:
    margin = None if config.margin is None else config.margin / 100
    result = compare_runs(a, b, margin=margin, seed=config.seed, command=command_line("report", config, "a", "b"))
    if result.pairs:
        table = methods_table(result)
        print_table(table.header, table.rows, table.title)
    for text in [*matched(result), summary(result)]:
        say(text)
    return [] if config.out is None else write_document(comparison(result), result, config.out, "compare")
