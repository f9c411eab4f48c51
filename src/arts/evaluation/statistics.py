"""Estimates with intervals that respect the design: problems are the sampling unit, comparisons are paired."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 2_000
CONFIDENCE = 0.95
WEIGHTS_AT_ONCE = 2_000_000
"""Weights of observations that are looked at together; bounds the memory."""


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


def plain(estimate: Estimate) -> dict[str, Any]:
    """The estimate as JSON knows it: None where there is no number."""
    return {k: None if v != v else v for k, v in asdict(estimate).items()}


def bootstrap(
    statistic: Callable[[Floats], Floats], columns: Floats, seed: int = 0, *, reflect: bool = False
) -> Estimate:
    """Problem-clustered percentile bootstrap of a function of column means.

    ``columns`` is (P, M), one row per problem; ``statistic`` maps means (..., M) to values (...). Whole problems
    are resampled with all their samples, so the interval covers the choice of problems, and paired
    differences are taken within a resample. Rows with a NaN are left out.

    ``reflect``: for a statistic that is not negative and that chance makes larger, as it does once more in each
    resample; the percentiles are reflected about the value (the basic bootstrap) and not below 0.
    """
    rows = columns[~np.isnan(columns).any(axis=1)]
    n = len(rows)
    if n == 0:
        return Estimate(value=np.nan, low=np.nan, high=np.nan, n=0, method="no problems")
    found = _estimate(float(statistic(rows.mean(axis=0))), statistic(_resamples(n, seed) @ rows), n)
    if not reflect:
        return found
    low, high = (np.maximum(2 * found.value - end, 0) for end in (found.high, found.low))
    return replace(found, low=float(low), high=float(high), method="problem bootstrap, reflected")


def bootstrap_observations(statistic: Callable[[Floats], Floats], problem: Ints, seed: int = 0) -> Estimate:
    """The same for any function of weighted observations, several of which may be of one problem.

    ``problem`` (S,) says whose each observation is; ``statistic`` maps weights of the observations (..., S), those of
    one problem being equal, to values (...).
    """
    names, owner = np.unique(problem, return_inverse=True)
    n = len(names)
    if n == 0:
        return Estimate(value=np.nan, low=np.nan, high=np.nan, n=0, method="no problems")
    rows = max(1, WEIGHTS_AT_ONCE // len(owner))
    weights = _resamples(n, seed)
    values = [statistic(weights[start : start + rows, owner]) for start in range(0, RESAMPLES, rows)]
    return _estimate(float(statistic(np.full((1, len(owner)), 1 / n))[0]), np.concatenate(values), n)


def _estimate(value: float, resampled: Floats, n: int) -> Estimate:
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    known = n > 1 and not np.isnan(resampled).all()
    low, high = np.nanquantile(resampled, tails) if known else (np.nan, np.nan)
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


def per_problem(problem: Ints, columns: Floats) -> Floats:
    """Sums of the observations (S, M) of each problem, (P, M)."""
    names, owner = np.unique(problem, return_inverse=True)
    sums = np.zeros((len(names), columns.shape[1]))
    np.add.at(sums, owner, columns)
    return sums


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
