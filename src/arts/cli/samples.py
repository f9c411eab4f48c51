"""Samples that are evaluated, from a store or from elsewhere."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from arts.cli.sources import require_samples
from arts.documents.words import shown
from arts.errors import UsageError
from arts.evaluation.parts import About
from arts.logs.formats import LogOptions, VerdictsOf
from arts.logs.imported import read_samples, verdicts_of
from arts.logs.read import is_log
from arts.problems.base import Grader, Problem, Verdict
from arts.trees.splitting import SplitterName
from arts.trees.store import TreeStore
from arts.trees.tree import Tree
from arts.verifiers.base import Unit


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is evaluated.

    ``record`` is what a store remembers of its run, else empty; ``given`` the verdicts that came with the samples, by
    problem id and in the order of the backbones; ``about`` says for a report's reader where the samples are from.
    """

    path: Path
    problems: list[Problem]
    trees: list[Tree]
    record: Mapping[str, Any]
    given: Mapping[str, Sequence[Verdict | None]] = field(default_factory=dict)
    about: About = field(default_factory=About)

    @property
    def scores(self) -> list[str]:
        """Names of the scores that the trees carry."""
        return sorted({name for tree in self.trees for name in tree.scores})

    @property
    def is_store(self) -> bool:
        """Whether it is a store, and not samples of another tool."""
        return _is_store(self.path)


@dataclass(frozen=True)
class Reading:
    """How samples are read; calling it reads them, and says on stderr what there is to know about a log."""

    log: LogOptions
    splitter: SplitterName
    verdicts: VerdictsOf
    grader: Grader

    def __call__(self, path: Path, scores: Sequence[str] | None = None) -> Source:
        """The samples of a store, a log or an export; ``scores`` names fields of a log that are scores.

        Raises:
            InputError: no such file, or a row that does not fit, named by file and row.
            UsageError: the store of a search.
        """
        return _stored(path) if _is_store(path) else self._recorded(path, scores)

    def _recorded(self, path: Path, scores: Sequence[str] | None) -> Source:
        found = read_samples(
            str(path), self.log, splitter=self.splitter, grader=self.grader, verdicts=self.verdicts, scores=scores
        )
        for note in found.notes:
            print(shown(f"{path}: {note}"), file=sys.stderr)
        kind = f"samples, format {found.format}"
        return Source(
            path=path,
            problems=found.problems,
            trees=found.trees,
            record=found.record,
            given=found.given,
            about=About(source_kind=kind, verdicts=found.verdicts, proposer=_proposer(found.record)),
        )


def _is_store(path: Path) -> bool:
    return not is_log(str(path)) and not path.is_dir()


def _stored(path: Path) -> Source:
    with TreeStore.open(path) as store:
        record, problems, trees = store.config(), store.problems(), list(store.trees())
    require_samples(path, record)
    given = {tree.problem_id: verdicts_of(tree) for tree in trees}
    about = About(source_kind="store", proposer=_proposer(record))
    return Source(path=path, problems=problems, trees=trees, record=record, given=given, about=about)


def _proposer(record: Mapping[str, Any]) -> str:
    return str(record.get("proposer") or "")


def verdicts_by_problem(other: Source, source: Source) -> dict[str, list[bool]]:
    """Verdicts on the samples of another policy, by the id of the problem; an ungraded one counts as not correct.

    Problems are matched by their questions, whatever their spaces. How many are is said on stderr.

    Raises:
        UsageError: none of the problems has samples there, or they are the very samples of the source.
    """
    if [t.text for t in other.trees] == [t.text for t in source.trees]:
        raise UsageError(f"{other.path}: the same samples as {source.path}; --policy needs those of another policy")
    verdicts = {
        _text(p): [v is Verdict.CORRECT for v in verdicts_of(t)]
        for p, t in zip(other.problems, other.trees, strict=True)
        if t.backbones
    }
    found = {p.id: verdicts[_text(p)] for p in source.problems if _text(p) in verdicts}
    if not found:
        raise UsageError(f"{other.path}: no samples of any of the problems; sample the other policy on the same ones")
    print(f"{other.path}: samples of {len(found)} of {len(source.problems)} problems", file=sys.stderr)
    return found


def _text(problem: Problem) -> str:
    return " ".join(problem.question.split())


def score_names(asked: Sequence[str] | None, source: Source) -> list[str]:
    """The score columns to select by: those asked for, or all that samples of other tools carry.

    Raises:
        UsageError: there is no such column.
    """
    if asked is None:
        return [] if source.is_store else source.scores
    for name in asked:
        if name not in source.scores:
            there = ", ".join(source.scores) or "none"
            raise UsageError(f"{source.path}: no scores named '{name}'; there are: {there}")
    return list(asked)


def remark_on_units(names: Sequence[str], unit: Unit, trees: Sequence[Tree]) -> None:
    """Say on stderr which scores do not look like what they are taken for."""
    for name in names:
        values = np.concatenate([t.scores[name] for t in trees if name in t.scores])
        known = values[~np.isnan(values)]
        within = bool(((known >= 0) & (known <= 1)).all())
        if unit == "probability" and not within:
            print(shown(f"{name}: not all between 0 and 1, and read as probabilities (--score-unit)"), file=sys.stderr)
        if unit == "logit" and within and len(known):
            print(
                shown(f"{name}: all between 0 and 1, and read as logits; are they --score-unit probability?"),
                file=sys.stderr,
            )


def usable(specs: Sequence[str], trees: Sequence[Tree]) -> list[str]:
    """Likelihood only where the proposer gave log-probabilities."""
    if "likelihood" not in specs or any(x == x for tree in trees for x in tree.logprob[1:]):
        return list(specs)
    print("likelihood is left out: these samples carry no log-probabilities", file=sys.stderr)
    return [s for s in specs if s != "likelihood"]


def reachable(ks: Sequence[int], trees: Sequence[Tree]) -> list[int]:
    """The numbers of samples that at least half of the problems have; what is left out is said on stderr."""
    counts = sorted(len(t.backbones) for t in trees)
    most = counts[len(counts) // 2] if counts else 0
    asked = sorted(set(ks))
    kept = [k for k in asked if k <= most] or [max(most, 1)]
    if most > 0 and len(kept) < len(asked):
        print(f"half of the problems have {most} samples or fewer: N is {', '.join(map(str, kept))}", file=sys.stderr)
    few = sum(count < kept[-1] for count in counts)
    if few:
        print(f"{few} of {len(counts)} problems have fewer than {kept[-1]} samples and are left out", file=sys.stderr)
    return kept
