"""Compare every way of deciding on the same samples, and write the report."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import tyro

from arts.cli.probes import Probes, Source, count_success
from arts.cli.sources import require_samples
from arts.config import require_at_least
from arts.errors import UsageError
from arts.evaluation.evaluate import LEAD_AGGREGATIONS, evaluate_trees
from arts.evaluation.report import write_report
from arts.evaluation.report.calibration import about_reference, overall_table
from arts.evaluation.report.markdown import headline, main_table, shown
from arts.evaluation.steps import Reference
from arts.problems.base import GraderName
from arts.problems.graders import make_grader
from arts.proposers.load import BackendOptions
from arts.search.decide import Aggregation
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
    aggregations: tuple[Aggregation, ...] = LEAD_AGGREGATIONS
    """How scores of steps become a solution's score: last, min, product, mean; the first also weighs its vote."""
    calibration: bool = False
    """Report by depth what scores of steps say about success: as counted by probes, which are sampled into probes.db
    in the report's folder, or by the source's own rollouts where the source does not remember how it was sampled."""
    probes: Probes = field(default_factory=Probes)
    """How --calibration counts."""
    backend: BackendOptions = field(default_factory=BackendOptions)
    """Where and how the model runs that --calibration samples from; what is not set is as the store was sampled."""
    seed: int = 0
    """Of the bootstrap and the subsets."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "seed")
        if not self.n or min(self.n) < 1:
            raise UsageError(f"n is {self.n}; give numbers of samples, each 1 or more")
        if not self.aggregations:
            raise UsageError(f"aggregations is empty; give any of {', '.join(get_args(Aggregation))}")
        unused = {"--probes": self.probes != Probes(), "--backend": self.backend != BackendOptions()}
        if not self.calibration and any(unused.values()):
            name = next(name for name, given in unused.items() if given)
            raise UsageError(f"{name} is for --calibration; give that too, or leave it out")


def run(config: Config) -> int:
    """Print the table on stdout and name the report's files on stderr."""
    grader = make_grader(config.grader)
    try:
        source = read_source(config, grader)
        known = sorted({name for tree in source.trees for name in tree.scores})
        names = config.scores if config.scores is not None else (known if _is_flat(config.source) else [])
        _check_scores(names, known, config.source)
        verifiers = [load_verifier(spec) for spec in _usable(config.verifiers, source.trees)]
        result = evaluate_trees(
            source.problems,
            source.trees,
            verifiers,
            grader,
            ks=_reachable(config.n, source.trees),
            scores=[(name, config.score_unit) for name in names],
            aggregations=config.aggregations,
            reference=_reference(config, source),
            seed=config.seed,
            about=_about(config, source),
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


def read_source(config: Config, grader: Any) -> Source:
    """Problems, trees and what is known about where they come from."""
    if _is_flat(config.source):
        problems, trees = import_flat(config.source, splitter=config.splitter, grader=grader)
        return Source(path=config.source, problems=problems, trees=trees, record={})
    with TreeStore.open(config.source) as store:
        require_samples(config.source, store.config())
        trees = list(store.trees())
        return Source(path=config.source, problems=store.problems(), trees=trees, record=store.config())


def _is_flat(source: Path) -> bool:
    return source.suffix in (".jsonl", ".gz")


def _reference(config: Config, source: Source) -> Reference | None:
    if not config.calibration:
        return None
    return count_success(source, config.probes, config.backend, config.out / "probes.db")


def _about(config: Config, source: Source) -> dict[str, Any]:
    """Where the samples come from and how the report can be made again."""
    kind = {"source kind": "flat rollouts"} if _is_flat(config.source) else {"source kind": "store"}
    if not _is_flat(config.source):
        kind["proposer"] = source.record.get("proposer", "")
    flags = ["--calibration"] if config.calibration else []
    command = shlex.join(["arts", "evaluate", str(config.source), "--verifiers", *config.verifiers, *flags])
    return {**kind, "command": command, "arts": version("arts"), "seed": config.seed}


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
    if "calibration" in result:
        _show_calibration(result["calibration"])
    print(shown(headline(result)), file=sys.stderr)


def _show_calibration(part: dict[str, Any]) -> None:
    table = overall_table(part)
    if sys.stdout.isatty():
        _draw(table.header, table.rows, table.title)
    else:
        for row in [[], table.header, *table.rows]:
            print("\t".join(" ".join(shown(cell).split()) for cell in row))
    print(shown(about_reference(part)), file=sys.stderr)


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
