"""Does a step score mean what it says? Predicted against counted success, and whether flows and values add up.

Arrays in, estimates out. Axis S: states, several of which may be of one problem; ``problem`` (S,) says whose each is.
``values`` are predicted success probabilities, ``rates`` counted ones: ``correct`` of ``graded`` continuations. A rate
is itself noisy, which lowers rank correlations and raises calibration errors; only the squared error is free of it.
"""

import numpy as np

from arts.arrays import Floats, Ints
from arts.estimate import Estimate
from arts.evaluation.intervals import Statistic, bootstrap, bootstrap_observations, per_problem, ratio
from arts.trees.tree import ROOT, Tree

BINS = 10
"""Most bins of a calibration error or a reliability line."""
STATES_PER_BIN = 5
"""Fewer bins are used where they would hold fewer states than this."""
LEAST_STATES = 3
"""A rank correlation of fewer states is undefined."""
_CONSTANT = 1e-12


def spearman(scores: Floats, rates: Floats, problem: Ints, seed: int = 0) -> Estimate:
    """Spearman's rank correlation, equal numbers sharing their ranks; undefined for a constant or too few states."""
    if len(scores) < LEAST_STATES:
        return Estimate(value=np.nan, low=np.nan, high=np.nan, n=len(np.unique(problem)), method="too few states")
    ranks = _ranks(scores), _ranks(rates)

    def correlation(weights: Floats) -> Floats:
        total = weights.sum(axis=1, keepdims=True)
        a, b = (ranked(weights) for ranked in ranks)
        a, b = (r - (weights * r).sum(axis=1, keepdims=True) / total for r in (a, b))
        both, first, second = ((weights * p).sum(axis=1) / total[:, 0] for p in (a * b, a * a, b * b))
        varied = (first > _CONSTANT) & (second > _CONSTANT)
        return np.asarray(np.divide(both, np.sqrt(first * second), out=np.full_like(both, np.nan), where=varied))

    return bootstrap_observations(correlation, problem, seed)


def _ranks(numbers: Floats) -> Statistic:
    """Mid-ranks of numbers that are sorted once, of observations repeated as often as weights (R, S) say.

    They are right up to scale and shift.
    """
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    first, after = np.searchsorted(ordered, ordered, side="left"), np.searchsorted(ordered, ordered, side="right")

    def of(weights: Floats) -> Floats:
        below = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(weights[:, order] / weights.sum(axis=1, keepdims=True), axis=1, out=below[:, 1:])
        ranks = np.empty_like(weights)
        ranks[:, order] = (below[:, first] + below[:, after]) / 2
        return ranks

    return of


def bins(values: Floats) -> Ints:
    """Bin numbers (S,) of equal mass in order of the values; equal values share a bin, so some may be empty."""
    count = max(1, min(BINS, len(values) // STATES_PER_BIN))
    return np.asarray(np.searchsorted(np.sort(values), values, side="left") * count // max(len(values), 1))


def calibration_error(values: Floats, rates: Floats, problem: Ints, seed: int = 0) -> Estimate:
    """Expected calibration error: the gap between mean value and mean rate of a bin, averaged over states.

    Chance makes it larger on average, here and once more in resamples: the interval is therefore reflected and may lie
    below the value. Simulated, it covers errors of 0.05 and more about as often as it says, and 0 only half as often.
    """
    count = bins(values).max(initial=0) + 1
    gaps = (bins(values)[:, None] == np.arange(count)) * (values - rates)[:, None]
    columns = per_problem(problem, np.column_stack([gaps, np.ones(len(values))]))
    return bootstrap(lambda m: np.abs(m[..., :-1]).sum(axis=-1) / m[..., -1], columns, seed, reflect=True)


def squared_error(values: Floats, graded: Ints, correct: Ints, problem: Ints, seed: int = 0) -> Estimate:
    """Mean of (value − success probability)², without the noise of the rates: unbiased, so it may fall below 0.

    A rate of n continuations has the variance p(1 − p)/n, which r(1 − r)/(n − 1) estimates without bias.
    """
    rates = correct / graded
    return average((values - rates) ** 2 - rate_noise(graded, correct), problem, seed)


def spread(graded: Ints, correct: Ints, problem: Ints, seed: int = 0) -> Estimate:
    """Variance of the success probabilities, without the noise: the squared error of their mean as the only value."""
    rates = correct / graded
    columns = np.column_stack([np.ones(len(rates)), rates, rates**2 - rate_noise(graded, correct)])

    def variance(m: Floats) -> Floats:
        count, first, second = (m[..., i] for i in range(3))
        return np.asarray(second / count - (first / count) ** 2)

    return bootstrap(variance, per_problem(problem, columns), seed)


def rate_noise(graded: Ints, correct: Ints) -> Floats:
    """Estimated variance of each rate around its success probability; NaN with one continuation."""
    rates = correct / graded
    return np.asarray(np.divide(rates * (1 - rates), graded - 1, out=np.full(len(rates), np.nan), where=graded > 1))


def average(numbers: Floats, problem: Ints, seed: int = 0) -> Estimate:
    """Mean over states, those without a number left out."""
    known = ~np.isnan(numbers)
    sums = per_problem(problem[known], np.column_stack([numbers[known], np.ones(known.sum())]))
    return ratio(sums[:, 0], sums[:, 1], seed)


def root_mean_square(numbers: Floats, problem: Ints, seed: int = 0) -> Estimate:
    """√ of the mean square over states."""
    sums = per_problem(problem, np.column_stack([numbers**2, np.ones(len(numbers))]))
    return bootstrap(lambda m: np.sqrt(m[..., 0] / m[..., 1]), sums, seed)


def value_residual(tree: Tree, values: Floats) -> Floats:
    """v(s) − Σ w(c) v(c) per node, w(c) being the share of the draws from s that went to child c.

    NaN at nodes with fewer than 2 draws and where a value is missing. The expectation over draws is 0 for the true
    values, a single residual is not.
    """
    parents, children, visits = _drawn(tree)
    mean = np.bincount(parents, weights=visits * values[children], minlength=len(tree))
    return _residual(values, mean / np.maximum(np.bincount(parents, weights=visits, minlength=len(tree)), 1), tree)


def flow_residual(tree: Tree, log_flows: Floats) -> Floats:
    """The gap log F(s) − log Σ F(c) per node, over the observed children of s; NaN as in :func:`value_residual`."""
    parents, children, _ = _drawn(tree)
    total = np.full(len(tree), -np.inf)
    with np.errstate(invalid="ignore"):  # a child without a score leaves the sum without one
        np.logaddexp.at(total, parents, log_flows[children])
    return _residual(log_flows, total, tree)


def _residual(own: Floats, below: Floats, tree: Tree) -> Floats:
    parents, _, visits = _drawn(tree)
    enough = np.bincount(parents, weights=visits, minlength=len(tree)) >= 2
    known = enough & np.isfinite(own) & np.isfinite(below)
    return np.asarray(np.subtract(own, below, out=np.full(len(tree), np.nan), where=known))


def _drawn(tree: Tree) -> tuple[Ints, Ints, Ints]:
    """Parents, indices and visits of the nodes that have been drawn."""
    visits = tree.visits()
    children = np.flatnonzero(visits)
    children = children[children > ROOT]
    return np.asarray(tree.parent, dtype=np.int64)[children], children, visits[children]
