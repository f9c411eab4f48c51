"""Single problems with all their samples, for reading."""

from collections.abc import Sequence

import numpy as np

from arts.evaluation.candidates import NO_OUTCOME, Candidates, CandidateScores
from arts.evaluation.parts import DrillDown, ShownProblem, ShownSample
from arts.evaluation.solve_rates import fit_beta, shrunk

DIGITS = 4
"""Digits of scores (significant ones) and of solve rates."""


def drill_down(candidates: Candidates, scored: Sequence[CandidateScores], most: int) -> DrillDown:
    """At most ``most`` of the problems in their order, those with both correct and incorrect samples first in line."""
    solved = candidates.correct.sum(axis=1)
    share, drawn = solved / candidates.n, np.full(len(solved), candidates.n)
    prior = fit_beta(solved, drawn)
    rates = [None] * len(solved) if prior is None else shrunk(solved, drawn, prior).round(DIGITS).tolist()
    mixed = (share > 0) & (share < 1)
    kept = sorted(np.argsort(~mixed, kind="stable")[:most].tolist())
    first: dict[str, CandidateScores] = {}
    for s in scored:
        first.setdefault(s.verifier, s)
    shown = [_problem(candidates, list(first.values()), i, rates[i]) for i in kept]
    return DrillDown(of=len(share), problems=shown)


def _problem(candidates: Candidates, scored: Sequence[CandidateScores], i: int, rate: float | None) -> ShownProblem:
    problem = candidates.problems[i]
    return ShownProblem(
        id=problem.id,
        question=problem.question,
        key=problem.answer,
        level=problem.level,
        subject=problem.subject,
        solved=int(candidates.correct[i].sum()),
        samples=[_sample(candidates, scored, i, j) for j in range(candidates.n)],
        shrunk=rate,
    )


def _sample(candidates: Candidates, scored: Sequence[CandidateScores], i: int, j: int) -> ShownSample:
    tree, leaf = candidates.trees[i], int(candidates.leaves[i, j])
    outcome = tree.outcomes.get(leaf, NO_OUTCOME)
    known = [s for s in scored if np.isfinite(s.scores[i, j])]
    return ShownSample(
        text=tree.solution(leaf),
        answer=outcome.answer,
        verdict=outcome.verdict,
        reason=outcome.reason,
        tokens=tree.backbones[j].tokens,
        scores={s.verifier: float(f"{s.scores[i, j]:.{DIGITS}g}") for s in known},
    )
