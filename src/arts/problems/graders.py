"""The graders: exact, and mathematics."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import final, get_args

from arts.errors import UsageError
from arts.problems.base import Grade, Grader, GraderName, Verdict
from arts.problems.extract import MAX_ANSWER, extract_answer
from arts.problems.normalise import exact_number, normalise
from arts.problems.pool import MathPool

MEMORY = 65_536
"""Pairs that the mathematics grader remembers."""

_CORRECT = Grade(verdict=Verdict.CORRECT)
_INCORRECT = Grade(verdict=Verdict.INCORRECT)


def make_grader(name: str) -> Grader:
    """The grader of that name.

    Raises:
        UsageError: there is none.
    """
    match name:
        case "exact":
            return ExactGrader()
        case "math":
            return MathGrader()
        case _:
            raise UsageError(f"no grader '{name}'; there are: {', '.join(get_args(GraderName))}")


def quick_grade(key: str, answer: str | None) -> Grade | None:
    """The verdict where spelling or exact arithmetic settles it; None where it does not."""
    if answer is None:
        return Grade(verdict=Verdict.INCORRECT, reason="no answer")
    if len(answer) > MAX_ANSWER:
        return Grade(verdict=Verdict.UNGRADED, reason=f"the answer has more than {MAX_ANSWER} characters")
    mine, theirs = normalise(key), normalise(answer)
    if mine == theirs:
        return _CORRECT
    numbers = exact_number(mine), exact_number(theirs)
    if None not in numbers:
        return _CORRECT if numbers[0] == numbers[1] else _INCORRECT
    return None


@final
class ExactGrader:
    """Equality of normalised strings or of exact numbers; no mathematics beyond that."""

    name = "exact"

    def extract(self, text: str) -> str | None:
        """The stated answer; the last number when nothing else states one."""
        found = extract_answer(text)
        return found.value if found else None

    def grade(self, pairs: Sequence[tuple[str, str | None]]) -> list[Grade]:
        """Grade ``(key, answer)`` pairs."""
        return [quick_grade(key, answer) or _INCORRECT for key, answer in pairs]

    def close(self) -> None:
        """Nothing to release."""


@final
class MathGrader:
    """Mathematical equality: spelling and exact numbers first, then math-verify in worker processes."""

    name = "math"

    def __init__(self, *, workers: int = 2, deadline_s: float = 5.0) -> None:
        self._pool = MathPool(workers=workers, deadline_s=deadline_s)
        self._known: OrderedDict[tuple[str, str], Grade] = OrderedDict()
        self._lock = threading.Lock()

    def extract(self, text: str) -> str | None:
        """The stated answer; the last number when nothing else states one."""
        found = extract_answer(text)
        return found.value if found else None

    def grade(self, pairs: Sequence[tuple[str, str | None]]) -> list[Grade]:
        """Grade ``(key, answer)`` pairs; a repeated pair is graded once."""
        quick = [quick_grade(key, answer) for key, answer in pairs]
        hard = {(key, answer or "") for (key, answer), grade in zip(pairs, quick, strict=True) if grade is None}
        with self._lock:
            known = {pair: self._known[pair] for pair in hard if pair in self._known}
        fresh = sorted(hard - known.keys())
        graded = dict(zip(fresh, self._pool.grade(fresh), strict=True)) if fresh else {}
        self._remember(graded)
        known |= graded
        return [g or known[key, answer or ""] for g, (key, answer) in zip(quick, pairs, strict=True)]

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()

    def _remember(self, graded: dict[tuple[str, str], Grade]) -> None:
        with self._lock:
            self._known |= graded
            while len(self._known) > MEMORY:
                self._known.popitem(last=False)


@final
class AnswerClasses:
    """Which answers are equal: numbers from 0 in order of first appearance, −1 for no answer.

    Answers with one spelling are one class; a further answer joins the first class whose first member the
    grader calls equal to it.
    """

    def __init__(self, grader: Grader) -> None:
        self._grader = grader
        self._by_spelling: dict[str, int] = {}
        self._heads: list[str] = []
        self._lock = threading.Lock()

    def of(self, answer: str | None) -> int:
        """The class of an answer, a new one where it equals none before it. Safe to call from several threads."""
        if answer is None:
            return -1
        with self._lock:
            return self._known(answer)

    def _known(self, answer: str) -> int:
        spelling = normalise(answer[:MAX_ANSWER])
        known = self._by_spelling.get(spelling)
        if known is None:
            grades = self._grader.grade([(head, answer) for head in self._heads])
            equal = [i for i, grade in enumerate(grades) if grade.verdict is Verdict.CORRECT]
            known = self._by_spelling[spelling] = equal[0] if equal else len(self._heads)
            if not equal:
                self._heads.append(answer)
        return known


def equivalence_classes(grader: Grader, answers: Sequence[str | None]) -> list[int]:
    """The class of each answer, see :class:`AnswerClasses`."""
    classes = AnswerClasses(grader)
    return [classes.of(answer) for answer in answers]
