"""The bundled task: solve ``a x = b (mod m)`` line by line, with an exact check of every line.

A question reads ``solve 7 x = 12 mod 29``. A solution is a list of lines ``OP a' x = b'``; each OP turns one
congruence into an equivalent one, and the solution ends when a' = 1, with b' as the answer. The answer is unique
and cannot be read off the last line alone: whether a line is right depends on the lines before it.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from arts.problems.base import Problem

Split = Literal["train", "validation", "test"]

MODULI = (19, 23, 29, 31, 37, 41, 43, 47)
"""Primes, so that every a in 2 … m − 1 has an inverse."""
MAX_LINES = 9

_QUESTION = re.compile(r"solve (\d+) x = (\d+) mod (\d+)")
_LINE = re.compile(r"(add|div|mul|neg) (\d+) x = (\d+)\n?")


@dataclass(frozen=True, slots=True, order=True)
class Congruence:
    """``a x = b (mod m)`` with m prime, 2 ≤ a < m and 1 ≤ b < m in a question; b is unreduced within a solution."""

    a: int
    b: int
    m: int

    @property
    def x(self) -> int:
        """The unique solution in 0 … m − 1."""
        return self.b * pow(self.a, -1, self.m) % self.m

    @property
    def question(self) -> str:
        """The question in the vocabulary of the bundled tokenizer."""
        return f"solve {self.a} x = {self.b} mod {self.m}"


def parse_question(question: str) -> Congruence | None:
    """The congruence of a question, or None when it is not one of this task."""
    match = _QUESTION.fullmatch(question)
    return Congruence(*map(int, match.groups())) if match else None


def line_is_valid(problem: Congruence, line: str) -> bool:
    """Whether a line states a consequence of the problem: ``a' x ≡ b'`` holds for its solution and a' ≢ 0.

    A prefix whose last line is valid can still be completed to a correct answer, one whose last line is invalid
    only by a second mistake; this labels every state exactly.
    """
    match = _LINE.fullmatch(line)
    if not match:
        return False
    a, b = int(match[2]), int(match[3])
    return a % problem.m != 0 and (a * problem.x - b) % problem.m == 0


def strategy_of(text: str) -> str:
    """Which strategy a solution text uses: the kinds of its moves in order of first use, e.g. ``neg+add+div``."""
    return "+".join(dict.fromkeys(m[1] for m in _LINE.finditer(text)))


@cache
def congruence_problems(split: Split) -> list[Problem]:
    """All problems of a split, in a fixed shuffled order: 70 % train, 10 % validation, 20 % test.

    Splits are by hash of the problem, so they do not depend on one another's size. ``level`` is 1 to 3, the
    tercile of the modulus.
    """
    every = (Congruence(a, b, m) for m in MODULI for a in range(2, m) for b in range(1, m))
    keyed = sorted((_hash(c), c) for c in every)
    low, high = {"train": (0, 70), "validation": (70, 80), "test": (80, 100)}[split]
    return [_problem(c) for key, c in keyed if low <= key % 100 < high]


def _hash(c: Congruence) -> int:
    return int.from_bytes(hashlib.blake2b(c.question.encode(), digest_size=8).digest(), "big")


def _problem(c: Congruence) -> Problem:
    return Problem(
        id=f"congruence-{c.m}-{c.a}-{c.b}",
        question=c.question,
        answer=str(c.x),
        subject=f"modulus {c.m}",
        level=1 + MODULI.index(c.m) * 3 // len(MODULI),
        source="congruences (generated)",
    )
