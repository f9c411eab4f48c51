"""Samples, whoever drew them: stores, exported trees and logs of other tools, graded and as trees."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from arts.errors import InputError, UsageError
from arts.files import StrPath
from arts.logs.differences import differences
from arts.logs.formats import LogOptions, VerdictsOf
from arts.logs.notes import judged_by, notes
from arts.logs.read import read_log
from arts.logs.sources import SourceKind, holds_trees, kind_of
from arts.logs.taken import Taken, taken_from_log, taken_from_trees
from arts.logs.trees import tree_of
from arts.problems.base import Problem, Verdict
from arts.problems.graders import GraderLike, opened_grader
from arts.trees.exchange import fill_store, read_trees
from arts.trees.runs import RunConfig
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore
from arts.trees.tree import Tree
from arts.versions import versions

EXPORTED = "arts"
"""The format of trees, in a store or exported."""
_LOGGED = {True: Verdict.CORRECT, False: Verdict.INCORRECT, None: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Samples that were read.

    ``format`` names the tool (``arts`` for trees), ``verdicts`` says who has judged. ``logged`` has by the id of the
    problem the verdicts that came with the samples, one per sample in the order of the tree's backbones, None where
    there was none. ``run_config`` is what a store remembers of its run, empty for logs. ``taken`` says what was taken
    for answers, scores and verdicts, ``notes`` are whole sentences about what a reader of a report must know.

    >>> import arts
    >>> samples = arts.read_samples("rollouts.jsonl")  # doctest: +SKIP
    >>> print(len(samples.trees), samples.verdicts)  # doctest: +SKIP
    """

    path: Path
    kind: SourceKind
    format: str
    problems: list[Problem]
    trees: list[Tree]
    verdicts: str
    logged: Mapping[str, Sequence[Verdict | None]]
    run_config: RunConfig
    taken: Taken
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Samples({str(self.path)!r}: {len(self.problems)} problems, verdicts {self.verdicts})"

    @property
    def scores(self) -> list[str]:
        """Names of the scores that the trees carry."""
        return sorted({name for tree in self.trees for name in tree.scores})

    def save(self, store: StrPath) -> None:
        """Make a new store of these samples.

        Raises:
            UsageError: there is a file of this name.
        """
        if Path(store).exists():
            raise UsageError(f"{store}: is there already; choose another name")
        run = RunConfig(
            command="import",
            proposer="imported",
            source=self.path.name,
            format=self.format,
            verdicts=self.verdicts,
            versions=versions("arts"),
        )
        fill_store(store, run, zip(self.problems, self.trees, strict=True)).close()


def read_samples(
    source: StrPath,
    *,
    log: LogOptions = LogOptions(),
    splitter: SplitterName = "paragraph",
    grader: GraderLike = "math",
    verdicts: VerdictsOf = "key",
    scores: Sequence[str] | None = None,
    flags: str = "--log",
) -> Samples:
    """The samples of a tree store, of what ``arts store export`` made, or of a log of another tool.

    Trees keep their steps, verdicts and scores. A log is read as ``log`` says, cut into steps by ``splitter``, and
    judged by ``grader`` or by its own verdicts (``verdicts``). ``scores`` names fields of its samples that become
    score columns, see :func:`arts.logs.read.read_log`; ``flags`` is how notes begin the flags of ``log``.

    Raises:
        InputError: no such file, a model, or a row that does not fit, named by file and row.
        UsageError: the trees of a search.
        MissingExtraError: a Parquet file without the extra ``data``.
        StoreError: the store cannot be read.

    >>> import arts
    >>> samples = arts.read_samples("rollouts.jsonl", verdicts="log")  # doctest: +SKIP
    >>> samples.save("rollouts.db")  # doctest: +SKIP
    """
    kind = kind_of(source)
    if kind == "model":
        name = os.fspath(source)
        if Path(source).is_dir():
            raise InputError(
                f"{name}: a folder without trees/*.parquet; give its files of samples, as '{name}/*.jsonl'"
            )
        raise InputError(
            f"{name}: neither a store nor samples (JSON Lines, JSON, Parquet or a log of inspect_ai, or a folder with"
            " trees/*.parquet); make a store with: arts sample"
        )
    if kind == "store":
        with TreeStore.open(Path(source)) as store:
            return _whole(source, kind, store.problems(), list(store.trees()), store.run_config())
    if holds_trees(source):
        read = list(read_trees(source))
        return _whole(source, kind, [p for p, _, _ in read], [t for _, t, _ in read], read[0][2])
    found = read_log(source, log, scores)
    with opened_grader(grader) as judge:
        believe = verdicts == "log"
        trees = [tree_of(p, splitter=splitter, grader=judge, believe=believe) for p in found.problems]
        differing = differences(found.problems, trees, judge)
    logged = {p.problem.id: [_LOGGED[s.correct] for s in p.samples] for p in found.problems}
    reasons = Counter(tree.outcomes[r.leaf].reason.partition("; ")[0] for tree in trees for r in tree.backbones)
    judges = judged_by(reasons, judge.name)
    return Samples(
        path=Path(source),
        kind=kind,
        format=found.format,
        problems=[p.problem for p in found.problems],
        trees=trees,
        verdicts=judges,
        logged=logged,
        run_config=RunConfig(),
        taken=taken_from_log(found, trees, judges),
        notes=tuple(notes(found, reasons, differing, log.correct_above, flags, verdicts)),
    )


def require_samples(path: StrPath, run_config: RunConfig) -> None:
    """Refuse the trees of a search, whose solutions are not independent samples of the model.

    Raises:
        UsageError: they are.
    """
    if run_config.command == "solve":
        raise UsageError(
            f"{path}: was made by arts solve, and search draws are not independent samples; give a store of arts sample"
        )


def verdicts_of(tree: Tree) -> list[Verdict | None]:
    """The verdict on each backbone of a tree, None where it has no outcome."""
    found = [tree.outcomes.get(r.leaf) for r in tree.backbones]
    return [outcome.verdict if outcome else None for outcome in found]


def _whole(
    source: StrPath, kind: SourceKind, problems: list[Problem], trees: list[Tree], run_config: RunConfig
) -> Samples:
    require_samples(source, run_config)
    grader = (run_config.sample or {}).get("grader")
    judges = f"of the {grader} grader" if grader else "of the store"
    return Samples(
        path=Path(source),
        kind=kind,
        format=EXPORTED,
        problems=problems,
        trees=trees,
        verdicts=judges,
        logged={tree.problem_id: verdicts_of(tree) for tree in trees},
        run_config=run_config,
        taken=taken_from_trees(trees, judges),
    )
