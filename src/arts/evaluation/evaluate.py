"""From problems and trees to a report's content, in one call."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from arts.errors import UsageError
from arts.evaluation.candidates import Candidates, Selector, collect, leading, score_nodes, select, stored_scores
from arts.evaluation.compare import compare
from arts.evaluation.steps import Reference, calibration
from arts.problems.base import Grader, Problem
from arts.search.decide import Aggregation
from arts.trees.tree import Tree
from arts.verifiers.base import Unit, Verifier

LEAD_AGGREGATIONS: tuple[Aggregation, ...] = ("last", "min")
"""The published baselines take the minimum over steps, the flow verifier the last step; both are reported for all."""


def evaluate_trees(
    problems: Sequence[Problem],
    trees: Sequence[Tree],
    verifiers: Sequence[Verifier],
    grader: Grader,
    *,
    ks: Sequence[int],
    scores: Sequence[tuple[str, Unit]] = (),
    aggregations: Sequence[Aggregation] = LEAD_AGGREGATIONS,
    reference: Reference | None = None,
    seed: int = 0,
    about: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Compare every way of deciding on the same samples.

    ``scores`` names columns that the trees carry already. Scores of steps make a candidate's score in each of the
    ``aggregations``; the first of them is also its weight in a vote. With a ``reference``, states of the ``trees``
    whose successors have been counted, the result has a part ``calibration``: what the scores of steps say about it.
    ``about`` (commands, versions, seeds) becomes part of the result as it is.

    Raises:
        UsageError: too few samples for the largest of ``ks``; no aggregation; two verifiers or scores with one name.
    """
    if not aggregations:
        raise UsageError("no aggregation is given; use last, min, product or mean")
    _check_names([v.name for v in verifiers] + [name for name, _ in scores])
    candidates = collect(problems, trees, max(ks), grader)
    scorers = [
        score_nodes(v, candidates.trees, candidates.nodes())
        if reference is None
        else score_nodes(v, trees, [range(len(t)) for t in trees])
        for v in verifiers
    ]
    scorers.extend(stored_scores(trees, name, unit) for name, unit in scores)
    selectors = [s for scorer in scorers for s in select(candidates, scorer, list(dict.fromkeys(aggregations)))]
    result = compare(candidates, selectors, ks, seed)
    if reference is not None:
        result["calibration"] = calibration(scorers, trees, reference, seed)
    return {**result, "about": about or {}, "examples": _examples(candidates, leading(selectors))}


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
                    s.verifier: round(float(s.scores[i, j]), 4) for s in selectors if np.isfinite(s.scores[i, j])
                },
            }
            for j, leaf in enumerate(leaves)
        ]
        problem = candidates.problems[i]
        out.append({"id": problem.id, "question": problem.question, "key": problem.answer, "samples": samples})
    return out
