"""What is reachable with k samples: pass@k over every sample that there is."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median_high

import numpy as np

from arts.arrays import Bools, Floats, Ints
from arts.estimate import Estimate
from arts.evaluation.candidates import NO_OUTCOME
from arts.evaluation.intervals import mean
from arts.problems.base import Verdict
from arts.selection import expected as metrics
from arts.trees.tree import Tree

Metric = Callable[[Bools, int], Floats]
"""Of correct samples (P, N) and a number k, by problem."""
LADDER = tuple(2**i for i in range(9))
"""Numbers of samples at which pass@k is always given."""


def verdicts(tree: Tree) -> list[Verdict]:
    """The verdict on each successful sample of a problem."""
    return [tree.outcomes.get(r.leaf, NO_OUTCOME).verdict for r in tree.backbones]


def pass_at_k(trees: Sequence[Tree], ks: Sequence[int], seed: int) -> Mapping[int, Estimate]:
    """The mean of pass@k over the problems that have k samples, of each with all its samples.

    For the powers of two, ``ks`` and the number itself that half of the problems have.
    """
    return _by_k(trees, ks, metrics.pass_at_k, seed)


def g_pass_at_k(trees: Sequence[Tree], ks: Sequence[int], threshold: float, seed: int) -> Mapping[int, Estimate]:
    """The same for G-Pass@k, in which at least the share ``threshold`` of k samples is correct (arXiv 2412.13147)."""
    return _by_k(trees, ks, lambda correct, k: metrics.g_pass_at_k(correct, k, threshold), seed)


def _by_k(trees: Sequence[Tree], ks: Sequence[int], of: Metric, seed: int) -> Mapping[int, Estimate]:
    right = [[v is Verdict.CORRECT for v in verdicts(tree)] for tree in trees]
    counts = np.array([len(row) for row in right])
    most = median_high(counts[counts > 0].tolist()) if counts.any() else 0
    wanted = sorted({k for k in (*LADDER, *ks, most) if 0 < k <= most})
    return {k: mean(_per_problem(right, counts, of, k), seed) for k in wanted}


def _per_problem(right: Sequence[Sequence[bool]], counts: Ints, of: Metric, k: int) -> Floats:
    """The metric on each problem that has k samples."""
    found = np.full(len(right), np.nan)
    for n in np.unique(counts[counts >= k]).tolist():
        places = np.flatnonzero(counts == n)
        found[places] = of(np.array([right[i] for i in places.tolist()]), k)
    return np.asarray(found[counts >= k])


def ungraded_share(trees: Sequence[Tree]) -> float:
    """Of all successful samples; 0 where there are none."""
    found = [v is Verdict.UNGRADED for tree in trees for v in verdicts(tree)]
    return float(np.mean(found)) if found else 0.0
