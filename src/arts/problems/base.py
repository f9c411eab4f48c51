"""Problems, verdicts and the Grader protocol: the only place where the answer key is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One question with its answer key.

    ``id`` is unique within a set. ``answer`` is the key: graders and outcome labels read it, nothing else does.
    ``level`` is a difficulty (MATH: 1 to 5).

    >>> problem = Problem(id="p1", question="What is 7 * 8?", answer="56", level=1)
    >>> problem.answer
    '56'
    """

    id: str
    question: str
    answer: str
    solution: str | None = None
    subject: str | None = None
    level: int | None = None
    source: str = ""


def question_key(question: str) -> str:
    """The question up to white space: what problems of two sources are matched by."""
    return " ".join(question.split())


class Verdict(StrEnum):
    """What the grader could establish about one answer.

    >>> Verdict("correct") is Verdict.CORRECT
    True
    """

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNGRADED = "ungraded"
    """No verdict was possible (time-out, unparsable key, hostile text); reported, never counted as graded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A verdict; ``reason`` is non-empty whenever the verdict is not plainly correct or incorrect.

    >>> Grade(verdict=Verdict.UNGRADED, reason="the answer has more than 2000 characters").verdict.value
    'ungraded'
    """

    verdict: Verdict
    reason: str = ""


@runtime_checkable
class Grader(Protocol):
    """Deterministic check of answers against a key. Safe to call from several threads.

    Laws: results come in the order of the pairs; an empty batch gives an empty list; grading a key against
    itself is never ``incorrect``; no input raises or hangs.

    >>> from arts.problems.graders import make_grader
    >>> isinstance(make_grader("exact"), Grader)
    True
    """

    @property
    def name(self) -> str:
        """The name under which :func:`arts.problems.graders.make_grader` builds it."""
        ...

    def extract(self, text: str) -> str | None:
        """The answer that a solution text states, or None when it states none."""
        ...

    def grade(self, pairs: Sequence[tuple[str, str | None]]) -> list[Grade]:
        """Grade ``(key, answer)`` pairs; an answer of None is incorrect with the reason "no answer"."""
        ...

    def close(self) -> None:
        """Release worker processes; the grader may not be used afterwards."""
        ...
