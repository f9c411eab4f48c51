"""Many runs of one update rule side by side, and what became of the rare trajectory in them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from arts.arrays import Bools, Floats, Ints
from arts.config import require_at_least
from arts.errors import UsageError
from arts.estimate import Estimate
from arts.evaluation.resampling import CONFIDENCE
from arts.squeeze.policy import draw, normalised
from arts.squeeze.rules import Rule, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Extinction:
    """When a trajectory counts as extinct: ``budget`` samples at temperature 1 miss it with probability 1 − ``chance``.

    That is (1 − π)^budget ≥ 1 − chance, hence π ≤ :attr:`floor`.
    """

    budget: int = 256
    """Samples that somebody would draw to find it."""
    chance: float = 0.05
    """It counts as extinct where they find it with this probability or less."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "budget")
        if not 0 < self.chance < 1:
            raise UsageError(f"chance is {self.chance}; use a number in (0, 1)")

    @property
    def floor(self) -> float:
        """The largest probability that counts as extinct, 1 − (1 − chance)^(1 / budget)."""
        return float(-np.expm1(np.log1p(-self.chance) / self.budget))


def dynamics(
    log_policy: Floats,
    rewards: Floats,
    rule: Rule,
    update: Update,
    *,
    n: int,
    temperature: float,
    updates: int,
    rng: np.random.Generator,
) -> Iterator[Floats]:
    """Log-probabilities (R, K) before the first update and after each; each run has draws of its own.

    The reference of a KL term is the policy before the first update.
    """
    reference = log_policy
    yield log_policy
    for _ in range(updates):
        counts = draw(log_policy, n, temperature, rng)
        log_policy = normalised(log_policy + rule(log_policy, counts, rewards, reference, update))
        yield log_policy


def first_passage(below: Bools) -> Ints:
    """Number of updates until a run is first below the floor, (R,), of ``below`` (updates + 1, R); −1: never."""
    return np.where(below.any(axis=0), below.argmax(axis=0), -1)


def wilson(hits: int, runs: int) -> Estimate:
    """A share with its Wilson score interval; ``n`` is the number of independent runs.

    Wilson 1927, doi:10.1080/01621459.1927.10502953. It keeps a width where the share is 0 or 1.
    """
    interval = binomtest(hits, runs).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(value=hits / runs, low=interval.low, high=interval.high, n=runs, method="Wilson score")


def certain(hits: int, runs: int) -> Estimate:
    """A share that nothing random has part in: it is its own interval."""
    share = hits / runs
    return Estimate(value=share, low=share, high=share, n=runs, method="no draws")
