"""What a score says about success: from the numbers of a verifier to probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Literal

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from arts.arrays import Floats
from arts.errors import UsageError
from arts.verifiers.base import Unit

CalibrationMethod = Literal["temperature", "isotonic"]

PUBLISHED_CONTRAST = 100.0
"""R(correct) / R(incorrect) of arXiv 2602.12846: 10 and 0.1."""
_EDGE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """An increasing map from scores to success probabilities, fitted on problems that were held out.

    ``temperature``: σ(slope · z + offset), where z is the score, or the log-odds of one that is a probability; 1/slope
    is the temperature (Platt scaling). ``isotonic``: linear between ``knots`` and their ``levels``, constant outside.
    """

    method: CalibrationMethod
    slope: float = 1.0
    offset: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.slope, self.offset, *self.knots, *self.levels)
        increasing = all(a <= b for a, b in pairwise(self.knots))
        if self.method == "isotonic" and not (0 < len(self.knots) == len(self.levels) and increasing):
            raise UsageError("calibration: an isotonic one needs increasing knots and a level for each")
        if not all(map(isfinite, numbers)):
            raise UsageError("calibration: use finite numbers")

    def __call__(self, scores: Floats, unit: Unit) -> Floats:
        """Success probabilities of scores in a unit, same shape."""
        z = _unbounded(scores, unit)
        if self.method == "temperature":
            return np.asarray(expit(self.slope * z + self.offset))
        return np.asarray(np.where(np.isnan(z), np.nan, np.interp(z, self.knots, self.levels)))


def success_probability(scores: Floats, unit: Unit, contrast: float = PUBLISHED_CONTRAST) -> Floats:
    """What scores say before any calibration, same shape; NaN where a unit says nothing about success.

    A log-flow is read as log E[R]: v = (F − R₀) / (R₁ − R₀), clipped to [0, 1], with the rewards R₁ = √contrast and
    R₀ = 1/√contrast. That is exact for values and for terminal states; a flow that sums over children is larger.
    """
    match unit:
        case "probability":
            return np.asarray(scores)
        case "logit":
            return np.asarray(expit(scores))
        case "log_flow":
            high = contrast**0.5
            flow = np.exp(np.minimum(scores, np.log(high)))
            return np.asarray(np.clip((flow - 1 / high) / (high - 1 / high), 0, 1))
        case "log_probability" | "rank":
            return np.full_like(scores, np.nan)


def fit_calibration(
    method: CalibrationMethod, scores: Floats, unit: Unit, success: Floats, weights: Floats
) -> Calibration:
    """The map of least weighted cross-entropy (temperature) or squared error (isotonic) to success rates, all (N,)."""
    z = _unbounded(scores, unit)
    known = np.isfinite(z) & np.isfinite(success) & (weights > 0)
    z, success, weights = z[known], success[known], weights[known]
    if method == "isotonic":
        return _isotonic(z, success, weights)

    def entropy(parameters: Sequence[float]) -> float:
        odds = np.exp(parameters[0]) * z + parameters[1]
        return float(np.average(np.logaddexp(0, odds) - success * odds, weights=weights))

    found = minimize(entropy, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    return Calibration(method="temperature", slope=float(np.exp(found.x[0])), offset=float(found.x[1]))


def _isotonic(z: Floats, success: Floats, weights: Floats) -> Calibration:
    places, inverse = np.unique(z, return_inverse=True)
    total = np.bincount(inverse, weights=weights)
    mean = np.bincount(inverse, weights=weights * success) / total
    levels = isotonic_regression(mean, weights=total).x
    edge = np.ones(len(levels), dtype=bool)  # the first and last place of each level are enough
    edge[1:-1] = (levels[1:-1] != levels[:-2]) | (levels[1:-1] != levels[2:])
    return Calibration(method="isotonic", knots=tuple(places[edge].tolist()), levels=tuple(levels[edge].tolist()))


def _unbounded(scores: Floats, unit: Unit) -> Floats:
    return np.asarray(logit(np.clip(scores, _EDGE, 1 - _EDGE))) if unit == "probability" else scores
