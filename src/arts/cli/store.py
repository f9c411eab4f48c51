"""Inspect, export and import tree stores."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from arts.cli.sample import describe
from arts.cli.terminal import put, say
from arts.errors import UsageError
from arts.logs.formats import LogOptions, VerdictsOf
from arts.logs.samples import read_samples
from arts.logs.sources import holds_trees, kind_of
from arts.sampling.grow import spent
from arts.trees.data_set import export_data_set
from arts.trees.exchange import export_trees, import_trees
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts store``."""

    action: tyro.conf.Positional[Literal["info", "export", "import"]]
    """info: what is in a store. export: its trees as rows, or as a data set. import: exported trees, or a log of other
    tools (docs/recorded-runs.md) → a new store."""
    source: tyro.conf.Positional[Path]
    """The store (info, export), or the file or folder to import; with * in its name all files that fit."""
    out: Path | None = None
    """Export: a .jsonl or .parquet file, or a folder for datasets with a data card. Import: the new store."""
    split: str = "train"
    """Folders: the name of the split."""
    licence: str = "unknown"
    """Folders: what the data card says, as the Hugging Face Hub spells it (mit, apache-2.0)."""
    log: LogOptions = field(default_factory=LogOptions)
    """Logs: how they are read."""
    scores: tuple[str, ...] | None = None
    """Logs: fields of a sample that are scores; default: the numbers of samples that a row lists."""
    verdicts: VerdictsOf = "key"
    """Logs: who says what is correct. key: the grader, where there is a key. log: the log, where it has verdicts."""
    splitter: SplitterName = "paragraph"
    """Logs: how texts are cut into steps."""
    grader: str = "math"
    """Logs: how answers are graded: exact, math, either with -stated (takes no last numbers), or module:function of
    your own."""


def run(config: Config) -> int:
    """Do the action; the name of what was written goes to stdout."""
    match config.action:
        case "info":
            _info(config.source)
        case "export":
            with TreeStore.open(config.source) as store:
                put(f"{config.out}: {_export(store, _target(config), config)} trees")
        case "import":
            _import(config, _target(config))
    return 0


def _target(config: Config) -> Path:
    if config.out is None:
        raise UsageError(
            f"arts store {config.action} needs --out {'FILE' if config.action == 'import' else 'FILE or FOLDER'}"
        )
    return config.out


def _info(path: Path) -> None:
    with TreeStore.open(path) as store:
        run, trees = store.run_config(), list(store.trees())
    put(f"{path}: {describe(spent(trees))}")
    put(f"proposer: {run.proposer or 'unknown'}")
    verifiers = sorted({name for tree in trees for name in tree.scores})
    put(f"scores: {', '.join(verifiers) or 'none'}")
    reasons = Counter(r.error for t in trees for r in t.rollouts if r.stop == "error")
    for reason, count in reasons.most_common(5):
        put(f"failed {count} times: {reason}")


def _export(store: TreeStore, out: Path, config: Config) -> int:
    if out.suffix and not out.is_dir():
        if (config.split, config.licence) != (Config.split, Config.licence):
            raise UsageError(f"{out}: --split and --licence are for a data set's folder; leave them out, or the ending")
        return export_trees(store, out)
    return export_data_set(store, out, split=config.split, licence=config.licence)


def _import(config: Config, out: Path) -> None:
    if out.exists():
        raise UsageError(f"{out}: is there already; import makes a new store, choose another --out")
    kind = kind_of(config.source)
    if kind == "store":
        raise UsageError(f"{config.source}: is a store; import takes a log or exported trees")
    if holds_trees(config.source):
        with import_trees(config.source, out) as store:
            put(f"{out}: {len(store.problems())} trees")
        return
    found = read_samples(
        config.source,
        log=config.log,
        splitter=config.splitter,
        grader=config.grader,
        verdicts=config.verdicts,
        scores=config.scores,
    )
    for line in found.taken.lines():
        say(line)
    for note in found.notes:
        say(f"note: {note}")
    found.save(out)
    put(f"{out}: {len(found.trees)} trees")
