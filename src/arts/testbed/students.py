"""Simulated students: where the demonstrations for the bundled model come from, mistakes included.

Each student picks a strategy and follows it with a typical weakness, so that several ways of solving exist whose
frequency and reliability differ, and some problems are solved only by a rare one.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np

from arts.testbed.congruences import MAX_LINES, Congruence

MAX_NUMBER = 240
"""Largest number in the vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentHabits:
    """Probabilities of the students' strategies and mistakes."""

    strategies: tuple[float, float, float] = (0.50, 0.27, 0.23)
    """Of beginning with add, mul, neg."""
    patience: tuple[int, int] = (2, 4)
    """Fewest and most additions before giving up on a division that comes out even."""
    rounds: float = 0.6
    """Of rounding the division after giving up; otherwise the student goes on by multiplying."""
    neg_forgets: float = 0.5
    """Of forgetting to negate the right-hand side."""
    mul_forgets: float = 0.25
    """Of forgetting to multiply the right-hand side."""
    slip: float = 0.01
    """Of a small arithmetic slip in any line."""


def demonstrate(problem: Congruence, rng: np.random.Generator, habits: StudentHabits) -> str | None:
    """One student's solution, right or wrong; None when it does not end within the allowed lines."""
    student = _Student(problem, rng, habits)
    student.solve()
    return "".join(student.lines) if student.a == 1 and len(student.lines) <= MAX_LINES else None


class _Student:
    def __init__(self, problem: Congruence, rng: np.random.Generator, habits: StudentHabits) -> None:
        self.a, self.b, self.m = problem.a, problem.b, problem.m
        self.rng, self.habits = rng, habits
        self.lines: list[str] = []

    def solve(self) -> None:
        strategy = self.rng.choice(("add", "mul", "neg"), p=self.habits.strategies)
        if strategy == "neg":
            self._negate()
            strategy = "add" if self.rng.random() < 0.5 else "mul"
        if strategy == "add":
            self._add_then_divide()
        while self.a != 1 and len(self.lines) <= MAX_LINES:
            self._multiply()

    def _write(self, move: str, a: int, b: int) -> None:
        if self.rng.random() < self.habits.slip:
            b = max(0, b + int(self.rng.choice((-2, -1, 1, 2))))
        self.a, self.b = a, b
        self.lines.append(f"{move} {a} x = {b}\n")

    def _divide(self) -> None:
        shared = gcd(self.a, self.b)
        if shared > 1:
            self._write("div", self.a // shared, self.b // shared)

    def _add_then_divide(self) -> None:
        patience = int(self.rng.integers(self.habits.patience[0], self.habits.patience[1] + 1))
        for _ in range(patience):
            self._divide()
            if self.a == 1:
                return
            self._write("add", self.a, self.b + self.m)
        self._divide()
        if self.a != 1 and self.rng.random() < self.habits.rounds:
            self._write("div", 1, round(self.b / self.a))

    def _multiply(self) -> None:
        """Multiply by the factor that leaves the smallest coefficient (any factor when none makes it smaller)."""
        factors = sorted(range(2, 6), key=lambda k: k * self.a % self.m)
        k = factors[0] if factors[0] * self.a % self.m < self.a else int(self.rng.integers(2, 6))
        forgets = self.rng.random() < self.habits.mul_forgets
        self._write("mul", k * self.a % self.m, self.b % self.m if forgets else k * self.b % self.m)
        self._divide()

    def _negate(self) -> None:
        forgets = self.rng.random() < self.habits.neg_forgets
        self._write("neg", self.m - self.a, self.b if forgets else self.m - self.b)
        self._divide()
