"""Objectives of reward models: each step, each pair of solutions, or each outcome by itself."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from arts.training.objectives.nodes import Loss, NodeTable, problem_mean, weighted_problem_mean


def prm(logit: Tensor, nodes: NodeTable, *, loss: Literal["squared", "cross_entropy"] = "squared") -> Loss:
    """Pointwise process reward model: σ(logit) against the Monte-Carlo success rate, over all steps.

    Mean square difference (arXiv 2602.12846's baseline), or cross-entropy. The root is a state but not a step and is
    left out. Residuals are σ(logit) − success rate.
    """
    steps = (nodes.parent >= 0) & ~nodes.success.isnan()
    rate = nodes.success.nan_to_num()
    residuals = logit.sigmoid() - rate
    if loss == "squared":
        return Loss(problem_mean(residuals.square(), steps, nodes.problem), residuals)
    entropy = functional.binary_cross_entropy_with_logits(logit, rate, reduction="none")
    return Loss(problem_mean(entropy, steps, nodes.problem), residuals)


def rm(strength: Tensor, nodes: NodeTable) -> Loss:
    """Pairwise reward model (Bradley-Terry): −log σ(correct − incorrect), over all pairs of one problem.

    Read at leaves. The mean is over pairs within a problem, then over the problems that have any; 0 when none has.
    Residuals are 1 − σ(difference) per pair.
    """
    good, bad = (nodes.correct == 1).nonzero()[:, 0], (nodes.correct == 0).nonzero()[:, 0]
    same = nodes.problem[good][:, None] == nodes.problem[bad][None]
    difference = (strength[good][:, None] - strength[bad][None])[same]
    owner = nodes.problem[good][:, None].expand_as(same)[same]
    value = weighted_problem_mean(functional.softplus(-difference), torch.ones_like(difference), owner)
    return Loss(value + strength.sum() * 0, torch.sigmoid(-difference))


def orm(logit: Tensor, nodes: NodeTable) -> Loss:
    """Outcome reward model: cross-entropy of σ(logit) with correct/incorrect at the last step.

    Residuals are σ(logit) − label at leaves, 0 elsewhere.
    """
    label = nodes.correct.nan_to_num()
    entropy = functional.binary_cross_entropy_with_logits(logit, label, reduction="none")
    residuals = torch.where(nodes.leaf, logit.sigmoid() - label, torch.zeros_like(logit))
    return Loss(problem_mean(entropy, nodes.leaf, nodes.problem), residuals)
