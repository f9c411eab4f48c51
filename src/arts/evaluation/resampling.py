"""From a statistic, its resamples and its leave-one-out values to an interval over problems."""

from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from arts.arrays import Floats

Interval = tuple[float, float, str]
"""Low end, high end, and how they were made."""

RESAMPLES = 2_000
CONFIDENCE = 0.95
UPPER = (1 + CONFIDENCE) / 2
UNBOUNDED = (-np.inf, np.inf)
ALIKE = "all problems alike"
"""How the method of an interval begins where no resample differs."""
FEW = 5
"""Fewer problems than this have too few different resamples for a bootstrap."""
_ALIKE = 1e-12
_TIED = 1e-9
"""Resamples that differ by less than this share of their spread are equal but for rounding."""


@lru_cache(maxsize=4)
def problem_weights(n: int, seed: int) -> Floats:
    """Weight of each problem in each resample, (RESAMPLES, n); rows sum to 1."""
    drawn = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    return np.bincount(drawn.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n) / n


def interval(
    value: float,
    resampled: Floats,
    left_out: Floats,
    bounds: tuple[float, float] = UNBOUNDED,
    *,
    reflect: bool = False,
) -> Interval:
    """The interval of a statistic: BCa wherever there is enough to go by.

    ``resampled`` (R,) are its values in resamples of problems, NaN where it has none, ``left_out`` (P,) those without
    each problem. ``bounds`` are the least and the largest value that it can have. The third of the result says what
    was done: with fewer than ``FEW`` problems Student's t on the jackknife, and where no resample differs the bound
    of :func:`alike`. ``reflect`` asks for the basic bootstrap instead: percentiles of the resamples, reflected about
    the value and not below 0.
    """
    known = resampled[~np.isnan(resampled)]
    if len(left_out) < 2:
        return np.nan, np.nan, "one problem, no interval"
    if np.isnan(value) or not len(known):
        return np.nan, np.nan, "undefined"
    if reflect:
        low, high = np.maximum(2 * value - np.quantile(known, [UPPER, 1 - UPPER]), 0)
        return float(low), float(high), "problem bootstrap, reflected"
    if np.ptp(known) <= _ALIKE * max(1.0, abs(value)):
        return alike(value, len(left_out), bounds)
    if len(left_out) < FEW:
        reach = float(stdtrit(len(left_out) - 1, UPPER)) * jackknife_error(left_out)
        return max(value - reach, bounds[0]), min(value + reach, bounds[1]), "few problems, Student's t"
    low, high, method = _bca(value, known, left_out)
    some = "" if len(known) == len(resampled) else f", {len(known)} of {len(resampled)} resamples"
    return low, high, f"problem bootstrap, {method}{some}"


def alike(value: float, n: int, bounds: tuple[float, float]) -> Interval:
    """What n problems that all give ``value`` say about the mean over all problems, of numbers within ``bounds``.

    A bootstrap sees no variation there. If a share q of all problems were different, n like ones would have come
    with probability (1 − q)ⁿ; the largest q that leaves 2.5 % may be as far from ``value`` as the bounds are. For a
    value of 0 or 1 within (0, 1) it is the interval of Clopper and Pearson 1934 (doi 10.1093/biomet/26.4.404). Without
    bounds there is nothing to go by: no width, and of fewer than ``FEW`` problems no interval.
    """
    if not np.isfinite(bounds).all() and n < FEW:
        return np.nan, np.nan, f"{ALIKE}, too few for an interval"
    if not np.isfinite(bounds).all():
        return value, value, "problem bootstrap without variation"
    different = 1 - (1 - UPPER) ** (1 / n)
    low, high = (value + different * (bound - value) for bound in bounds)
    return low, high, f"{ALIKE}, exact bound"


def jackknife_error(left_out: Floats) -> float:
    """Standard error from leave-one-out values (P,)."""
    n = len(left_out)
    return float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))


def _bca(value: float, known: Floats, left_out: Floats) -> Interval:
    """Bias-corrected and accelerated, Efron 1987 (doi 10.1080/01621459.1987.10478410), with wider quantiles.

    The normal quantiles give way to Student's times √(n / (n − 1)), as resamples vary by (n − 1) / n of what samples
    do (Hesterberg 2015, arXiv 1411.5279). Resamples that equal the value count half above and half below it; where
    all are on one side of it there is no correction, and the ends are percentiles.
    """
    n = len(left_out)
    reach = float(stdtrit(n - 1, UPPER)) * np.sqrt(n / (n - 1)) * np.array([-1.0, 1.0])
    tolerance = _TIED * np.ptp(known)
    below = (np.mean(known < value - tolerance) + np.mean(known <= value + tolerance)) / 2
    levels, method = ndtr(reach), "percentile"
    if 0 < below < 1:
        bias = ndtri(below)
        shifted = bias + reach
        levels, method = ndtr(bias + shifted / (1 - _acceleration(left_out) * shifted)), "BCa"
    low, high = np.quantile(known, levels)
    return float(low), float(high), method


def _acceleration(left_out: Floats) -> float:
    """A sixth of the skewness of the influence of problems; 0 where none has any or one is undefined.

    It is below 1/6, so that with the largest bias of ``RESAMPLES`` no quantile passes the pole of the BCa levels.
    """
    influence = left_out.mean() - left_out
    largest = np.abs(influence).max(initial=0.0)
    if not largest > 0:
        return 0.0
    influence /= largest  # their cubes may be too small for a number
    return float((influence**3).sum() / (6 * (influence**2).sum() ** 1.5))
