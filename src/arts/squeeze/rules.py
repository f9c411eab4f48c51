"""Update rules: what one group of draws does to a policy. One signature, one table.

Axes: R runs, K trajectories, N draws of a group. A rule maps the log-probabilities (R, K), the counts of the draws
(R, K), the rewards (K,) and the log-probabilities of the reference policy (shaped like the first) to the step that the
logits take, (R, K); ``normalised(log_policy + step)`` is the policy after it. The optimiser is plain gradient ascent on
the logits, one free logit for each trajectory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from arts.arrays import Floats, Ints
from arts.config import require_at_least, require_finite
from arts.errors import UsageError
from arts.squeeze.policy import normalised, policy_gradient

STD_FLOOR = 1e-6
"""Added to a group's standard deviation before advantages are divided by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Settings of an update; each rule says which it reads."""

    beta: float = 1.0
    """Of reward_weighted: a sampled trajectory's logit rises by reward / beta."""
    rate: float = 1.0
    """Learning rate of the other rules, on logits."""
    kl: float = 0.0
    """Coefficient of KL(policy ‖ reference) in the objective, not of reward_weighted; the reference is the policy
    before the first update."""
    inner: int = 1
    """Gradient steps on each group, of grpo and dr_grpo; with one the probability ratio is 1 and nothing is clipped."""
    eps_low: float = 0.2
    """Clip of the ratio below, at 1 − eps_low, where the advantage is negative."""
    eps_high: float = 0.2
    """Clip of the ratio above, at 1 + eps_high, where the advantage is positive; larger is DAPO's clip-higher."""

    def __post_init__(self) -> None:
        for name in ("beta", "rate"):
            if not 0 < getattr(self, name) < np.inf:
                raise UsageError(f"{name} is {getattr(self, name)}; use a number above 0")
        require_at_least(self, 1, "inner")
        require_at_least(self, 0, "kl", "eps_low", "eps_high")
        require_finite(self, "kl", "eps_low", "eps_high")


Rule = Callable[[Floats, Ints, Floats, Floats, Update], Floats]


def reward_weighted(log_policy: Floats, counts: Ints, rewards: Floats, reference: Floats, update: Update) -> Floats:
    """Adds R(τ) / ``beta`` once to the logit of each sampled trajectory, and nothing to the others.

    The published toy (arXiv 2602.12846): S is a set, a trajectory drawn twice counts once. Every τ outside S obeys
    π'(τ) = π(τ) / (1 + α), α = Σ_{σ in S} π(σ) (exp(R(σ)/β) − 1). ``reference`` is not read.
    """
    return np.asarray((counts > 0) * rewards / update.beta)


def reinforce(log_policy: Floats, counts: Ints, rewards: Floats, reference: Floats, update: Update) -> Floats:
    """One step along the mean of R(τ_i) (e_{τ_i} − π) over the draws: the score function, no baseline (Williams 1992).

    Reads ``rate`` and ``kl``. The score is that of π; draws at a temperature other than 1 are not weighted back.
    """
    advantages = np.broadcast_to(rewards, counts.shape)
    return _ascend(log_policy, counts, advantages, reference, update, passes=1)


def dr_grpo(log_policy: Floats, counts: Ints, rewards: Floats, reference: Floats, update: Update) -> Floats:
    """The clipped surrogate with advantages R − mean of the group, not divided by their spread (arXiv 2503.20783).

    Reads all settings but ``beta``. With one pass this is REINFORCE with the group's mean as baseline.
    """
    return _ascend(log_policy, counts, _centred(counts, rewards), reference, update, passes=update.inner)


def grpo(log_policy: Floats, counts: Ints, rewards: Floats, reference: Floats, update: Update) -> Floats:
    """The clipped surrogate with advantages (R − mean) / (std + 1e-6) of the group (arXiv 2402.03300).

    Zero in a group of equal rewards; std is that of the population, √(mean of squares). Reads all settings but
    ``beta``; ``eps_high`` > ``eps_low`` is DAPO's clip (arXiv 2503.14476).
    """
    centred = _centred(counts, rewards)
    variance = (_share(counts) * centred**2).sum(axis=-1, keepdims=True)
    advantages = centred / (np.sqrt(variance) + STD_FLOOR)
    return _ascend(log_policy, counts, advantages, reference, update, passes=update.inner)


def exact(log_policy: Floats, counts: Ints, rewards: Floats, reference: Floats, update: Update) -> Floats:
    """One step along the gradient of E_π[R] − kl KL(π ‖ π_ref) itself: no draws, no noise.

    What the other gradient rules are estimates of; reads ``rate`` and ``kl``.
    """
    gradient = policy_gradient(log_policy, rewards) - update.kl * kl_gradient(log_policy, reference)
    return np.asarray(update.rate * gradient)


RuleName = Literal["reward_weighted", "reinforce", "dr_grpo", "grpo", "exact"]
RULES: dict[RuleName, Rule] = {
    "reward_weighted": reward_weighted,
    "reinforce": reinforce,
    "dr_grpo": dr_grpo,
    "grpo": grpo,
    "exact": exact,
}
WITHOUT_DRAWS: tuple[RuleName, ...] = ("exact",)
"""Rules that nothing random decides: one run is all of them."""
GROUP_RELATIVE: tuple[RuleName, ...] = ("dr_grpo", "grpo")
"""Rules that compare the draws of a group with one another: one draw teaches them nothing."""


def shared(rule: Rule, features: Floats) -> Rule:
    """The rule with parameters that trajectories share: logits = ``features`` θ, features (K, D), θ in R^D.

    By the chain rule a gradient step on θ moves the logits by features · featuresᵀ times the step of free logits, so
    that an unsampled trajectory moves with the sampled ones it resembles; exact for one pass.
    """
    kernel = features @ features.T

    def coupled(log_policy: Floats, counts: Ints, rewards: Floats, reference: Floats, update: Update) -> Floats:
        return np.asarray(rule(log_policy, counts, rewards, reference, update) @ kernel)

    return coupled


def kl_gradient(log_policy: Floats, reference: Floats) -> Floats:
    """Exact gradient of KL(π ‖ π_ref) by the logits, π (log π/π_ref − KL); along the last axis."""
    policy, ratio = np.exp(log_policy), log_policy - reference
    return np.asarray(policy * (ratio - (policy * ratio).sum(axis=-1, keepdims=True)))


def _share(counts: Ints) -> Floats:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _centred(counts: Ints, rewards: Floats) -> Floats:
    """Rewards minus their mean in the group, (R, K); exactly 0 in a group of equal rewards, whatever the rounding."""
    sampled = counts > 0
    highest = np.where(sampled, rewards, -np.inf).max(axis=-1, keepdims=True)
    lowest = np.where(sampled, rewards, np.inf).min(axis=-1, keepdims=True)
    mean = (_share(counts) * rewards).sum(axis=-1, keepdims=True)
    return np.where(highest > lowest, rewards - mean, 0.0)


def _ascend(
    log_policy: Floats, counts: Ints, advantages: Floats, reference: Floats, update: Update, *, passes: int
) -> Floats:
    """Gradient ascent on mean_i min(ρ_i A_i, clip(ρ_i) A_i) − kl KL(π ‖ π_ref), ρ_i = π(τ_i) / π_old(τ_i)."""
    share, step, now = _share(counts), np.zeros(counts.shape), log_policy
    for _ in range(passes):
        ratio = np.exp(now - log_policy)
        active = np.where(advantages > 0, ratio <= 1 + update.eps_high, ratio >= 1 - update.eps_low)
        weight = share * advantages * ratio * active
        gradient = weight - np.exp(now) * weight.sum(axis=-1, keepdims=True)
        if update.kl > 0:
            gradient = gradient - update.kl * kl_gradient(now, reference)
        step = step + update.rate * gradient
        now = normalised(log_policy + step)
    return step
