"""Estimates with intervals that respect the design: problems are the sampling unit, comparisons are paired."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 2_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval; ``n`` is the number of problems, ``method`` how the interval was made."""

    value: float
    low: float
    high: float
    n: int
    method: str

    @property
    def excludes_zero(self) -> bool:
        """True when the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def bootstrap(statistic: Callable[[Floats], Floats], columns: Floats, seed: int = 0) -> Estimate:
    """Problem-clustered percentile bootstrap of a function of column means.

    ``columns`` is (P, M), one row per problem; ``statistic`` maps means (..., M) to values (...). Whole problems
    are resampled with all their samples, so the interval covers the choice of problems, and paired
    differences are taken within a resample. Rows with a NaN are left out.
    """
    rows = columns[~np.isnan(columns).any(axis=1)]
    n = len(rows)
    if n == 0:
        return Estimate(value=np.nan, low=np.nan, high=np.nan, n=0, method="no problems")
    values = statistic(_resamples(n, seed) @ rows)
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    known = n > 1 and not np.isnan(values).all()
    low, high = np.nanquantile(values, tails) if known else (np.nan, np.nan)
    value = float(statistic(rows.mean(axis=0)))
    return Estimate(value=value, low=float(low), high=float(high), n=n, method="problem bootstrap, percentile")


@lru_cache(maxsize=4)
def _resamples(n: int, seed: int) -> Floats:
    """Weight of each problem in each resample, (RESAMPLES, n); rows sum to 1."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n


def mean(per_problem: Floats, seed: int = 0) -> Estimate:
    """Mean over problems."""
    return bootstrap(lambda m: m[..., 0], per_problem[:, None], seed)


def paired_difference(a: Floats, b: Floats, seed: int = 0) -> Estimate:
    """Mean of a − b over the same problems."""
    return bootstrap(lambda m: m[..., 0] - m[..., 1], np.stack([a, b], axis=1), seed)


def ratio(parts: Floats, wholes: Floats, seed: int = 0) -> Estimate:
    """Sum of ``parts`` over problems divided by the sum of ``wholes``, which are not negative."""
    return bootstrap(lambda m: _quotient(m[..., 0], m[..., 1]), np.stack([parts, wholes], axis=1), seed)


def gap_closed(method: Floats, pass_1: Floats, pass_n: Floats, seed: int = 0) -> Estimate:
    """(method − pass@1) / (pass@N − pass@1), arXiv 2602.12846; numerator and denominator are resampled together."""

    def closed(m: Floats) -> Floats:
        return _quotient(m[..., 0] - m[..., 1], m[..., 2] - m[..., 1])

    return bootstrap(closed, np.stack([method, pass_1, pass_n], axis=1), seed)


def _quotient(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0))
