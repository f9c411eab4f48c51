"""From problems and trees to a report's content, in one call."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from arts.errors import UsageError
from arts.evaluation.candidates import Candidates, Selector, collect, score_candidates, stored_selector
from arts.evaluation.compare import compare
from arts.problems.base import Grader, Problem
from arts.search.decide import Aggregation
from arts.trees.tree import Tree
from arts.verifiers.base import Unit, Verifier

LEAD_AGGREGATIONS: tuple[Aggregation, ...] = ("last", "min")
"""The published baselines take the minimum over steps, the flow verifier the last step; both are reported for all."""
STEPWISE = frozenset({"log_flow", "probability", "logit"})


def evaluate_trees(
    problems: Sequence[Problem],
    trees: Sequence[Tree],
    verifiers: Sequence[Verifier],
    grader: Grader,
    *,
    ks: Sequence[int],
    scores: Sequence[tuple[str, Unit]] = (),
    seed: int = 0,
    about: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Compare every way of deciding on the same samples.

    ``scores`` names columns that the trees carry already. ``about`` (commands, versions, seeds) becomes part of the
    result as it is.

    Raises:
        UsageError: too few samples for the largest of ``ks``; two verifiers or scores with one name.
    """
    candidates = collect(problems, trees, max(ks), grader)
    selectors = []
    for verifier in verifiers:
        how = LEAD_AGGREGATIONS if verifier.unit in STEPWISE else LEAD_AGGREGATIONS[:1]
        selectors.extend(score_candidates(candidates, verifier, how))
    selectors.extend(stored_selector(candidates, name, unit) for name, unit in scores)
    _check_names([s.verifier for s in selectors if s.aggregation == "last"])
    result = compare(candidates, selectors, ks, seed)
    return {**result, "about": about or {}, "examples": _examples(candidates, selectors)}


def _check_names(names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise UsageError(f"{count} verifiers or scores are called '{name}'; leave one out or rename it")


def _examples(candidates: Candidates, selectors: Sequence[Selector], count: int = 6) -> list[dict[str, Any]]:
    """Some problems with all their samples, for reading: the first ones with both correct and incorrect samples."""
    share = candidates.correct.mean(axis=1)
    mixed = [i for i in range(len(share)) if 0 < share[i] < 1] or list(range(len(share)))
    out = []
    for i in mixed[:count]:
        tree, leaves = candidates.trees[i], candidates.leaves[i]
        samples = [
            {
                "text": tree.solution(int(leaf)),
                "answer": tree.outcomes[int(leaf)].answer if int(leaf) in tree.outcomes else None,
                "verdict": tree.outcomes[int(leaf)].verdict.value if int(leaf) in tree.outcomes else "ungraded",
                "scores": {
                    s.verifier: round(float(s.scores[i, j]), 4)
                    for s in selectors
                    if s.aggregation == "last" and np.isfinite(s.scores[i, j])
                },
            }
            for j, leaf in enumerate(leaves)
        ]
        problem = candidates.problems[i]
        out.append({"id": problem.id, "question": problem.question, "key": problem.answer, "samples": samples})
    return out
