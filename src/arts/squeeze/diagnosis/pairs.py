"""The same problems on both sides, and their samples as arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, nan
from typing import Any

import numpy as np

from arts.arrays import Bools, Floats, Ints
from arts.errors import InputError
from arts.problems.base import Grader, Problem, Verdict, question_key
from arts.problems.extraction.answer import LAST_NUMBER
from arts.problems.graders import equivalence_classes
from arts.squeeze.diagnosis.parts import Matching
from arts.trees.tree import Outcome, Tree

NO_ANSWER = -1
RIGHT = -2
"""Class of all answers that are correct: equal to the key, so equal to one another."""
NOT_GRADED = Outcome(answer=None, verdict=Verdict.UNGRADED)
MOST = 0.9
"""Share of the problems that must have as many samples as the curves go, or prove the ids right."""
Sampled = tuple[Problem, Tree]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Independent samples of one model on P problems, S in all, those of a problem in the order they were drawn.

    All arrays are (S,). ``owner`` is a sample's problem and does not decrease; every problem has a sample. An ungraded
    sample counts as not correct. ``answer``, ``text`` and ``first`` (its first step) number what is equal within a
    problem; ``answer`` is ``NO_ANSWER`` where none is stated. ``steps`` says whether any solution has several.
    ``last_numbers`` counts answers that are but the last number of a text that states none.
    """

    owner: Ints
    correct: Bools
    ungraded: Bools
    answer: Ints
    text: Ints
    first: Ints
    steps: bool
    last_numbers: int = 0

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
    matching: Matching


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One side as it was read."""

    name: str
    problems: Sequence[Problem]
    trees: Sequence[Tree]
    ids_chosen: bool = False
    """Whether the user has said what the ids are."""


def match(base: Samples, rl: Samples, grader: Grader) -> Pair:
    """Problems that have samples on both sides: with one question (up to white space), else with one id.

    Ids are only believed where nearly all pairs that have one (``MOST``) are recognised as one problem: one question
    holds the other, as where a chat template is part of it, or the keys are equal; or where both sides' ids were
    chosen by the user. ``grader`` says which wrong answers are equal.

    Raises:
        InputError: there is none.
    """
    ours, theirs = ([(p, t) for p, t in zip(s.problems, s.trees, strict=True) if t.backbones] for s in (base, rl))
    by_id = {p.id: j for j, (p, _) in enumerate(theirs)}
    of_one_id = {i: by_id[p.id] for i, (p, _) in enumerate(ours) if p.id in by_id}
    alike = sum(_alike(ours[i][0], theirs[j][0]) for i, j in of_one_id.items())
    believed = (base.ids_chosen and rl.ids_chosen) or alike >= MOST * len(of_one_id)
    found = _by_question([p for p, _ in ours], [p for p, _ in theirs])
    by_question = len(found)
    taken = set(found.values())
    left = {i: j for i, j in of_one_id.items() if i not in found and j not in taken}
    found |= left if believed else {}
    if not found:
        raise InputError(f"{base.name} and {rl.name}: {_nothing_in_common(ours, theirs, left)}")
    pairs = [(ours[i], theirs[j]) for i, j in sorted(found.items())]
    return Pair(
        problems=[p for (p, _), _ in pairs],
        base=_side([t for (_, t), _ in pairs], grader),
        rl=_side([t for _, (_, t) in pairs], grader),
        matching=Matching(
            matched=len(found),
            by_question=by_question,
            only_base=len(base.problems) - len(found),
            only_rl=len(rl.problems) - len(found),
            other_question=len(left) if believed else 0,
            disbelieved=0 if believed else len(left),
        ),
    )


def _by_question(ours: Sequence[Problem], theirs: Sequence[Problem]) -> dict[int, int]:
    """Which of their problems has the question of which of ours: that with the same id, else the first left over."""
    same = {(p.id, question_key(p.question)): j for j, p in enumerate(theirs)}
    found = {i: same[key] for i, p in enumerate(ours) if (key := (p.id, question_key(p.question))) in same}
    used = set(found.values())
    free = {question_key(p.question): j for j, p in reversed([*enumerate(theirs)]) if j not in used}
    for i, problem in enumerate(ours):
        if i not in found and (j := free.pop(question_key(problem.question), None)) is not None:
            found[i] = j
    return found


def _alike(ours: Problem, theirs: Problem) -> bool:
    one, other = question_key(ours.question), question_key(theirs.question)
    keys = ours.answer.strip(), theirs.answer.strip()
    return one in other or other in one or (keys[0] == keys[1] != "")


def _nothing_in_common(ours: Sequence[Sampled], theirs: Sequence[Sampled], left: Mapping[int, int]) -> str:
    if left:
        i, j = next(iter(left.items()))
        return (
            f"{len(left)} ids are in both, but with other questions and keys, e.g. {ours[i][0].id} is"
            f" '{_start(ours[i][0])}' and '{_start(theirs[j][0])}'; name the bare question (fields.problem) or the key"
            " (fields.key), or on both sides the id (fields.id), which is then believed"
        )
    starts = [f"'{s[0][0].id}: {_start(s[0][0])}'" if s else "nothing" for s in (ours, theirs)]
    return (
        f"no problem is in both ({len(ours)} and {len(theirs)} with samples); ids and questions differ, e.g."
        f" {' and '.join(starts)}: name a common id (fields.id)"
    )


def _start(problem: Problem) -> str:
    return question_key(problem.question)[:60]


def _side(trees: Sequence[Tree], grader: Grader) -> Side:
    owner, verdicts, answers, leaves, firsts = [], [], [], [], []
    steps, last_numbers = False, 0
    for i, tree in enumerate(trees):
        ended = [r.leaf for r in tree.backbones]
        outcomes = [tree.outcomes.get(leaf, NOT_GRADED) for leaf in ended]
        right = [o.verdict is Verdict.CORRECT for o in outcomes]
        classes = equivalence_classes(grader, [None if r else o.answer for o, r in zip(outcomes, right, strict=True)])
        last_numbers += sum(o.reason.endswith(LAST_NUMBER) for o in outcomes)
        paths = [tree.path(leaf) for leaf in ended]
        owner += [i] * len(ended)
        verdicts += [o.verdict for o in outcomes]
        answers += [RIGHT if r else c for r, c in zip(right, classes, strict=True)]
        leaves += ended
        names = dict[str, int]()  # a step that ends a solution is another node than the same one that goes on
        firsts += [names.setdefault(tree.text[path[0]].strip(), len(names)) for path in paths]
        steps = steps or any(len(path) > 1 for path in paths)
    return Side(
        owner=np.array(owner, dtype=np.int64),
        correct=np.array([v is Verdict.CORRECT for v in verdicts]),
        ungraded=np.array([v is Verdict.UNGRADED for v in verdicts]),
        answer=np.array(answers, dtype=np.int64),
        text=np.array(leaves, dtype=np.int64),
        first=np.array(firsts, dtype=np.int64),
        steps=steps,
        last_numbers=last_numbers,
    )


def drawn(c: int, n: int, k: int) -> float:
    """Probability that k of n samples hold one of ``c`` among them, 1 − C(n − c, k)/C(n, k); NaN where n < k."""
    return 1 - comb(max(n - c, 0), k) / comb(n, k) if n >= k else nan


def reached(n: Ints) -> tuple[list[int], Bools]:
    """The ladder up to what most (``MOST``) of the numbers of samples reach, and which of them (P,) reach its end."""
    top = int(np.quantile(n, 1 - MOST, method="lower"))
    return ladder(top), n >= top


def ladder(top: int) -> list[int]:
    """1, 2, 4, … up to ``top``, and ``top``."""
    return sorted({1 << i for i in range(top.bit_length())} | {top}) if top else []


def per_kind(value: Callable[..., Any], *columns: Ints) -> Floats:
    """``value`` of each row of integer columns (P,), asked once per kind of row; (P, …)."""
    kinds, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    found = np.array([value(*map(int, kind)) for kind in kinds], dtype=np.float64)
    return np.asarray(found[which.reshape(-1)])
