"""Formulas of docs/squeeze-theory.md, and the exact Markov chain that simulations are held against.

Axes: K trajectories, S states of the chain.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy.special import gammaln

from arts.squeeze.policy import normalised, policy_gradient, tempered


def squeeze_alpha(log_policy, step):
    """α = Σ_τ π(τ) (exp(step(τ)) − 1), the relative growth of the normaliser; along the last axis.

    A trajectory whose logit stays has π'(τ) = π(τ) / (1 + α), whichever rule made the step and whatever its reward. For
    the reward-weighted rule this is the Normalization Squeeze (arXiv 2602.12846), where α ≥ 0.
    """
    return (np.exp(log_policy) * np.expm1(step)).sum(axis=-1)


def miss_probability(q, n):
    """(1 − q)^n, the probability that n independent draws miss a trajectory of probability ``q``."""
    with np.errstate(divide="ignore"):
        return np.exp(n * np.log1p(-q))


def drift(log_policy, rewards):
    """Drift of log π(τ) under the exact policy gradient flow, π(τ) A(τ) − Σ_σ π(σ)² A(σ); along the last axis."""
    gradient = policy_gradient(log_policy, rewards)
    return gradient - (np.exp(log_policy) * gradient).sum(axis=-1, keepdims=True)


def kl_optimum(reference, rewards, kl):
    """Log-probabilities of the policy that maximises E[R] − kl KL(π ‖ π_ref): π ∝ π_ref exp(R / kl).

    Trajectories of equal reward keep their odds exactly, and none of the highest reward falls below its reference.
    """
    return normalised(reference + rewards / kl)


@dataclass(frozen=True)
class Chain:
    """The distribution over policies after some updates: ``probability`` (S,) sums to 1, ``log_policy`` (S, K)."""

    probability: np.ndarray
    log_policy: np.ndarray

    def expected(self):
        """Expected probability of each trajectory, (K,)."""
        return self.probability @ np.exp(self.log_policy)


def groups(trajectories, n):
    """All outcomes of ``n`` draws from K ``trajectories`` as counts, (C(n + K − 1, n), K)."""
    chosen = np.array(list(combinations_with_replacement(range(trajectories), n)))
    return (chosen[:, :, None] == np.arange(trajectories)).sum(axis=1)


def group_probability(log_q, counts):
    """Multinomial probability of each outcome (M, K) for each sampling distribution (S, K); (S, M)."""
    ways = gammaln(counts.sum(axis=1) + 1) - gammaln(counts + 1).sum(axis=1)
    return np.exp(ways + log_q @ counts.T)


def chain(log_policy, rewards, rule, update, *, n, temperature, updates):
    """All policies that ``updates`` updates of one policy (K,) can lead to, with their probabilities.

    C(n + K − 1, n)^updates states, one for each sequence of groups; equal policies are not merged.
    """
    outcomes = groups(len(log_policy), n)
    now = Chain(np.ones(1), log_policy[None])
    for _ in range(updates):
        chances = now.probability[:, None] * group_probability(tempered(now.log_policy, temperature), outcomes)
        before = np.repeat(now.log_policy, len(outcomes), axis=0)
        counts = np.tile(outcomes, (len(now.log_policy), 1))
        step = rule(before, counts, rewards, np.broadcast_to(log_policy, before.shape), update)
        now = Chain(chances.ravel(), normalised(before + step))
    return now
