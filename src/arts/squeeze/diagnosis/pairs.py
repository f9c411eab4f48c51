"""The same problems on both sides, and their samples as arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arts.errors import InputError
from arts.evaluation.metrics import pass_at_k
from arts.problems.base import Grader, Problem, Verdict
from arts.problems.graders import equivalence_classes
from arts.trees.tree import Tree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NO_ANSWER = -1
RIGHT = -2
"""Class of all answers that are correct: equal to the key, so equal to one another."""
MOST = 0.9
"""Share of the problems that must have as many samples as the curves go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Independent samples of one model on P problems, S in all, those of a problem in the order they were drawn.

    All arrays are (S,). ``owner`` is a sample's problem and does not decrease; every problem has a sample. An ungraded
    sample counts as not correct. ``answer``, ``text`` and ``first`` (its first step) number what is equal within a
    problem; ``answer`` is ``NO_ANSWER`` where none is stated. ``steps`` says whether any solution has several.
    """

    owner: Ints
    correct: Bools
    ungraded: Bools
    answer: Ints
    text: Ints
    first: Ints
    steps: bool

    @property
    def n(self) -> Ints:
        """Samples of each problem, (P,)."""
        return np.bincount(self.owner).astype(np.int64)

    @property
    def c(self) -> Ints:
        """Correct ones among them, (P,)."""
        return np.bincount(self.owner, weights=self.correct).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """P problems that both models have samples of, under the names that the base side gives them."""

    problems: list[Problem]
    base: Side
    rl: Side
    matching: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One side as it was read."""

    name: str
    problems: Sequence[Problem]
    trees: Sequence[Tree]


def match(base: Samples, rl: Samples, grader: Grader) -> Pair:
    """Problems with one id, else with one question (up to white space), that have samples on both sides.

    ``grader`` says which wrong answers are equal.

    Raises:
        InputError: there is none.
    """
    ours, theirs = ([(p, t) for p, t in zip(s.problems, s.trees, strict=True) if t.backbones] for s in (base, rl))
    by_id = {p.id: i for i, (p, _) in enumerate(theirs)}
    by_question = {_question(p): i for i, (p, _) in enumerate(theirs)}
    found = [(i, by_id[p.id]) for i, (p, _) in enumerate(ours) if p.id in by_id]
    used = {j for _, j in found}
    rest = [(i, by_question.get(_question(p))) for i, (p, _) in enumerate(ours) if p.id not in by_id]
    more = {j: i for i, j in rest if j is not None and j not in used}
    found = sorted([*found, *((i, j) for j, i in more.items())])
    if not found:
        raise InputError(
            f"{base.name} and {rl.name}: no problem is in both ({len(ours)} and {len(theirs)} with samples); ids and"
            f" questions differ, e.g. '{_start(ours)}' and '{_start(theirs)}': name a common id (fields.id)"
        )
    pairs = [(ours[i], theirs[j]) for i, j in found]
    return Pair(
        problems=[p for (p, _), _ in pairs],
        base=_side([t for (_, t), _ in pairs], grader),
        rl=_side([t for _, (_, t) in pairs], grader),
        matching={
            "matched": len(found),
            "by_question": len(more),
            "only_base": len(base.problems) - len(found),
            "only_rl": len(rl.problems) - len(found),
            "other_question": sum(_question(p) != _question(r) for (p, _), (r, _) in pairs),
        },
    )


def _question(problem: Problem) -> str:
    return " ".join(problem.question.split())


def _start(side: Sequence[tuple[Problem, Tree]]) -> str:
    return f"{side[0][0].id}: {_question(side[0][0])[:60]}" if side else "nothing"


def _side(trees: Sequence[Tree], grader: Grader) -> Side:
    owner, verdicts, answers, leaves, firsts = [], [], [], [], []
    steps = False
    for i, tree in enumerate(trees):
        ended = [r.leaf for r in tree.backbones]
        outcomes = [tree.outcomes.get(leaf) for leaf in ended]
        right = [o is not None and o.verdict is Verdict.CORRECT for o in outcomes]
        stated = [None if o is None or r else o.answer for o, r in zip(outcomes, right, strict=True)]
        classes = equivalence_classes(grader, stated)
        paths = [tree.path(leaf) for leaf in ended]
        owner += [i] * len(ended)
        verdicts += [o.verdict if o else Verdict.UNGRADED for o in outcomes]
        answers += [RIGHT if r else c for r, c in zip(right, classes, strict=True)]
        leaves += ended
        firsts += [path[0] for path in paths]
        steps = steps or any(len(path) > 1 for path in paths)
    return Side(
        owner=np.array(owner, dtype=np.int64),
        correct=np.array([v is Verdict.CORRECT for v in verdicts]),
        ungraded=np.array([v is Verdict.UNGRADED for v in verdicts]),
        answer=np.array(answers, dtype=np.int64),
        text=np.array(leaves, dtype=np.int64),
        first=np.array(firsts, dtype=np.int64),
        steps=steps,
    )


def pass_at(c: Ints, n: Ints, k: int) -> Floats:
    """Unbiased pass@k of problems with different numbers of samples, (P,); NaN where n < k."""
    out = np.full(len(n), np.nan)
    for size in np.unique(n):
        of = n == size
        out[of] = pass_at_k(np.arange(size) < c[of, None], k)
    return out


def most_have(n: Ints) -> int:
    """The number that most (``MOST``) of the numbers reach."""
    return int(np.quantile(n, 1 - MOST, method="lower"))


def ladder(top: int) -> list[int]:
    """1, 2, 4, … up to ``top``, and ``top``."""
    return sorted({1 << i for i in range(top.bit_length())} | {top}) if top else []


def per_kind(value: Callable[..., Any], *columns: Ints) -> Floats:
    """``value`` of each row of integer columns (P,), asked once per kind of row; (P, …)."""
    kinds, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    found = np.array([value(*map(int, kind)) for kind in kinds], dtype=np.float64)
    return np.asarray(found[which.reshape(-1)])
