"""Expected accuracy of each way of deciding with k of n samples, averaged over all k-subsets. Arrays in, arrays out.

Axes: P problems, N samples of a problem. ``correct`` is (P, N) of bool. Every function returns one number per
problem, shape (P,), so that intervals and paired differences can be taken over problems.
"""

from functools import lru_cache
from itertools import combinations
from math import ceil, comb

import numpy as np

from arts.arrays import Bools, Floats, Ints
from arts.selection.scores import ranked

ENUMERATED = 12_870
"""Votes are averaged over all subsets up to this many, which are those of 16 samples at any k."""
DRAWN = 2_000
"""Random subsets that stand for them where there are more; the same ones for every method and problem."""
TOTALS_AT_ONCE = 250_000
"""Totals of answers that are looked at together; bounds the memory."""

ROUNDING = 1e-9
"""Totals are equal that differ by less than this share."""


def pass_at_k(correct: Bools, k: int) -> Floats:
    """Probability that a random k-subset holds a correct sample: 1 − C(n−c, k)/C(n, k); NaN when n < k.

    Chen et al. 2021, arXiv 2107.03374.

    >>> pass_at_k(np.array([[True, False, False, False]]), 2)
    array([0.5])
    """
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    missing = 1 - k / np.arange(
        n, 0, -1.0
    )  # the last correct sample is not among k of n, the one before not of n − 1, …
    none = np.concatenate([[1.0], np.cumprod(np.maximum(missing, 0))])
    return np.asarray(1 - none[correct.sum(axis=1)])


def g_pass_at_k(correct: Bools, k: int, threshold: float) -> Floats:
    """Probability that at least ⌈threshold · k⌉ of a random k-subset are correct, at least one; NaN when n < k.

    G-Pass@k of Liu et al. 2024, arXiv 2412.13147: the hypergeometric tail. With a threshold near 0 it is pass@k, with
    1 all k samples are correct.

    Raises:
        ValueError: the threshold is not above 0 and at most 1.

    >>> g_pass_at_k(np.array([[True, True, False, False]]), 2, 1.0).round(3)
    array([0.167])
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold is {threshold:g}; give a share above 0 and at most 1")
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    least = max(1, ceil(threshold * k - ROUNDING))
    counts, where = np.unique(correct.sum(axis=1), return_inverse=True)
    return np.asarray(np.array([_tail(n, int(c), k, least) for c in counts])[where])


def _tail(n: int, c: int, k: int, least: int) -> float:
    """Probability that k of n samples, c of them correct, hold at least so many correct ones.

    Weights relative to the most probable number, from the ratios of neighbours; no binomial is ever computed.
    """
    j = np.arange(max(0, k - (n - c)), min(c, k) + 1, dtype=np.float64)
    up = (c - j[:-1]) * (k - j[:-1]) / ((j[:-1] + 1) * (n - c - k + j[:-1] + 1))
    mode = int((up > 1).sum())  # the ratios fall
    below = np.cumprod(1 / up[:mode][::-1])[::-1]
    weights = np.concatenate([below, [1.0], np.cumprod(up[mode:])])
    return float(weights[j >= least].sum() / weights.sum())


def best_of_k(correct: Bools, scores: Floats, k: int) -> Floats:
    """Expected accuracy of the best-scored sample of a random k-subset, exact, by order statistics.

    The sample of rank r (of n, from the best) is the best of a subset with probability C(n−r, k−1)/C(n, k); samples
    with equal scores share their ranks' probabilities equally. NaN scores rank last. NaN when n < k.
    """
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    left = np.arange(n - 1, 0, -1.0)  # behind ranks 1, 2, …
    by_rank = k / n * np.concatenate([[1.0], np.cumprod(np.maximum((left - k + 1) / left, 0))])
    scores = ranked(scores)
    above = (scores[:, None, :] > scores[:, :, None]).sum(axis=2)
    ties = (scores[:, None, :] == scores[:, :, None]).sum(axis=2)
    cumulative = np.concatenate([[0.0], np.cumsum(by_rank)])
    share = (cumulative[above + ties] - cumulative[above]) / ties
    return np.asarray((share * correct).sum(axis=1))


def subsets_at(n: int, k: int) -> tuple[int, bool]:
    """How many k-subsets of n samples a vote is averaged over, and whether these are all."""
    return (comb(n, k), True) if comb(n, k) <= ENUMERATED else (DRAWN, False)


def subsets(n: int, k: int, seed: int = 0) -> Ints:
    """k-subsets of range(n), shape (S, k): all of them when there are few, else ``DRAWN`` random ones."""
    count, all_of_them = subsets_at(n, k)
    if all_of_them:
        return np.array(list(combinations(range(n), k)), dtype=np.int64)
    draws = np.random.default_rng([seed, n, k]).random((count, n))
    return np.asarray(np.sort(np.argsort(draws, axis=1)[:, :k], axis=1))


def vote_at_k(correct: Bools, classes: Ints, weights: Floats, k: int, seed: int = 0) -> Floats:
    """Expected accuracy of the weighted vote of a random k-subset; majority with weights of one. NaN when n < k.

    ``classes`` (P, N): equivalent answers share a number, −1 states none and does not vote. Exact when there are few
    subsets, else a Monte-Carlo mean over :func:`subsets`. Answers with equal weight share the decision equally;
    where all weights of a subset are 0 its votes are counted instead.
    """
    problems, n = correct.shape
    if k > n:
        return np.full(problems, np.nan)
    inside = _inside(n, k, seed)
    weights = np.nan_to_num(weights)
    found = np.zeros(problems)
    answers = np.where(correct.any(axis=1), classes.max(axis=1) + 1, 0)  # what has no correct sample has no credit
    for count in np.unique(answers[answers > 0]):
        of = np.flatnonzero(answers == count)
        size = max(1, TOTALS_AT_ONCE // (int(count) * inside.shape[1]))
        for part in (of[start : start + size] for start in range(0, len(of), size)):
            found[part] = _votes(correct[part], classes[part], weights[part], inside)
    return found


@lru_cache(maxsize=8)
def _inside(n: int, k: int, seed: int) -> Floats:
    """1 where a sample is in a subset, (N, S)."""
    chosen = subsets(n, k, seed)
    inside = np.zeros((n, len(chosen)))
    np.put_along_axis(inside, chosen.T, 1.0, axis=0)
    return inside


def _votes(correct: Bools, classes: Ints, weights: Floats, inside: Floats) -> Floats:
    """Mean credit over the S subsets, (P,), of problems with the same number C of answer classes."""
    member = (classes[:, None] == np.arange(classes.max() + 1)[:, None]).astype(np.float64)  # (P, C, N)
    right = (member * correct[:, None]).any(axis=2)[:, :, None]  # (P, C, 1)
    totals = (member * weights[:, None]) @ inside  # (P, C, S)
    best = totals.max(axis=1, keepdims=True)
    if (best <= 0).any():
        totals = np.where(best > 0, totals, member @ inside)
        best = totals.max(axis=1, keepdims=True)
    winners = (totals >= best * (1 - ROUNDING)) & (best > 0)
    credit = (winners & right).sum(axis=1) / np.maximum(winners.sum(axis=1), 1)
    return np.asarray(credit.mean(axis=1))
