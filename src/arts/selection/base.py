"""The Selector protocol: which of N candidates to give, and how often that is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np

from arts.arrays import Bools, Floats, Ints
from arts.selection.expected import subsets
from arts.verifiers.base import Unit

Needs = Literal["answers", "scores", "weights", "key"]
"""What a selector must know of candidates: which answers are equal, scores, scores that can be weighed (a rank cannot),
or which of them are correct, which nobody knows who has to decide."""

SCORES: frozenset[Needs] = frozenset({"scores", "weights"})
"""Needs that a verifier meets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Candidates: N of one problem, arrays (N,), or of each of P problems, (P, N).

    ``classes``: equal answers share a number from 0, −1 states none. ``scores`` are NaN where there is none, ``unit``
    says what they mean. ``correct`` is known in an evaluation only. What a selector does not need may be left out.

    >>> Pool.of(2, scores=[0.1, 0.7]).classes.tolist()
    [-1, -1]
    """

    classes: Ints
    scores: Floats
    correct: Bools
    unit: Unit = "rank"

    @classmethod
    def of(
        cls,
        size: int | tuple[int, int],
        *,
        classes: Sequence[int] | Ints | None = None,
        scores: Sequence[float] | Floats | None = None,
        correct: Sequence[bool] | Bools | None = None,
        unit: Unit = "rank",
    ) -> Self:
        """N candidates, or (P, N), of which not everything is known."""
        return cls(
            classes=np.full(size, -1) if classes is None else np.asarray(classes, dtype=np.int64),
            scores=np.full(size, np.nan) if scores is None else np.asarray(scores, dtype=np.float64),
            correct=np.full(size, False) if correct is None else np.asarray(correct, dtype=bool),
            unit=unit,
        )

    def part(self, *where: "int | Ints") -> "Pool":
        """Some of the candidates: ``part(problem, columns)`` of (P, N), ``part(columns)`` of (N,)."""
        return Pool(classes=self.classes[where], scores=self.scores[where], correct=self.correct[where], unit=self.unit)


class Choice(NamedTuple):
    """Which candidate stands for the decision, −1 for none; the share of each answer class where answers were voted.

    >>> Choice(2).shares
    ()
    """

    candidate: int
    shares: tuple[float, ...] = ()


class Selector(Protocol):
    """One way of deciding between the candidates of a problem.

    A new one is a class like this and a line in :data:`arts.selection.selectors.SELECTORS`; or none, where its name is
    given as ``module:attribute``.

    >>> from arts.selection.selectors import SELECTORS
    >>> SELECTORS["majority"].choose(Pool.of(3, classes=[0, 1, 1])).candidate
    1
    """

    title: str
    """How tables call it, behind the name of the scores that it goes by."""
    about: str
    """What it does, in one line."""
    needs: frozenset[Needs]

    def choose(self, pool: Pool) -> Choice:
        """The decision between the N candidates of one problem."""

    def expected(self, pool: Pool, k: int, seed: int = 0) -> Floats:
        """Expected accuracy with k of the N candidates of each of P problems, (P,); NaN when N < k.

        The mean over all k-subsets, or over random ones where there are many (:func:`arts.selection.expected.subsets`).
        A selector whose mean can be computed without trying them does so.
        """
        problems, n = pool.correct.shape
        if k > n:
            return np.full(problems, np.nan)
        chosen = subsets(n, k, seed)
        return np.array([np.mean([self._credit(pool.part(p, c)) for c in chosen]) for p in range(problems)])

    def _credit(self, pool: Pool) -> bool:
        candidate = self.choose(pool).candidate
        return candidate >= 0 and bool(pool.correct[candidate])
