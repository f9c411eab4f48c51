"""The graders by name: exact, mathematics, and functions of one's own."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import final

import numpy as np

from arts.errors import UsageError
from arts.problems.answers.equality import equal
from arts.problems.answers.reading import read
from arts.problems.answers.spelling import normalise
from arts.problems.base import Grade, Grader, Verdict
from arts.problems.extraction.answer import UNSTATED, Extraction, extract_answer
from arts.problems.extraction.boxes import MAX_ANSWER
from arts.problems.pool import MathPool
from arts.registry import find

Judge = Callable[[str, str], object]
"""``f(key, answer)``, see :class:`FunctionGrader` for what it may return."""
GraderLike = str | type[Grader] | Grader | Judge
MEMORY = 65_536
"""Pairs that the mathematics grader remembers."""

_CORRECT = Grade(verdict=Verdict.CORRECT)
_INCORRECT = Grade(verdict=Verdict.INCORRECT)
_NO_ANSWER = Grade(verdict=Verdict.INCORRECT, reason="no answer")


def quick_grade(key: str, answer: str | None) -> Grade | None:
    """The verdict where spelling or exact arithmetic settles it; None where it does not."""
    if answer is None:
        return _NO_ANSWER
    if len(answer) > MAX_ANSWER:
        return Grade(verdict=Verdict.UNGRADED, reason=f"the answer has more than {MAX_ANSWER} characters")
    if key == answer:
        return _CORRECT
    same = equal(read(key), read(answer), _unknown)
    return None if same is None else _CORRECT if same else _INCORRECT


def _unknown(key: str, answer: str) -> None:
    """What exact arithmetic and spelling know of two formulas."""


class _StatedAnswer:
    last_number = True
    """Whether the last number of a text is its answer when nothing else states one."""

    def find(self, text: str) -> Extraction | None:
        """The answer that a text states, and how it was found."""
        found = extract_answer(text)
        return None if found and found.how == "last_number" and not self.last_number else found

    def extract(self, text: str) -> str | None:
        """The stated answer; the last number when nothing else states one."""
        found = self.find(text)
        return found.value if found else None

    def close(self) -> None:
        """Nothing to release."""


class ExactGrader(_StatedAnswer):
    """Equality of spellings, of exact numbers, and of lists, intervals and quantities of these; no formulas."""

    name = "exact"

    def grade(self, pairs: Sequence[tuple[str, str | None]]) -> list[Grade]:
        """Grade ``(key, answer)`` pairs."""
        return [quick_grade(key, answer) or _INCORRECT for key, answer in pairs]


class MathGrader(_StatedAnswer):
    """Mathematical equality: what the exact grader decides, and formulas by math-verify in worker processes."""

    name = "math"

    def __init__(self, *, workers: int = 2, deadline_s: float = 5.0) -> None:
        self._pool = MathPool(workers=workers, deadline_s=deadline_s)
        self._known: OrderedDict[tuple[str, str], Grade] = OrderedDict()
        self._lock = threading.Lock()

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
class FunctionGrader(_StatedAnswer):
    """The verdicts of a function of one's own, one call at a time.

    ``function(key, answer)`` returns True or False, a :class:`Verdict`, a :class:`Grade`, or None where it cannot say.
    What raises, or returns anything else, is ungraded with the reason. Answers are extracted as by the exact grader, or
    by the function's own ``extract(text) -> str | None`` where it has one; an error of that ends the run, because
    without an answer there is nothing to grade. That a key equals itself and that no call hangs is the function's duty.
    """

    def __init__(self, function: Judge, name: str) -> None:
        self.name = name
        self._function = function
        self._extract: Callable[[str], str | None] | None = getattr(function, "extract", None)
        self._lock = threading.Lock()

    def find(self, text: str) -> Extraction | None:
        """By the function's own ``extract``, or as the exact grader does."""
        if self._extract is None:
            return super().find(text)
        value = self._extract(text)
        return None if value is None else Extraction(value, "own")

    def grade(self, pairs: Sequence[tuple[str, str | None]]) -> list[Grade]:
        """Grade ``(key, answer)`` pairs."""
        with self._lock:
            return [_NO_ANSWER if answer is None else self._grade(key, answer) for key, answer in pairs]

    def _grade(self, key: str, answer: str) -> Grade:
        try:
            said = self._function(key, answer)
        except Exception as error:  # whatever it is, it says nothing about the other answers
            return _ungraded(f"{self.name} raised {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        match said:
            case Grade():
                return said
            case bool() | np.bool_():
                return _CORRECT if said else _INCORRECT
            case None | Verdict.UNGRADED:
                return _ungraded(f"{self.name} gave no verdict")
            case Verdict():
                return Grade(verdict=said)
            case _:
                return _ungraded(f"{self.name} returned {type(said).__name__}, not a verdict")


def _ungraded(reason: str) -> Grade:
    return Grade(verdict=Verdict.UNGRADED, reason=reason)


@final
class StatedExactGrader(ExactGrader):
    """The exact grader without last numbers: a text that states no answer has none."""

    name = "exact-stated"
    last_number = False


@final
class StatedMathGrader(MathGrader):
    """The mathematics grader without last numbers: a text that states no answer has none."""

    name = "math-stated"
    last_number = False


GRADERS: dict[str, type[Grader] | Grader | Judge | str] = {
    grader.name: grader for grader in (ExactGrader, MathGrader, StatedExactGrader, StatedMathGrader)
}
"""``exact``: spelling and exact numbers. ``math``: formulas too, by math-verify. With ``-stated``: the last number of
a text that states no answer is none. An entry is whatever :func:`make_grader` takes, a name excepted."""


def find_answer(grader: Grader, text: str, *, cut: bool = False) -> Extraction | None:
    """The answer that a grader reads off a text, and how; of one that was ``cut`` only what it states expressly."""
    find: Callable[[str], Extraction | None] | None = getattr(grader, "find", None)
    if find is None:
        value = grader.extract(text)
        return None if value is None else Extraction(value, "own")
    found = find(text)
    return None if cut and found and found.how in UNSTATED else found


def make_grader(grader: GraderLike) -> Grader:
    """A grader by name, or made of what is given.

    A name is one of :data:`GRADERS`, or ``module:attribute``. Given or so named may be a function, see
    :class:`FunctionGrader`; a :class:`Grader`; or a class, made without arguments, of either. A grader's own ``name``
    is the one it is found under, so that a store that remembers it can be resumed.

    Raises:
        UsageError: there is no such grader, or it is none.

    >>> def same_case(key: str, answer: str) -> bool | None:
    ...     return key == answer if key else None
    >>> [grade.verdict.value for grade in make_grader(same_case).grade([("A", "A"), ("A", "a"), ("", "a")])]
    ['correct', 'incorrect', 'ungraded']
    """
    found = find(GRADERS, grader, "grader") if isinstance(grader, str) else grader
    made: object = found() if isinstance(found, type) else found
    name = grader if isinstance(grader, str) else f"{made.__module__}:{getattr(made, '__qualname__', 'object')}"
    if not isinstance(made, Grader):
        if not callable(made):
            raise UsageError(f"grader {name}: neither a function (key, answer) -> bool | None nor a Grader")
        made = FunctionGrader(made, name)
    elif isinstance(grader, str) and made.name != grader:
        raise UsageError(f"grader {grader}: calls itself '{made.name}'; its name must be '{grader}'")
    return made


@contextmanager
def opened_grader(grader: GraderLike) -> Iterator[Grader]:
    """The grader, see :func:`make_grader`; closed at the end unless it is the caller's."""
    made = make_grader(grader)
    try:
        yield made
    finally:
        if made is not grader:
            made.close()


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
        spelling = normalise(answer[:MAX_ANSWER])
        with self._lock:
            if spelling not in self._by_spelling:
                grades = self._grader.grade([(head, answer) for head in self._heads])
                equal = [i for i, grade in enumerate(grades) if grade.verdict is Verdict.CORRECT]
                self._by_spelling[spelling] = equal[0] if equal else len(self._heads)
                if not equal:
                    self._heads.append(answer)
            return self._by_spelling[spelling]


def equivalence_classes(grader: Grader, answers: Sequence[str | None]) -> list[int]:
    """The class of each answer, see :class:`AnswerClasses`."""
    classes = AnswerClasses(grader)
    return [classes.of(answer) for answer in answers]
