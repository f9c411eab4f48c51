"""Objectives that balance a state against its children: flows (sums), values (means) and sub-trajectories.

Notation of arXiv 2602.12846: F(s) is the flow through a state, R(s_T) the terminal reward, C(s) the observed children.
"""

from dataclasses import dataclass
from math import log
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from arts.config import require_at_least, require_finite
from arts.errors import UsageError
from arts.training.objectives.base import Objective
from arts.training.objectives.nodes import (
    Loss,
    NodeTable,
    child_weights,
    depths,
    log_sum_children,
    mean_children,
    paths_to,
    problem_mean,
    weighted_problem_mean,
)
from arts.verifiers.base import Unit
from arts.verifiers.calibration import PUBLISHED_CONTRAST

Space = Literal["log", "probability"]
Counted = Literal["node", "rollout"]


@dataclass(frozen=True, kw_only=True)
class _Flow(Objective):
    leaf_weight: float = 1.0
    """λ: weight of the terminal part."""
    reward_contrast: float = PUBLISHED_CONTRAST
    """R(correct) / R(incorrect), around their geometric mean 1; 100 is published."""

    def __post_init__(self) -> None:
        require_at_least(self, 0, "leaf_weight")
        require_finite(self, "leaf_weight", "reward_contrast")
        if not self.reward_contrast > 1:
            raise UsageError(f"reward_contrast is {self.reward_contrast}; use more than 1")

    @property
    def unit(self) -> Unit:
        """The network's output is log F."""
        return "log_flow"


@dataclass(frozen=True, kw_only=True)
class _Balance(_Flow):
    per: Counted = "node"
    """What counts once in the mean over a problem's inner nodes, and over its leaves: a node, however many rollouts
    went through it, or a rollout."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.per not in get_args(Counted):
            raise UsageError(f"per is {self.per}; use {' or '.join(get_args(Counted))}")

    def _weighed(self, errors: Tensor, nodes: NodeTable) -> Tensor:
        """The mean of inner nodes plus the weighted mean of leaves."""
        counts = nodes.visits.to(errors.dtype) if self.per == "rollout" else torch.ones_like(errors)
        inner, leaves = (
            weighted_problem_mean(errors[chosen], counts[chosen], nodes.problem[chosen])
            for chosen in (~nodes.leaf, nodes.leaf)
        )
        return inner + self.leaf_weight * leaves

    def _balance(self, log_flow: Tensor, target: Tensor, nodes: NodeTable) -> Loss:
        """Squared difference to the children's side at inner nodes and to log R at leaves."""
        residuals = log_flow - torch.where(nodes.leaf, nodes.log_reward(self.reward_contrast), target)
        return Loss(self._weighed(residuals.square(), nodes), residuals)


@dataclass(frozen=True, kw_only=True)
class FlowMatching(_Balance):
    """Reasoning Flow Matching, as published (arXiv 2602.12846).

    Residual of an inner node: log F(s) − log Σ_{s' in C(s)} F(s'); of a leaf: log F(s) − log R(s). Loss: mean square
    of the former plus ``leaf_weight`` times mean square of the latter. Gradients pass through both sides, or with
    ``detach`` only through log F(s). Laws: the exact flows (sums of rewards below) give loss 0; rewards times c shift
    them by log c. The sum grows with how many children were sampled (a lower bound of the true flow).
    """

    detach: bool = False
    """The children's flows are constants in the residual of their parent; no, as published."""

    about = "Reasoning Flow Matching, as published: a state's flow is the sum of its children's"

    def __call__(self, log_flow: Tensor, nodes: NodeTable) -> Loss:
        """Residuals are per node."""
        children = log_flow.detach() if self.detach else log_flow
        target = log_sum_children(children, nodes.parent)
        return self._balance(log_flow, target, nodes)


@dataclass(frozen=True, kw_only=True)
class ValueFlow(_Balance):
    """Policy-weighted conservation: F(s) is the mean of the children's values, each as often as it was sampled.

    With w the share of a parent's draws that went to a child, the target of an inner node is the λ-return
    G(s) = Σ_c w_c · ((1 − λ) F(c) + λ G(c)) with λ = ``trace``, and G = R at a leaf: λ = 0 bootstraps from the
    children, λ = 1 is the Monte-Carlo return (Sutton & Barto, ch. 12, on a tree). Children drawn from the proposer make
    Σ w F unbiased for E_π[F(s')], however many were drawn.

    In ``log`` space residuals are log F − log G, as in :class:`FlowMatching`, whose square estimates a geometric mean;
    children count with F clipped to the rewards' range, where every mean of rewards lies. In ``probability`` space the
    network's output is a logit, v = σ(logit) the success probability, R is 1 or 0, and the loss the cross-entropy to
    G, whose minimum is the arithmetic mean; residuals are v − G. Law: F(s) = E_π[R | s] on a tree whose multiplicities
    are exact is a fixed point of both (in probability space with ``detach``: the cross-entropy is not stationary in its
    target).
    """

    detach: bool = True
    """The returns are constants in the residual of their state."""
    space: Space = "probability"
    """Where values are compared: success probabilities by cross-entropy (probability), or log flows (log)."""
    trace: float = 1.0
    """λ of the return: 1 looks only at the leaves, which is Monte Carlo, 0 one step ahead."""

    about = "a state's value is its children's mean, weighted by how often each was sampled"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.space not in get_args(Space):
            raise UsageError(f"space is {self.space}; use {' or '.join(get_args(Space))}")
        if not 0 <= self.trace <= 1:
            raise UsageError(f"trace is {self.trace}; use a number in [0, 1]")

    @property
    def unit(self) -> Unit:
        """Of the space in which it compares."""
        return "probability" if self.space == "probability" else "log_flow"

    def __call__(self, log_flow: Tensor, nodes: NodeTable) -> Loss:
        """Residuals are per node."""
        if self.space == "log":
            reward = nodes.log_reward(self.reward_contrast).exp()
            most = self.reward_contrast**0.5
            returns = _returns(log_flow.clamp(-log(most), log(most)).exp(), reward, nodes, self.trace)
            target = returns.detach() if self.detach else returns
            return self._balance(log_flow, target.log(), nodes)
        value = log_flow.sigmoid()
        returns = _returns(value, nodes.correct, nodes, self.trace)
        target = (returns.detach() if self.detach else returns).clamp(0, 1)
        entropy = functional.binary_cross_entropy_with_logits(log_flow, target, reduction="none")
        return Loss(self._weighed(entropy, nodes), value - target)


@dataclass(frozen=True, kw_only=True)
class SubTrajectoryBalance(_Flow):
    """Sub-trajectory balance on the tree (Madan et al. 2022, arXiv 2209.12782), the proposer as forward policy.

    Residual of a piece s_i … s_j of a sampled trajectory: log F(s_i) + Σ log π0(step) − log F(s_j), with log R for
    log F at a leaf; on a tree the backward policy is 1. A piece of n steps weighs λ^n within its trajectory;
    trajectories weigh the same within a problem, and one that was drawn twice counts twice. A leaf also has the
    residual log F − log R, because its own flow is what scores a finished candidate. Limits: λ → 0 is detailed
    balance (single steps), λ → ∞ trajectory balance (whole trajectories).

    π0 is frozen, so all residuals vanish only where π0 is proportional to the rewards. Elsewhere the minimum of
    trajectory balance at the root is log F = E_π[log R(τ) − log π0(τ)], which by Jensen is at most the true
    log Σ R: an evidence lower bound, not the flow.
    """

    subtb_lambda: float = 0.9
    """Weight of a piece of n steps is λ^n; → 0 is detailed balance, → ∞ trajectory balance."""

    about = "sub-trajectory balance, with the proposer's step log-probabilities as forward policy"
    needs_logprobs = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(self, "subtb_lambda")
        if not self.subtb_lambda > 0:
            raise UsageError(f"subtb_lambda is {self.subtb_lambda}; use more than 0")

    def __call__(self, log_flow: Tensor, nodes: NodeTable) -> Loss:
        """Residuals are those of single steps, per child (0 at roots)."""
        ends = nodes.leaf.nonzero()[:, 0]
        reward = nodes.log_reward(self.reward_contrast)
        flow = torch.where(nodes.leaf, reward, log_flow)
        path = paths_to(ends, nodes.parent)
        inside = path >= 0
        at = path.clamp(min=0)
        given = torch.where(inside, nodes.logprob[at], torch.zeros_like(at, dtype=log_flow.dtype)).cumsum(1)
        height = flow[at] - given  # a piece from i to j has residual height_i − height_j
        gap = height[:, :, None] - height[:, None, :]
        place = torch.arange(path.shape[1], device=path.device)
        steps = place[None, :] - place[:, None]
        piece = (steps > 0) & inside[:, None, :]
        weight = _piece_weights(steps, piece, self.subtb_lambda).to(log_flow.dtype)
        per_trajectory = (weight * torch.where(piece, gap, torch.zeros_like(gap)).square()).sum((1, 2))
        balance = weighted_problem_mean(per_trajectory, nodes.visits[ends].to(log_flow.dtype), nodes.problem[ends])
        own = (log_flow - reward).nan_to_num().square()
        above = nodes.parent.clamp(min=0)
        single = torch.where(nodes.parent >= 0, flow[above] + nodes.logprob - flow, torch.zeros_like(flow))
        return Loss(balance + self.leaf_weight * problem_mean(own, nodes.leaf, nodes.problem), single)


def _piece_weights(steps: Tensor, piece: Tensor, subtb_lambda: float) -> Tensor:
    """λ^n of each piece, normalised within its trajectory; computed in logarithms, so that the limits are exact."""
    power = steps.double() * torch.tensor(subtb_lambda, dtype=torch.double).log()
    masked = torch.where(piece, power, torch.full_like(power, -torch.inf).expand_as(piece))
    return masked.flatten(1).softmax(1).nan_to_num().view_as(masked)  # a lone root has no piece


def _returns(value: Tensor, reward: Tensor, nodes: NodeTable, trace: float) -> Tensor:
    """λ-returns of all nodes, from the leaves upwards; ``value`` is what is bootstrapped from."""
    weights = child_weights(nodes)
    returns = torch.where(nodes.leaf, reward, torch.zeros_like(value))
    ahead = mean_children(value, nodes, weights)
    if trace == 0:
        return torch.where(nodes.leaf, returns, ahead)
    depth = depths(nodes.parent)
    for level in range(int(depth.max()) - 1, -1, -1):
        here = (depth == level) & ~nodes.leaf
        mixed = (1 - trace) * ahead + trace * mean_children(returns, nodes, weights)
        returns = torch.where(here, mixed, returns)
    return returns
