"""List, show and check problem sets."""

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import tyro

from arts.cli.sources import CONGRUENCES, open_problems, task_defaults
from arts.errors import UsageError
from arts.problems.base import GraderName, Verdict
from arts.problems.graders import make_grader
from arts.problems.sets import SETS
from arts.text import visible


@dataclass(frozen=True, kw_only=True)
class Config:
    """Flags of ``arts problems``."""

    action: tyro.conf.Positional[Literal["list", "show", "check"]]
    """list: the catalogue. show: some problems. check: counts, duplicates, keys that do not grade themselves."""
    set: tyro.conf.Positional[str] = ""
    """A name of the list, hf:REPO#SPLIT or a .jsonl file."""
    limit: int | None = None
    """At most this many problems (show: 3 unless given)."""
    grader: GraderName | None = None
    """Grader to check with; default: the set's own."""


def run(config: Config) -> int:
    """Do the action; data goes to stdout. A failed check is exit code 1."""
    if config.action == "list":
        print(f"{CONGRUENCES:<12} train, validation, test  generated   the bundled task: a x = b (mod m)")
        for name, known in SETS.items():
            print(f"{name:<12} {', '.join(known.splits):<24} {known.licence:<10}  {known.about}")
        return 0
    if not config.set:
        raise UsageError(f"arts problems {config.action} needs a set: a name of 'arts problems list' or a .jsonl file")
    if config.action == "show":
        for p in open_problems(config.set, limit=3 if config.limit is None else config.limit):
            print(visible(f"{p.id}\n  {p.question}\n  key: {p.answer}"))
        return 0
    return _check(config)


def _check(config: Config) -> int:
    problems = open_problems(config.set, limit=config.limit)
    grader = make_grader(config.grader or task_defaults(config.set).grader)
    try:
        grades = grader.grade([(p.answer, p.answer) for p in problems])
    finally:
        grader.close()
    texts = Counter(" ".join(p.question.split()) for p in problems)
    twice = sum(count - 1 for count in texts.values())
    print(f"{config.set}: {len(problems)} problems, {twice} duplicate questions")
    bad = [(p, g) for p, g in zip(problems, grades, strict=True) if g.verdict is not Verdict.CORRECT]
    for problem, grade in bad:
        print(visible(f"{problem.id}: key {problem.answer!r} grades itself {grade.verdict}: {grade.reason}"))
    print(f"{len(bad)} keys do not grade themselves correct", file=sys.stderr)
    return 1 if bad else 0
