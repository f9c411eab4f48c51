"""What is reachable with k samples: pass@k over every sample that there is."""

from collections.abc import Mapping, Sequence
from statistics import median_high

import numpy as np

from arts.arrays import Floats, Ints
from arts.estimate import Estimate
from arts.evaluation.candidates import NO_OUTCOME
from arts.evaluation.intervals import mean
from arts.problems.base import Verdict
from arts.selection import expected as metrics
from arts.trees.tree import Tree

LADDER = tuple(2**i for i in range(9))
"""Numbers of samples at which pass@k is always given."""


def verdicts(tree: Tree) -> list[Verdict]:
    """The verdict on each successful sample of a problem."""
    return [tree.outcomes.get(r.leaf, NO_OUTCOME).verdict for r in tree.backbones]


def pass_at_k(trees: Sequence[Tree], ks: Sequence[int], seed: int) -> Mapping[int, Estimate]:
    """The mean of pass@k over the problems that have k samples, of each with all its samples.

    For the powers of two, ``ks`` and the number itself that half of the problems have.
    """
    right = [[v is Verdict.CORRECT for v in verdicts(tree)] for tree in trees]
    counts = np.array([len(row) for row in right])
    most = median_high(counts[counts > 0].tolist()) if counts.any() else 0
    wanted = sorted({k for k in (*LADDER, *ks, most) if 0 < k <= most})
    return {k: mean(_per_problem(right, counts, k), seed) for k in wanted}


def _per_problem(right: Sequence[Sequence[bool]], counts: Ints, k: int) -> Floats:
    """pass@k of each problem that has k samples."""
    found = np.full(len(right), np.nan)
    for n in np.unique(counts[counts >= k]).tolist():
        of = np.flatnonzero(counts == n)
        found[of] = metrics.pass_at_k(np.array([right[i] for i in of.tolist()]), k)
    return np.asarray(found[counts >= k])


def ungraded_share(trees: Sequence[Tree]) -> float:
    """Of all successful samples; 0 where there are none."""
    found = [v is Verdict.UNGRADED for tree in trees for v in verdicts(tree)]
    return float(np.mean(found)) if found else 0.0
