"""Expected accuracy of each way of deciding with k of n samples, averaged over all k-subsets. Arrays in, arrays out.

Axes: P problems, N samples of a problem. ``correct`` is (P, N) of bool. Every function returns one number per
problem, shape (P,), so that intervals and paired differences can be taken over problems.
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

from arts.search.decide import ranked

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Classes = NDArray[np.int64]

SUBSETS = 400
"""Subsets drawn for votes, when there are more than this many; the same ones for every method and problem."""
PROBLEMS_AT_ONCE = 64
"""Problems whose votes are counted together; bounds the memory."""


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
    scores = ranked(scores)
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
    subsets, else a Monte-Carlo mean over :func:`subsets`. Answers with equal weight share the decision equally;
    where all weights of a subset are 0 its votes are counted instead.
    """
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    chosen = subsets(n, k, seed)
    inside = np.zeros((len(chosen), n))
    np.put_along_axis(inside, chosen, 1.0, axis=1)
    parts = [slice(start, start + PROBLEMS_AT_ONCE) for start in range(0, problems, PROBLEMS_AT_ONCE)]
    weights = np.nan_to_num(weights)
    return np.concatenate([_votes(correct[p], classes[p], weights[p], inside) for p in parts])


def _votes(correct: Bools, classes: Classes, weights: Floats, inside: Floats) -> Floats:
    """Mean credit over subsets, (P,); ``inside`` (S, N) is 1 where a sample is in a subset. C answer classes."""
    member = (classes[:, :, None] == np.arange(max(classes.max() + 1, 1))).astype(np.float64)  # (P, N, C)
    right = (member * correct[:, :, None]).any(axis=1)[:, None]  # (P, 1, C)
    votes = inside @ member  # (P, S, C)
    totals = inside @ (member * weights[:, :, None])
    best = totals.max(axis=2, keepdims=True)
    totals = np.where(best > 0, totals, votes)
    winners = np.isclose(totals, totals.max(axis=2, keepdims=True), rtol=1e-9, atol=0) & (votes > 0)
    credit = (winners & right).sum(axis=2) / np.maximum(winners.sum(axis=2), 1)
    return np.asarray(credit.mean(axis=1))
