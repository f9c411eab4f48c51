"""How sure a verifier is of what it chooses, and how right it is among what it is surest of."""

from collections.abc import Sequence

import numpy as np

from arts.evaluation.calibration import calibration_error
from arts.evaluation.candidates import Candidates, NodeScores, candidate_scores
from arts.evaluation.intervals import mean
from arts.evaluation.optional_parts import Confidence, CoveragePoint

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.25)
"""Shares of the problems that are answered."""


def confidence(candidates: Candidates, scorers: Sequence[NodeScores], seed: int) -> dict[str, Confidence]:
    """By scorer that says how probable success is; what it chooses is the best of all N candidates by the last score.

    A scorer that says nothing of some chosen sample has no part. A curve of risk and coverage (El-Yaniv, Wiener 2010,
    jmlr.org/papers/v11/el-yaniv10a.html), with accuracies for risks.
    """
    found = {scorer.label: _of(candidates, scorer, seed) for scorer in scorers}
    return {label: part for label, part in found.items() if part is not None}


def _of(candidates: Candidates, scorer: NodeScores, seed: int) -> Confidence | None:
    (last,) = candidate_scores(candidates, scorer, ["last"])
    problems = np.arange(len(candidates.problems))
    best = np.nan_to_num(last.scores, nan=-np.inf).argmax(axis=1)
    leaves = candidates.leaves[problems, best]
    sure = np.array([scorer.success[tree][leaf] for tree, leaf in zip(candidates.trees, leaves, strict=True)])
    right = candidates.correct[problems, best].astype(float)
    if np.isnan(sure).any():
        return None
    order = np.argsort(-sure, kind="stable")
    points = []
    for coverage in COVERAGES:
        answered = order[: max(1, round(coverage * len(order)))]
        least = float(sure[answered[-1]])
        points.append(CoveragePoint(coverage=coverage, least=least, accuracy=mean(right[answered], seed)))
    return Confidence(
        predicted=mean(sure, seed),
        accuracy=mean(right, seed),
        calibration_error=calibration_error(sure, right, problems, seed),
        curve=points,
    )
