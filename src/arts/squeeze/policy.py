"""Softmax policies over a finite set of trajectories, many runs side by side.

Axes: R runs, K trajectories. A policy is its log-probabilities (R, K), in nats; they are logits too, with the
free constant fixed by Σ exp = 1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from arts.arrays import Floats, Ints
from arts.config import require_at_least
from arts.errors import UsageError

FREQUENT, RARE = 0, 1
"""Columns of the two correct trajectories of a :class:`World`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One problem with two correct trajectories, a frequent and a rare one, and equally probable wrong ones.

    The rare one has probability pi0, the wrong ones ``wrong_mass`` together, the frequent one the rest. How the wrong
    mass is spread matters: under GRPO a path that was not sampled is lifted where wrong draws are the more probable
    ones (few wrong paths), and squeezed where correct draws are (many).
    """

    wrong_mass: float = 0.5
    """Probability of all wrong trajectories together."""
    wrong_paths: int = 10
    """Number of wrong trajectories, of equal probability."""
    reward: float = 1.0
    """Reward of a correct trajectory."""
    wrong_reward: float = 0.0
    """Reward of a wrong trajectory."""

    def __post_init__(self) -> None:
        if not 0 < self.wrong_mass < 1:
            raise UsageError(f"wrong_mass is {self.wrong_mass}; use a number in (0, 1)")
        require_at_least(self, 1, "wrong_paths")
        if not -np.inf < self.wrong_reward < self.reward < np.inf:
            raise UsageError(f"wrong_reward is {self.wrong_reward}; use less than reward, which is {self.reward}")

    def rewards(self) -> Floats:
        """Rewards (K,), K = 2 + ``wrong_paths``: frequent, rare, wrong."""
        return np.array([self.reward] * 2 + [self.wrong_reward] * self.wrong_paths)

    def log_policy(self, pi0: Floats) -> Floats:
        """Log-probabilities before the first update, (R, K), for probabilities ``pi0`` (R,) of the rare trajectory.

        Raises:
            UsageError: a pi0 leaves the frequent trajectory less than the rare one.
        """
        if not ((pi0 > 0) & (2 * pi0 < 1 - self.wrong_mass)).all():
            limit = (1 - self.wrong_mass) / 2
            raise UsageError(
                f"pi0 is {', '.join(f'{p:g}' for p in pi0)}; use numbers in (0, {limit:g}), half the right mass"
            )
        wrong = np.full((len(pi0), self.wrong_paths), self.wrong_mass / self.wrong_paths)
        return np.asarray(np.log(np.column_stack([1 - self.wrong_mass - pi0, pi0, wrong])))


def normalised(logits: Floats) -> Floats:
    """Log-probabilities of softmax(logits), along the last axis."""
    return np.asarray(logits - logsumexp(logits, axis=-1, keepdims=True))


def tempered(log_policy: Floats, temperature: float) -> Floats:
    """Log-probabilities of the sampling distribution q ∝ π^(1/T), along the last axis."""
    return normalised(log_policy / temperature)


def draw(log_policy: Floats, n: int, temperature: float, rng: np.random.Generator) -> Ints:
    """How often each trajectory is in a group of ``n`` independent draws from q ∝ π^(1/T); counts (R, K)."""
    return rng.multinomial(n, np.exp(tempered(log_policy, temperature)))


def policy_gradient(log_policy: Floats, rewards: Floats) -> Floats:
    """Gradient of J = E_π[R] by the logits: π(τ) A(τ) with A = R − J; along the last axis."""
    policy = np.exp(log_policy)
    return np.asarray(policy * (rewards - (policy * rewards).sum(axis=-1, keepdims=True)))
