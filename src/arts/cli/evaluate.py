"""Compare every way of deciding on the same samples, and write the report."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tyro

from arts.config import require_at_least
from arts.errors import UsageError
from arts.evaluation.evaluate import evaluate_trees
from arts.evaluation.report import write_report
from arts.evaluation.report.markdown import headline, main_table, shown
from arts.problems.base import GraderName, Problem
from arts.problems.graders import make_grader
from arts.trees.flat import import_flat
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore
from arts.trees.tree import Tree
from arts.verifiers.base import Unit
from arts.verifiers.load import load_verifier

WIDE = 92
"""Columns of a terminal that shows the whole table."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts evaluate``."""

    source: tyro.conf.Positional[Path]
    """A tree store, or flat rollouts: JSON Lines of {"problem", "answer", "samples": [{"text", SCORES…}, …]}."""
    verifiers: tuple[str, ...] = ("likelihood",)
    """Checkpoint folders, or: likelihood, length, random, oracle."""
    n: tuple[int, ...] = (2, 4, 8, 16)
    """Numbers of samples to decide between; those that most problems do not have are left out, and of the rest the
    problems with fewer than the largest."""
    out: Path = Path("runs/report")
    """Folder for report.json, report.md and report.html."""
    scores: tuple[str, ...] | None = None
    """Score columns to select by; default: all that flat rollouts carry, none of a store."""
    score_unit: Unit = "logit"
    """What those scores mean; it decides their weight in a vote."""
    grader: GraderName = "math"
    """Grades flat rollouts; of a store, only says which answers are equal."""
    splitter: SplitterName = "paragraph"
    """Cuts flat rollouts into steps."""
    seed: int = 0
    """Of the bootstrap and the subsets."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "seed")
        if not self.n or min(self.n) < 1:
            raise UsageError(f"n is {self.n}; give numbers of samples, each 1 or more")


def run(config: Config) -> int:
    """Print the table on stdout and name the report's files on stderr."""
    grader = make_grader(config.grader)
    try:
        problems, trees, about = read_source(config, grader)
        known = sorted({name for tree in trees for name in tree.scores})
        flat = about["source kind"] == "flat rollouts"
        names = config.scores if config.scores is not None else (known if flat else [])
        _check_scores(names, known, config.source)
        result = evaluate_trees(
            problems,
            trees,
            [load_verifier(spec) for spec in _usable(config.verifiers, trees)],
            grader,
            ks=_reachable(config.n, trees),
            scores=[(name, config.score_unit) for name in names],
            seed=config.seed,
            about={**about, "command": _command(config), "arts": version("arts"), "seed": config.seed},
        )
    finally:
        grader.close()
    show(result)
    paths = write_report(result, config.out)
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)
    if paths[-1].suffix != ".html":
        print("the page needs the extra 'report': pip install 'arts[report]'", file=sys.stderr)
    return 0


def read_source(config: Config, grader: Any) -> tuple[list[Problem], list[Tree], dict[str, Any]]:
    """Problems, trees and a few words about where they come from."""
    if config.source.suffix in (".jsonl", ".gz"):
        problems, trees = import_flat(config.source, splitter=config.splitter, grader=grader)
        return problems, trees, {"source kind": "flat rollouts"}
    with TreeStore.open(config.source) as store:
        record = store.config()
        return store.problems(), list(store.trees()), {"source kind": "store", "proposer": record.get("proposer", "")}


def _command(config: Config) -> str:
    return shlex.join(["arts", "evaluate", str(config.source), "--verifiers", *config.verifiers])


def _check_scores(names: Sequence[str], known: Sequence[str], source: Path) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{source}: no scores named '{name}'; there are: {', '.join(known) or 'none'}")


def _usable(specs: Sequence[str], trees: Sequence[Tree]) -> list[str]:
    """Likelihood only where the proposer gave log-probabilities."""
    if "likelihood" not in specs or any(x == x for tree in trees for x in tree.logprob[1:]):
        return list(specs)
    print("likelihood is left out: these samples carry no log-probabilities", file=sys.stderr)
    return [s for s in specs if s != "likelihood"]


def _reachable(ks: Sequence[int], trees: Sequence[Tree]) -> list[int]:
    counts = sorted(len(t.backbones) for t in trees)
    most = counts[len(counts) // 2] if counts else 0
    kept = [k for k in ks if k <= most] or [max(most, 1)]
    if most > 0 and len(kept) < len(ks):
        print(f"most problems have {most} samples or fewer: N is {', '.join(map(str, kept))}", file=sys.stderr)
    return kept


def show(result: dict[str, Any]) -> None:
    """The main table on stdout: drawn on a terminal, tab-separated elsewhere."""
    header, rows = main_table(result)
    if sys.stdout.isatty():
        _draw(header, rows, f"accuracy in % and its 95 % interval, {result['problems']} problems")
    else:
        for row in [header, *rows]:
            print("\t".join(" ".join(shown(cell).split()) for cell in row))
    print(shown(headline(result)), file=sys.stderr)


def _draw(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """A table for a terminal, each interval below its value; a narrow one does without the difference to random."""
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    def two_lines(cell: str) -> Text:
        value, _, interval = shown(cell).rstrip("]").partition(" [")
        return Text(f"{value}\n{interval.replace(', ', '…')}" if interval else value)

    console = Console()
    if console.width < WIDE:
        kept = [i for i, name in enumerate(header) if not name.startswith("− random")]
        header, rows = [header[i] for i in kept], [[row[i] for i in kept] for row in rows]
    columns = [Column(Text(header[0])), *(Column(Text(name), justify="right") for name in header[1:])]
    table = Table(*columns, title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True)
    for name, *cells in rows:
        table.add_row(Text(shown(name)), *map(two_lines, cells))
    console.print(table)
