"""Single problems with all their samples, for reading."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from arts.evaluation.candidates import Candidates, Selector
from arts.evaluation.solve_rates import fit_beta, shrunk
from arts.problems.base import Verdict
from arts.trees.tree import Outcome

DIGITS = 4
"""Digits of scores (significant ones) and of solve rates."""
_NOTHING = Outcome(answer=None, verdict=Verdict.UNGRADED, reason="no verdict")


def drill_down(candidates: Candidates, selectors: Sequence[Selector], most: int) -> dict[str, Any]:
    """At most ``most`` of the problems in their order, those with both correct and incorrect samples first in line.

    ``shrunk`` is the estimate of a problem's true solve rate, None with a single sample.
    """
    solved = candidates.correct.sum(axis=1)
    share, drawn = solved / candidates.n, np.full(len(solved), candidates.n)
    prior = fit_beta(solved, drawn)
    rates = [None] * len(solved) if prior is None else shrunk(solved, drawn, prior).round(DIGITS).tolist()
    mixed = (share > 0) & (share < 1)
    kept = sorted(np.argsort(~mixed, kind="stable")[:most].tolist())
    first: dict[str, Selector] = {}
    for s in selectors:
        first.setdefault(s.verifier, s)
    shown = [{**_problem(candidates, list(first.values()), i), "shrunk": rates[i]} for i in kept]
    return {"of": len(share), "problems": shown}


def _problem(candidates: Candidates, selectors: Sequence[Selector], i: int) -> dict[str, Any]:
    problem = candidates.problems[i]
    return {
        "id": problem.id,
        "question": problem.question,
        "key": problem.answer,
        "level": problem.level,
        "subject": problem.subject,
        "solved": int(candidates.correct[i].sum()),
        "samples": [_sample(candidates, selectors, i, j) for j in range(candidates.n)],
    }


def _sample(candidates: Candidates, selectors: Sequence[Selector], i: int, j: int) -> dict[str, Any]:
    tree, leaf = candidates.trees[i], int(candidates.leaves[i, j])
    outcome = tree.outcomes.get(leaf, _NOTHING)
    known = [s for s in selectors if np.isfinite(s.scores[i, j])]
    return {
        "text": tree.solution(leaf),
        "answer": outcome.answer,
        "verdict": outcome.verdict.value,
        "reason": outcome.reason,
        "tokens": tree.backbones[j].tokens,
        "scores": {s.verifier: float(f"{s.scores[i, j]:.{DIGITS}g}") for s in known},
    }
