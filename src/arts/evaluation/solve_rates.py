"""True solve rates behind counted ones: what c correct of n samples say of a problem among others like it.

The rates of all problems are taken to follow one beta distribution, fitted to their counts (empirical Bayes,
beta-binomial model). Given its counts a problem's rate then follows a beta distribution too, whose mean is the count's
rate drawn towards that of all problems. Axis P: problems; ``c`` correct of ``n`` samples, both (P,).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from msgspec import structs
from scipy.optimize import minimize
from scipy.special import betainc, betaln, expit, logit

from arts.arrays import Bools, Floats, Ints
from arts.estimate import NOTHING, Estimate
from arts.evaluation.intervals import bootstrap_observations, mean, quotient
from arts.evaluation.parts import LabelErrors, RateBin, RateError, SolveRates, ZoneLabels

Prior = tuple[float, float]

BINS = 10
"""Bins of the histogram between 0 and 1, which have bins of their own."""
GRID = 15
GRID_REACH = 10.0
"""Steps on each side of a grid of priors, and how far it goes, times √P, in log-odds of the mean and log of a + b."""
ZONE_SAMPLES = 16
"""Zones are defined by counts of so many samples (arXiv 2602.12846)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Problems of which ``least`` to ``most`` of ``ZONE_SAMPLES`` samples are correct.

    A count labels a problem; whether the problem belongs there is a matter of its true rate, which does when it is
    nearer to these counts than to others: between ``least`` − ½ and ``most`` + ½ of ``ZONE_SAMPLES``.
    """

    name: str
    least: int
    most: int

    @property
    def rates(self) -> tuple[float, float]:
        """The true rates that belong to the zone."""
        return max(self.least - 0.5, 0) / ZONE_SAMPLES, (self.most + 0.5) / ZONE_SAMPLES

    def labels(self, c: Ints, n: Ints | int) -> Bools:
        """Which counts are labelled, (P,); of other numbers of samples the same share, but ``least`` always counts."""
        return np.asarray(
            (c >= self.least) & (c * ZONE_SAMPLES <= np.maximum(self.most * n, self.least * ZONE_SAMPLES))
        )


RARE = Zone(name="rare", least=1, most=2)
UNSOLVED = Zone(name="unsolved", least=0, most=0)


def fit_beta(c: Ints, n: Ints) -> Prior | None:
    """The beta distribution of success rates over problems, (a, b), of largest beta-binomial likelihood.

    None where no problem has two samples, as then only its mean can be known. The mean is kept within 0.0003 of
    0 and 1, and a + b between 0.05 and 400.
    """
    if n.max(initial=0) < 2:
        return None
    kinds, times = np.unique(np.stack([c, n], axis=1), axis=0, return_counts=True)
    k, size = kinds[:, 0], kinds[:, 1]

    def shape(x: Floats) -> Prior:
        rate, weight = expit(x[0]), np.exp(x[1])
        return float(rate * weight), float((1 - rate) * weight)

    def loss(x: Floats) -> float:
        a, b = shape(x)
        return float(-(times @ (betaln(a + k, b + size - k) - betaln(a, b))))

    best = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-8, 8), (np.log(0.05), np.log(400))])
    return shape(best.x)


def shrunk(c: Ints, n: Ints, prior: Prior) -> Floats:
    """Posterior mean of each problem's true solve rate, (P,): (a + c)/(a + b + n)."""
    return np.asarray((prior[0] + c) / (sum(prior) + n))


def zone_probability(c: Ints, n: Ints, prior: Prior | tuple[Floats, Floats], zone: Zone) -> Floats:
    """Posterior probability that each problem's true rate belongs to the zone, (P,), or (..., P) of priors (..., 1)."""
    low, high = (betainc(prior[0] + c, prior[1] + n - c, end) for end in zone.rates)
    return np.asarray(high - low)


def label_errors(c: Ints, n: Ints, labelled: Floats, zone: Zone, seed: int = 0) -> LabelErrors:
    """How far labels are from true rates; ``labelled`` (P,) says how often each problem has the label, 0 to 1.

    Each resample of the intervals has its own prior, the likeliest of a grid about the one of all problems.
    """
    prior = fit_beta(c, n)
    if prior is None:
        return LabelErrors(belong=NOTHING, false=NOTHING, missed=NOTHING)
    kinds, which = np.unique(np.stack([c, n]), axis=1, return_inverse=True)
    of_kind = np.eye(kinds.shape[1])[which.reshape(-1)]
    a, b = _priors_about(prior, len(c))
    log_likelihood = (betaln(a + kinds[0], b + kinds[1] - kinds[0]) - betaln(a, b)).T
    member = zone_probability(kinds[0], kinds[1], (a, b), zone)

    def expected(parts: Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]) -> Estimate:
        def share(weights: Floats) -> Floats:
            every, with_label = weights @ of_kind, weights * labelled @ of_kind
            part, whole = parts(every, with_label, member[(every @ log_likelihood).argmax(axis=1)])
            return quotient(part.sum(axis=1), whole.sum(axis=1))

        return bootstrap_observations(share, np.arange(len(c)), seed)

    return LabelErrors(
        belong=expected(lambda every, label, z: (every * z, every)),
        false=expected(lambda every, label, z: (label * (1 - z), label)),
        missed=expected(lambda every, label, z: ((every - label) * z, every * z)),
    )


def _priors_about(prior: Prior, problems: int) -> tuple[Floats, Floats]:
    """Priors (G, 1) on a grid of mean and weight, so wide that hardly any resample's prior lies outside."""
    reach = GRID_REACH / np.sqrt(problems) * np.linspace(-1, 1, 2 * GRID + 1)
    rate, weight = np.meshgrid(logit(prior[0] / sum(prior)) + reach, np.log(sum(prior)) + reach)
    mean_, total = expit(rate).reshape(-1, 1), np.exp(weight).reshape(-1, 1)
    return mean_ * total, (1 - mean_) * total


def solve_rates(correct: Bools, seed: int = 0) -> SolveRates | None:
    """The rates of P problems with N samples each, ``correct`` (P, N); None for fewer than two samples.

    ``reliability`` is the share of the variance of observed rates that is of true rates, N/(a + b + N), and ``error``
    the root mean square by which an observed and a shrunk rate are expected to miss the true one. Bins are open below
    and closed above, those of exactly 0 and 1 apart. ``zones`` says of labels by all N samples which share of problems
    has them, which share belongs there by its true rate, which share of labels is false and of members is missed.
    """
    c, n = correct.sum(axis=1), np.full(len(correct), correct.shape[1])
    prior = fit_beta(c, n)
    if prior is None:
        return None
    estimate = shrunk(c, n, prior)
    variance = estimate * (1 - estimate) / (sum(prior) + n + 1)
    return SolveRates(
        prior=prior,
        n=correct.shape[1],
        reliability=float(n[0] / (sum(prior) + n[0])),
        error=RateError(
            observed=float(np.sqrt((variance + (estimate - c / n) ** 2).mean())), shrunk=float(np.sqrt(variance.mean()))
        ),
        bins=_histogram(c, correct.shape[1], estimate),
        zones=[_labels(c, n, zone, seed) for zone in (UNSOLVED, RARE)],
    )


def _labels(c: Ints, n: Ints, zone: Zone, seed: int) -> ZoneLabels:
    labelled = zone.labels(c, n).astype(np.float64)
    errors = label_errors(c, n, labelled, zone, seed)
    return ZoneLabels(name=zone.name, rates=zone.rates, labelled=mean(labelled, seed), **structs.asdict(errors))


def _histogram(c: Ints, n: int, estimate: Floats) -> list[RateBin]:
    edges = [0.0, *(i / BINS for i in range(BINS + 1)), 1.0]
    observed = np.where(c == n, BINS + 1, -(-c * BINS // n))  # counts in whole numbers, as 3/10 is no binary fraction
    between = np.clip(np.ceil(estimate * BINS), 1, BINS)
    shares = [np.bincount(b.astype(np.int64), minlength=BINS + 2) / len(c) for b in (observed, between)]
    rows = zip(pairwise(edges), *shares, strict=True)
    return [RateBin(low=low, high=high, observed=float(o), shrunk=float(s)) for (low, high), o, s in rows]
