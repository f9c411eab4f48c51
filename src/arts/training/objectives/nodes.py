"""The nodes of some trees as columns, and the sums over children, paths and problems that objectives are made of."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

from arts.verifiers.reading import sum_along_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTable:
    """Nodes of one or more whole trees as columns of length N.

    ``parent``: index of the parent in this table, −1 at a root. ``visits``: how many rollouts drew the node as a
    child of its parent (its multiplicity), at least 1. ``correct``: 1 or 0 at labelled ended nodes, NaN elsewhere; it
    is also the mask of the leaves. ``success``: Monte-Carlo success rate in [0, 1], NaN where nothing was graded.
    ``logprob``: log-probability of the node's step under the proposer given its parent, in nats; 0 at a root, NaN
    when unknown. ``problem``: which tree the node belongs to, 0 … number of trees − 1. Every node has a labelled
    ended node at or below it; ended nodes have no children.
    """

    parent: Tensor
    visits: Tensor
    correct: Tensor
    success: Tensor
    logprob: Tensor
    problem: Tensor

    def to(self, device: torch.device) -> "NodeTable":
        """The same table on a device."""
        return NodeTable(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    @property
    def leaf(self) -> Tensor:
        """Mask of the labelled ended nodes, (N,)."""
        return ~self.correct.isnan()

    def log_reward(self, contrast: float) -> Tensor:
        """Log R at leaves, NaN elsewhere: R(correct) = √contrast and R(incorrect) = 1/√contrast.

        A contrast of 100 gives the published rewards 10 and 0.1 (arXiv 2602.12846).
        """
        return (self.correct - 0.5) * torch.tensor(contrast, dtype=self.correct.dtype).log()


class Loss(NamedTuple):
    """The scalar to minimise and the residuals it is made of (per node, or per pair for ``rm``)."""

    value: Tensor
    residuals: Tensor


def problem_mean(values: Tensor, chosen: Tensor, problem: Tensor) -> Tensor:
    """Mean over the chosen nodes of a problem, then over the problems that have any; 0 when none has.

    So every problem weighs the same, and the loss of a batch in which every tree has such nodes is the mean of those of
    its trees, however it is spread over devices or accumulated.
    """
    return weighted_problem_mean(values[chosen], torch.ones_like(values[chosen]), problem[chosen])


def weighted_problem_mean(values: Tensor, weights: Tensor, problem: Tensor) -> Tensor:
    """Mean weighted by ``weights`` within a problem, then plain over the problems that occur."""
    if len(values) == 0:
        return values.sum()
    total = values.new_zeros(int(problem.max()) + 1)
    part = total.index_add(0, problem, weights * values)
    whole = total.index_add(0, problem, weights)
    present = whole > 0
    return (part[present] / whole[present]).mean()


def log_sum_children(log_flow: Tensor, parent: Tensor) -> Tensor:
    """Log Σ F over the children of each node, shape (N,); −inf at nodes without children."""
    children = parent >= 0
    of, flows = parent[children], log_flow[children]
    top = torch.full_like(log_flow, -torch.inf).scatter_reduce(0, of, flows.detach(), "amax")
    total = torch.zeros_like(log_flow).index_add(0, of, (flows - top[of]).exp())
    has = total > 0
    safe = torch.where(has, total, torch.ones_like(total))
    return torch.where(has, safe.log() + top, torch.full_like(total, -torch.inf))


def child_weights(nodes: NodeTable) -> Tensor:
    """Share of its parent's sampled continuations that went to each node, (N,); 1 at roots.

    Drawn from the proposer, so Σ share · f(child) is an unbiased estimate of the mean of f under the policy.
    """
    inner = nodes.parent >= 0
    visits = nodes.visits.to(nodes.correct.dtype)
    total = torch.zeros_like(visits).index_add(0, nodes.parent[inner], visits[inner])
    return torch.where(inner, visits / total[nodes.parent.clamp(min=0)].clamp(min=1), torch.ones_like(visits))


def mean_children(values: Tensor, nodes: NodeTable, weights: Tensor) -> Tensor:
    """Σ weight · value over the children of each node, (N,); 0 at nodes without children."""
    inner = nodes.parent >= 0
    return torch.zeros_like(values).index_add(0, nodes.parent[inner], (weights * values)[inner])


def depths(parent: Tensor) -> Tensor:
    """Steps from the root, (N,)."""
    return sum_along_paths((parent >= 0).long(), parent)


def paths_to(ends: Tensor, parent: Tensor) -> Tensor:
    """Nodes from the root to each of ``ends``, aligned at the root and padded with −1: (L, longest path)."""
    columns, above = [], ends
    while bool((above >= 0).any()):
        columns.append(above)
        above = torch.where(above >= 0, parent[above.clamp(min=0)], above)
    upward = torch.stack(columns, dim=1)  # end first, root last, −1 beyond the root
    length = (upward >= 0).sum(1, keepdim=True)
    place = length - 1 - torch.arange(upward.shape[1], device=ends.device)
    return torch.where(place >= 0, upward.gather(1, place.clamp(min=0)), torch.full_like(upward, -1))
