"""What can be said about the dynamics without sampling: identities, drifts, fixed points, and the exact Markov chain.

Axes: R runs, K trajectories, S states of the chain. docs/squeeze-theory.md has the proofs.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln
from scipy.stats import binom

from arts.errors import UsageError
from arts.squeeze.policy import RARE, Floats, Ints, World, normalised, policy_gradient, tempered
from arts.squeeze.rules import Rule, Update

STATES = 2_000_000
"""States that :func:`chain` may hold."""


def squeeze_alpha(log_policy: Floats, step: Floats) -> Floats:
    """α = Σ_τ π(τ) (exp(step(τ)) − 1), the relative growth of the normaliser; along the last axis.

    A trajectory whose logit stays has π'(τ) = π(τ) / (1 + α), whichever rule made the step and whatever its reward. For
    the reward-weighted rule this is the Normalization Squeeze (arXiv 2602.12846), where α ≥ 0.
    """
    return np.asarray((np.exp(log_policy) * np.expm1(step)).sum(axis=-1))


def miss_probability(q: Floats, n: int) -> Floats:
    """(1 − q)^n, the probability that n independent draws miss a trajectory of probability ``q``."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(n * np.log1p(-np.asarray(q))))


def drift(log_policy: Floats, rewards: Floats) -> Floats:
    """Drift of log π(τ) under the exact policy gradient flow, π(τ) A(τ) − Σ_σ π(σ)² A(σ); along the last axis."""
    gradient = policy_gradient(log_policy, rewards)
    return np.asarray(gradient - (np.exp(log_policy) * gradient).sum(axis=-1, keepdims=True))


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


def kl_optimum(reference: Floats, rewards: Floats, kl: float) -> Floats:
    """Log-probabilities of the policy that maximises E[R] − kl KL(π ‖ π_ref): π ∝ π_ref exp(R / kl).

    Trajectories of equal reward keep their odds exactly, and none of the highest reward falls below its reference.
    """
    return normalised(reference + rewards / kl)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The distribution over policies after some updates: ``probability`` (S,) sums to 1, ``log_policy`` (S, K)."""

    probability: Floats
    log_policy: Floats

    def expected(self) -> Floats:
        """Expected probability of each trajectory, (K,)."""
        return np.asarray(self.probability @ np.exp(self.log_policy))


def groups(trajectories: int, n: int) -> Ints:
    """All outcomes of ``n`` draws from K ``trajectories`` as counts, (C(n + K − 1, n), K)."""
    chosen = np.array(list(combinations_with_replacement(range(trajectories), n)))
    return np.asarray((chosen[:, :, None] == np.arange(trajectories)).sum(axis=1))


def group_probability(log_q: Floats, counts: Ints) -> Floats:
    """Multinomial probability of each outcome (M, K) for each sampling distribution (S, K); (S, M)."""
    ways = gammaln(counts.sum(axis=1) + 1) - gammaln(counts + 1).sum(axis=1)
    return np.asarray(np.exp(ways + log_q @ counts.T))


def chain(
    log_policy: Floats, rewards: Floats, rule: Rule, update: Update, *, n: int, temperature: float, updates: int
) -> Chain:
    """All policies that ``updates`` updates of one policy (K,) can lead to, with their probabilities.

    C(n + K − 1, n)^updates states, one for each sequence of groups; equal policies are not merged.

    Raises:
        UsageError: there are more than ``STATES`` states.
    """
    outcomes = groups(len(log_policy), n)
    if len(outcomes) ** updates > STATES:
        raise UsageError(f"{len(outcomes)}^{updates} states are more than {STATES}; take fewer draws or updates")
    now = Chain(probability=np.ones(1), log_policy=log_policy[None])
    for _ in range(updates):
        chances = now.probability[:, None] * group_probability(tempered(now.log_policy, temperature), outcomes)
        before = np.repeat(now.log_policy, len(outcomes), axis=0)
        counts = np.tile(outcomes, (len(now.log_policy), 1))
        step = rule(before, counts, rewards, np.broadcast_to(log_policy, before.shape), update)
        now = Chain(probability=chances.ravel(), log_policy=normalised(before + step))
    return now
