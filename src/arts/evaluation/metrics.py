"""Expected accuracy of each way of deciding with k of n samples, averaged over all k-subsets. Arrays in, arrays out.

Axes: P problems, N samples of a problem. ``correct`` is (P, N) of bool. Every function returns one number per
problem, shape (P,), so that intervals and paired differences can be taken over problems.
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Classes = NDArray[np.int64]

SUBSETS = 400
"""Subsets drawn for votes, when there are more than this many; the same ones for every method and problem."""


def pass_at_k(correct: Bools, k: int) -> Floats:
    """Probability that a random k-subset holds a correct sample: 1 − C(n−c, k)/C(n, k); NaN when n < k.

    Chen et al. 2021, arXiv 2107.03374.
    """
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    table = np.array([1 - comb(n - c, k) / comb(n, k) for c in range(n + 1)])
    return np.asarray(table[correct.sum(axis=1)])


def best_of_k(correct: Bools, scores: Floats, k: int) -> Floats:
    """Expected accuracy of the best-scored sample of a random k-subset, exact, by order statistics.

    The sample of rank r (of n, from the best) is the best of a subset with probability C(n−r, k−1)/C(n, k); samples
    with equal scores share their ranks' probabilities equally. NaN scores rank last. NaN when n < k.
    """
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    by_rank = np.array([comb(n - r, k - 1) / comb(n, k) for r in range(1, n + 1)])
    scores = np.where(np.isnan(scores), -np.inf, scores)
    above = (scores[:, None, :] > scores[:, :, None]).sum(axis=2)
    ties = (scores[:, None, :] == scores[:, :, None]).sum(axis=2)
    cumulative = np.concatenate([[0.0], np.cumsum(by_rank)])
    share = (cumulative[above + ties] - cumulative[above]) / ties
    return np.asarray((share * correct).sum(axis=1))


def subsets(n: int, k: int, seed: int = 0) -> NDArray[np.int64]:
    """k-subsets of range(n), shape (S, k): all of them when there are few, else ``SUBSETS`` random ones."""
    if comb(n, k) <= SUBSETS:
        from itertools import combinations

        return np.array(list(combinations(range(n), k)), dtype=np.int64)
    draws = np.random.default_rng([seed, n, k]).random((SUBSETS, n))
    return np.asarray(np.sort(np.argsort(draws, axis=1)[:, :k], axis=1))


def vote_at_k(correct: Bools, classes: Classes, weights: Floats, k: int, seed: int = 0) -> Floats:
    """Expected accuracy of the weighted vote of a random k-subset; majority with weights of one. NaN when n < k.

    ``classes`` (P, N): equivalent answers share a number, −1 states none and does not vote. Exact when there are few
    subsets, else a Monte-Carlo mean over :func:`subsets`. Answers with equal weight share the decision equally.
    """
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    chosen = subsets(n, k, seed)
    return np.array([_vote(c, a, w, chosen) for c, a, w in zip(correct, classes, np.nan_to_num(weights), strict=True)])


def _vote(correct: Bools, classes: Classes, weights: Floats, chosen: NDArray[np.int64]) -> float:
    if classes.max() < 0:
        return 0.0
    member = classes[None] == np.arange(classes.max() + 1)[:, None]  # (C, N)
    right = np.array([bool(correct[m].any()) for m in member])
    in_subset = np.zeros((len(chosen), len(classes)))
    np.put_along_axis(in_subset, chosen, 1.0, axis=1)
    totals = in_subset @ (member * weights).T  # (S, C)
    present = in_subset @ member.T > 0
    totals = np.where(present, totals, -np.inf)
    best = totals.max(axis=1, keepdims=True)
    winners = np.isclose(totals, best, rtol=1e-9, atol=0) & present
    count = winners.sum(axis=1)
    credit = (winners & right).sum(axis=1) / np.maximum(count, 1)
    return float(np.where(count > 0, credit, 0.0).mean())
