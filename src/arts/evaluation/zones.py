"""Subsets by outcome, labelled and evaluated on different samples.

Who labels a problem with the samples that are then evaluated finds in the label what chance did to these samples. Of a
zone of the base model's own samples (*rare*) each random halving therefore labels on one half and decides on the other,
both ways round. A zone of a policy's samples (*extinct*) needs no halving for methods that decide between base samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from msgspec import structs

from arts.arrays import Bools, Floats, Ints
from arts.estimate import Estimate
from arts.evaluation.candidates import Candidates, CandidateScores
from arts.evaluation.intervals import mean, ratio
from arts.evaluation.methods import methods
from arts.evaluation.parts import LabelNoise
from arts.evaluation.resampling import ALIKE, alike
from arts.evaluation.solve_rates import UNSOLVED, Zone, label_errors
from arts.problems.base import Problem

SPLITS = 20
"""Random halvings over which a zone is averaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """``correct`` of ``drawn`` samples of P problems, both (P,); a problem may have none."""

    correct: Ints
    drawn: Ints

    @classmethod
    def of(cls, problems: Sequence[Problem], verdicts: Mapping[str, Sequence[bool]]) -> "Counts":
        """The counts of verdicts that are known by problem id."""
        each = [verdicts.get(p.id, ()) for p in problems]
        return cls(correct=np.array([sum(row) for row in each]), drawn=np.array([len(row) for row in each]))

    @property
    def rates(self) -> Floats:
        """Observed solve rates, NaN where nothing was drawn."""
        return np.asarray(np.where(self.drawn > 0, self.correct / np.maximum(self.drawn, 1), np.nan))


@dataclass(frozen=True, slots=True, kw_only=True)
class Halved:
    """A zone of P problems over ``SPLITS`` halvings.

    ``labelled`` (P,) is the share of halves that label a problem, ``both`` that of halvings whose halves agree to.
    ``fair`` and ``naive`` are by method the accuracy times the label, averaged over the halves: of the half that did
    not label, and of the half that did; (P,), or (S, P) of several trained seeds.
    """

    half: int
    labelled: Floats
    both: Floats
    fair: Mapping[str, Floats]
    naive: Mapping[str, Floats]

    def accuracy(self, sums: Mapping[str, Floats], seed: int) -> dict[str, Estimate]:
        """Estimates of ``fair`` or ``naive``: problems count as often as they are labelled."""
        found = self.labelled > 0
        return {name: share(x[..., found], self.labelled[found], seed) for name, x in sums.items()}


def halved(candidates: Candidates, scored: Sequence[CandidateScores], zone: Zone, seed: int) -> Halved | None:
    """All methods on a zone of the candidates' own samples; None where a half would have fewer than two."""
    half = candidates.n // 2
    if half < 2:
        return None
    rng = np.random.default_rng(seed)
    labels, agreed = np.zeros((2, len(candidates.problems)))
    fair: dict[str, Floats] = {}
    naive: dict[str, Floats] = {}
    for _ in range(SPLITS):
        order = rng.permutation(candidates.n)
        halves = order[:half], order[half : 2 * half]
        first, second = (zone.labels(candidates.correct[:, h].sum(axis=1), half) for h in halves)
        labels += first.astype(np.float64) + second
        agreed += first & second
        for own, other, chosen in ((first, second, halves[0]), (second, first, halves[1])):
            for m in methods(candidates, scored, [half], seed, chosen):
                fair[m.name] = fair.get(m.name, 0.0) + m.per_problem[half] * other
                naive[m.name] = naive.get(m.name, 0.0) + m.per_problem[half] * own
    return Halved(
        half=half,
        labelled=labels / (2 * SPLITS),
        both=agreed / SPLITS,
        fair={name: total / (2 * SPLITS) for name, total in fair.items()},
        naive={name: total / (2 * SPLITS) for name, total in naive.items()},
    )


def halved_noise(found: Halved, candidates: Candidates, zone: Zone, seed: int) -> LabelNoise:
    """Label noise of a zone of the candidates' own samples, all of which say what the true rates may be."""
    c, n = candidates.correct.sum(axis=1), np.full(len(candidates.problems), candidates.n)
    agreement = share(found.both, found.labelled, seed)
    return _noise(c, n, found.labelled, zone, agreement, found.accuracy(found.naive, seed), seed)


def extinct_noise(policy: Counts, seed: int) -> LabelNoise:
    """Label noise of problems none of whose samples of the policy is correct."""
    some, two = policy.drawn > 0, policy.drawn > 1
    labelled = extinct(policy).astype(np.float64)
    agreement = share(labelled[two], _empty_half(policy)[two], seed)
    return _noise(policy.correct[some], policy.drawn[some], labelled[some], UNSOLVED, agreement, {}, seed)


def _noise(
    c: Ints, n: Ints, labelled: Floats, zone: Zone, agreement: Estimate, naive: dict[str, Estimate], seed: int
) -> LabelNoise:
    errors = label_errors(c, n, labelled, zone, seed)
    return LabelNoise(false=errors.false, missed=errors.missed, agreement=agreement, naive=naive)


def share(parts: Floats, wholes: Floats, seed: int) -> Estimate:
    """Their ratio, where each part is one of its whole: between 0 and 1 also where all problems are alike.

    The bound of :func:`alike` then goes by the number of equally weighted problems that (Σ w)²/Σ w² stands for (Kish
    1965).
    """
    found = ratio(parts, wholes, seed)
    if not found.method.startswith(ALIKE):
        return found
    weights = wholes / wholes.max()
    problems = int(weights.sum() ** 2 / (weights**2).sum())
    low, high, method = alike(found.value, problems, (0.0, 1.0))
    return structs.replace(found, low=low, high=high, method=method)


def extinct(policy: Counts) -> Bools:
    """Problems that have samples of the policy, none of them correct, (P,)."""
    return UNSOLVED.labels(policy.correct, policy.drawn) & (policy.drawn > 0)


def policy_where_extinct(policy: Counts, seed: int) -> Estimate:
    """Accuracy of one sample of the policy where a half of its samples holds none that is correct, on the other half.

    Exact over all halvings: given that the half of h holds none, the other n − h samples hold all c.
    """
    two = policy.drawn > 1
    empty, rest = _empty_half(policy)[two], (policy.drawn - policy.drawn // 2)[two]
    return share(empty * policy.correct[two] / rest, empty, seed)


def policy_on(policy: Counts, weights: Floats, seed: int) -> Estimate:
    """Accuracy of one sample of the policy on weighted problems (P,) that were chosen without these samples."""
    found = weights > 0
    if (weights[found] == 1).all():
        return mean(policy.rates[found], seed)
    return share(weights[found] * policy.rates[found], weights[found], seed)


def _empty_half(policy: Counts) -> Floats:
    """Probability that a random half of a problem's samples, rounded down, holds none that is correct, (P,)."""
    counts = zip(policy.correct.tolist(), policy.drawn.tolist(), strict=True)
    return np.array([comb(n - c, n // 2) / comb(n, n // 2) for c, n in counts])
