"""Inspect, export and import tree stores."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from arts.cli.sample import describe
from arts.errors import UsageError
from arts.problems.base import GraderName
from arts.problems.rows import read_rows
from arts.proposers.grow import spent
from arts.text import visible
from arts.trees.exchange import export_trees, fill_store, import_trees
from arts.trees.flat import import_flat
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts store``."""

    action: tyro.conf.Positional[Literal["info", "export", "import"]]
    """info: what is in a store. export: its trees as rows. import: exported trees or flat rollouts → a new store."""
    source: tyro.conf.Positional[Path]
    """The store (info, export), or the file to import."""
    out: Path | None = None
    """Export: a .jsonl or .parquet file. Import: the new store."""
    splitter: SplitterName = "paragraph"
    """How imported flat texts are cut into steps."""
    grader: GraderName = "math"
    """How imported flat rollouts are graded."""


def run(config: Config) -> int:
    """Do the action; the name of what was written goes to stdout."""
    match config.action:
        case "info":
            _info(config.source)
        case "export":
            with TreeStore.open(config.source) as store:
                count = export_trees(store, _target(config))
            print(f"{config.out}: {count} trees")
        case "import":
            _import(config, _target(config))
    return 0


def _target(config: Config) -> Path:
    if config.out is None:
        raise UsageError(f"arts store {config.action} needs --out FILE")
    return config.out


def _info(path: Path) -> None:
    with TreeStore.open(path) as store:
        record, trees = store.config(), list(store.trees())
    print(f"{path}: {describe(spent(trees))}")
    print(f"proposer: {record.get('proposer', 'unknown')}")
    verifiers = sorted({name for tree in trees for name in tree.scores})
    print(f"scores: {', '.join(verifiers) or 'none'}")
    reasons = Counter(r.error for t in trees for r in t.rollouts if r.stop == "error")
    for reason, count in reasons.most_common(5):
        print(f"failed {count} times: {visible(reason)}")


def _import(config: Config, out: Path) -> None:
    from arts.problems.graders import make_grader

    if out.exists():
        raise UsageError(f"{out}: is there already; import makes a new store, choose another --out")
    if _is_exported(config.source):
        with import_trees(config.source, out) as store:
            print(f"{out}: {len(store.problems())} trees")
        return
    grader = make_grader(config.grader)
    try:
        problems, trees = import_flat(config.source, splitter=config.splitter, grader=grader)
    finally:
        grader.close()
    record = {"command": "import", "proposer": "imported", "source": config.source.name}
    with fill_store(out, record, zip(problems, trees, strict=True)):
        print(f"{out}: {len(trees)} trees")


def _is_exported(path: Path) -> bool:
    if path.suffix == ".parquet":
        return True
    first = next(iter(read_rows(path)), None)
    return first is not None and "rollouts" in first[1]
