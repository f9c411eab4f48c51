"""What can be said about the dynamics without sampling, in closed form. docs/squeeze-theory.md has the proofs."""

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom

from arts.arrays import Floats
from arts.squeeze.policy import RARE, World, tempered


def losing_below(log_policy: Floats, correct: Floats) -> Floats:
    """Correct trajectories of less probability than this lose under the exact policy gradient, without any sampling.

    S_c − S_w J / (1 − J), where S is the sum of squared probabilities over correct and over wrong trajectories and
    J < 1 the probability of the correct ones; none loses where it is negative. For rewards of two values;
    ``correct`` (K,) is 1 or 0.
    """
    policy = np.exp(log_policy)
    right = (policy * correct).sum(axis=-1)
    wrong = (policy * (1 - correct)).sum(axis=-1)
    squares = [(policy**2 * part).sum(axis=-1) for part in (correct, 1 - correct)]
    return np.asarray(squares[0] - squares[1] * right / wrong)


def grpo_pace(right: float, n: int) -> float:
    """Mean step of one GRPO pass as a multiple of the exact policy gradient, at rate 1 and rewards 1 and 0.

    E[σ] / (J (1 − J)), σ² = p (1 − p), n p ~ Binomial(n, J); ``right`` is J. The mean step is the exact gradient times
    this number, so the mean moves along the same paths at another speed; (n − 1) / n takes its place without division
    by the spread. For draws at temperature 1 and a floor of 0 below the standard deviation.
    """
    counts = np.arange(n + 1)
    spread = np.sqrt(counts * (n - counts)) / n
    return float((binom.pmf(counts, n, right) * spread).sum() / (right * (1 - right)))


def seen_threshold(world: World, n: int, temperature: float, level: float = 0.5) -> float:
    """pi0 from which the rare trajectory is in the first group with probability ``level`` or more.

    Its sampling probability is then q = 1 − (1 − level)^(1/n), which is pi0 itself at temperature 1. 1 where no pi0
    that the world allows is enough.
    """
    target = -np.expm1(np.log1p(-level) / n)

    def excess(pi0: float) -> float:
        return float(np.exp(tempered(world.log_policy(np.array([pi0])), temperature)[0, RARE]) - target)

    most = (1 - world.wrong_mass) / 2 * (1 - 1e-9)
    return 1.0 if excess(most) < 0 else float(brentq(excess, 1e-300, most, xtol=1e-15, rtol=1e-13))


def ever_sampled_bound(world: World, pi0: float, n: int, beta: float) -> float:
    """Upper bound of the chance that the rare trajectory is ever sampled, in however many reward-weighted updates.

    n pi0 / (1 − ρ) with ρ = 1 − s + s / (1 + f (exp(R/β) − 1)), f the frequent trajectory's first probability and
    s = 1 − (1 − f)^n; for draws at temperature 1, a wrong reward of 0, and R > 0.
    """
    frequent = 1 - world.wrong_mass - pi0
    seen = 1 - (1 - frequent) ** n
    shrinks = 1 - seen + seen / (1 + frequent * np.expm1(world.reward / beta))
    return float(min(1.0, n * pi0 / (1 - shrinks)))
