"""Training objectives: pure functions of tensors over the nodes of some trees.

Notation of arXiv 2602.12846: F(s) is the flow through a state, R(s_T) the terminal reward, C(s) the observed children.
An objective gets one network output per node and returns a scalar and what is left per node or pair.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from arts.verifiers.base import Unit

ObjectiveName = Literal["rfm", "prm", "rm", "orm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTable:
    """Nodes of one or more whole trees as columns of length N.

    ``parent``: index of the parent in this table, −1 at a root. ``log_reward``: log R at labelled ended nodes, NaN
    elsewhere. ``success``: Monte-Carlo success rate in [0, 1], NaN where nothing was graded. ``problem``: which
    tree the node belongs to. Every node has a labelled ended node at or below it.
    """

    parent: Tensor
    log_reward: Tensor
    success: Tensor
    problem: Tensor

    def to(self, device: torch.device) -> "NodeTable":
        """The same table on a device."""
        return NodeTable(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


class Loss(NamedTuple):
    """The scalar to minimise and the residuals it is made of (per node, or per pair for ``rm``)."""

    value: Tensor
    residuals: Tensor


Objective = Callable[[Tensor, NodeTable, float], Loss]


def rfm(log_flow: Tensor, nodes: NodeTable, leaf_weight: float) -> Loss:
    """Reasoning Flow Matching, as published (arXiv 2602.12846).

    Residual of an inner node: log F(s) − log Σ_{s' in C(s)} F(s'); of a labelled ended node: log F(s) − log R(s).
    Loss: mean square of the former plus ``leaf_weight`` times mean square of the latter; gradients pass through
    both sides. Laws: the exact flows (sums of rewards below) give loss 0; rewards times c shift them by log c.
    """
    inner = torch.zeros_like(nodes.parent, dtype=torch.bool)
    children = nodes.parent >= 0
    inner[nodes.parent[children]] = True
    inflow = log_sum_children(log_flow, nodes.parent)
    target = torch.where(inner, inflow, torch.where(nodes.log_reward.isnan(), inflow, nodes.log_reward))
    residuals = log_flow - target
    ended = ~inner
    flow = residuals[inner].square().mean() if bool(inner.any()) else log_flow.sum() * 0
    leaf = residuals[ended].square().mean()
    return Loss(flow + leaf_weight * leaf, residuals)


def log_sum_children(log_flow: Tensor, parent: Tensor) -> Tensor:
    """Log Σ F over the children of each node, shape (N,); −inf at nodes without children."""
    children = parent >= 0
    of, flows = parent[children], log_flow[children]
    top = torch.full_like(log_flow, -torch.inf).scatter_reduce(0, of, flows.detach(), "amax")
    total = torch.zeros_like(log_flow).index_add(0, of, (flows - top[of]).exp())
    has = total > 0
    safe = torch.where(has, total, torch.ones_like(total))
    return torch.where(has, safe.log() + top, torch.full_like(total, -torch.inf))


def prm(logit: Tensor, nodes: NodeTable, leaf_weight: float) -> Loss:
    """Pointwise process reward model: mean square of σ(logit) − Monte-Carlo success rate over all steps.

    The root is a state but not a step and is left out; ``leaf_weight`` is not used.
    """
    steps = (nodes.parent >= 0) & ~nodes.success.isnan()
    residuals = logit.sigmoid() - nodes.success.nan_to_num()
    return Loss(residuals[steps].square().mean(), residuals)


def rm(strength: Tensor, nodes: NodeTable, leaf_weight: float) -> Loss:
    """Pairwise reward model (Bradley-Terry): −log σ(correct − incorrect), over all pairs of one problem.

    Read at ended nodes. The mean is over pairs within a problem, then over the problems that have any; 0 when
    none has. Residuals are 1 − σ(difference) per pair; ``leaf_weight`` is not used.
    """
    ended, right = _ended(nodes)
    good, bad = (ended & right).nonzero()[:, 0], (ended & ~right).nonzero()[:, 0]
    same = nodes.problem[good][:, None] == nodes.problem[bad][None]
    if not bool(same.any()):
        return Loss(strength.sum() * 0, strength.new_empty(0))
    difference = (strength[good][:, None] - strength[bad][None])[same]
    owner = nodes.problem[good][:, None].expand_as(same)[same]
    pairs = torch.bincount(owner, minlength=int(nodes.problem.max()) + 1).to(strength.dtype)
    weight = 1 / (pairs[owner] * (pairs > 0).sum())
    return Loss((weight * functional.softplus(-difference)).sum(), torch.sigmoid(-difference))


def orm(logit: Tensor, nodes: NodeTable, leaf_weight: float) -> Loss:
    """Outcome reward model: cross-entropy of σ(logit) with correct/incorrect at the last step.

    Residuals are σ(logit) − label at ended nodes, 0 elsewhere; ``leaf_weight`` is not used.
    """
    ended, right = _ended(nodes)
    label = right.to(logit.dtype)
    loss = functional.binary_cross_entropy_with_logits(logit[ended], label[ended])
    return Loss(loss, torch.where(ended, logit.sigmoid() - label, torch.zeros_like(logit)))


def _ended(nodes: NodeTable) -> tuple[Tensor, Tensor]:
    """Labelled ended nodes, and which of them are correct (reward above 1)."""
    ended = ~nodes.log_reward.isnan()
    return ended, ended & (nodes.log_reward > 0)


class Spec(NamedTuple):
    """An objective with what its verifier's scores mean and one line of help."""

    loss: Objective
    unit: Unit
    about: str


OBJECTIVES: dict[ObjectiveName, Spec] = {
    "rfm": Spec(rfm, "log_flow", "Reasoning Flow Matching, as published: flow in = sum of the children's flows"),
    "prm": Spec(prm, "probability", "pointwise: each step against its Monte-Carlo success rate"),
    "rm": Spec(rm, "logit", "pairwise (Bradley-Terry): correct over incorrect solutions of one problem"),
    "orm": Spec(orm, "probability", "outcome: cross-entropy with correct/incorrect at the last step"),
}
