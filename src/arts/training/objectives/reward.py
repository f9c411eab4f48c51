"""Objectives of reward models: each step, each pair of solutions, or each outcome by itself."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from arts.errors import UsageError
from arts.training.objectives.base import Objective
from arts.training.objectives.nodes import Loss, NodeTable, problem_mean, weighted_problem_mean
from arts.verifiers.reading import SURE, sum_along_paths

PrmLoss = Literal["squared", "cross_entropy"]


@dataclass(frozen=True, kw_only=True)
class ProcessReward(Objective):
    """Pointwise process reward model: σ(logit) against the Monte-Carlo success rate, over all steps.

    Mean square difference (arXiv 2602.12846's baseline), or cross-entropy. The root is a state but not a step and is
    left out. Residuals are σ(logit) − success rate, without meaning where nothing was graded.
    """

    loss: PrmLoss = "squared"
    """How probabilities are compared: squared, as published, or cross_entropy."""

    about = "pointwise: each step against its Monte-Carlo success rate"
    unit = "probability"

    def __post_init__(self) -> None:
        if self.loss not in get_args(PrmLoss):
            raise UsageError(f"loss is {self.loss}; use {' or '.join(get_args(PrmLoss))}")

    def __call__(self, logit: Tensor, nodes: NodeTable) -> Loss:
        """Residuals are per node."""
        steps = (nodes.parent >= 0) & ~nodes.success.isnan()
        rate = nodes.success.nan_to_num()
        residuals = logit.sigmoid() - rate
        errors = residuals.square()
        if self.loss == "cross_entropy":
            errors = functional.binary_cross_entropy_with_logits(logit, rate, reduction="none")
        return Loss(problem_mean(errors, steps, nodes.problem), residuals)


@dataclass(frozen=True, kw_only=True)
class PairwiseReward(Objective):
    """Pairwise reward model (Bradley-Terry): −log σ(correct − incorrect), over all pairs of one problem.

    Read at leaves. The mean is over pairs within a problem, then over the problems that have any; 0 when none has.
    Residuals are 1 − σ(difference) per pair.
    """

    about = "pairwise (Bradley-Terry): correct over incorrect solutions of one problem"
    unit = "logit"
    needs_mixed = True

    def __call__(self, strength: Tensor, nodes: NodeTable) -> Loss:
        """Residuals are per pair."""
        good, bad = (nodes.correct == 1).nonzero()[:, 0], (nodes.correct == 0).nonzero()[:, 0]
        same = nodes.problem[good][:, None] == nodes.problem[bad][None]
        difference = (strength[good][:, None] - strength[bad][None])[same]
        owner = nodes.problem[good][:, None].expand_as(same)[same]
        value = weighted_problem_mean(functional.softplus(-difference), torch.ones_like(difference), owner)
        return Loss(value + strength.sum() * 0, torch.sigmoid(-difference))


@dataclass(frozen=True, kw_only=True)
class OutcomeReward(Objective):
    """Outcome reward model: cross-entropy of σ(logit) with correct/incorrect at the last step.

    Residuals are σ(logit) − label at leaves, 0 elsewhere.
    """

    about = "outcome: cross-entropy with correct/incorrect at the last step"
    unit = "probability"

    def __call__(self, logit: Tensor, nodes: NodeTable) -> Loss:
        """Residuals are per node."""
        label = nodes.correct.nan_to_num()
        entropy = functional.binary_cross_entropy_with_logits(logit, label, reduction="none")
        residuals = torch.where(nodes.leaf, logit.sigmoid() - label, torch.zeros_like(logit))
        return Loss(problem_mean(entropy, nodes.leaf, nodes.problem), residuals)


@dataclass(frozen=True, kw_only=True)
class NoisyAnd(Objective):
    """Steps judged by outcomes alone: a solution is correct when all of its steps are sound.

    With σ(z_t) the probability that step t is sound given what came before, P(correct) = Π_t σ(z_t) over the steps of
    the solution: a noisy AND, as in multiple-instance learning (Dietterich et al. 1997). The loss is the cross-entropy
    of that product with correct/incorrect at the leaves. Derivation of who is blamed: for an incorrect solution
    ∂/∂z_t −log(1 − P) = P / (1 − P) · (1 − σ(z_t)), so blame goes to steps already doubted, and a step that
    correct solutions share is cleared by their ∂/∂z_t −log P = −(1 − σ(z_t)). On a tree shared prefixes are that
    evidence. Assumes that no later step mends an unsound one. The root is no step and is left out. The score of a state
    is the product along its path, see :attr:`arts.verifiers.checkpoint.SavedVerifier.per_step`. Residuals are
    P − label at leaves, 0 elsewhere.
    """

    about = "steps judged by outcomes: a solution is correct when all its steps are"
    unit = "probability"
    per_step = True

    def __call__(self, logit: Tensor, nodes: NodeTable) -> Loss:
        """Residuals are per node."""
        steps = torch.where(nodes.parent >= 0, functional.logsigmoid(logit.clamp(max=SURE)), torch.zeros_like(logit))
        log_sound = sum_along_paths(steps, nodes.parent)
        unsound = torch.where(nodes.leaf, -torch.expm1(log_sound), torch.ones_like(logit))
        label = nodes.correct.nan_to_num()
        entropy = -label * log_sound - (1 - label) * unsound.log()
        residuals = torch.where(nodes.leaf, log_sound.exp() - label, torch.zeros_like(logit))
        return Loss(problem_mean(entropy, nodes.leaf, nodes.problem), residuals)
