"""From a search that has stopped to its answer."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from arts.problems.base import Grader
from arts.problems.graders import AnswerClasses
from arts.search.budget import Spend, StopReason
from arts.search.session import Search
from arts.selection.base import Pool
from arts.selection.decide import Decision, decided, usable
from arts.selection.scores import Aggregation, aggregate
from arts.trees.tree import Tree
from arts.verifiers.base import Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """One problem's search: its tree, what was decided and why it ended, and what it cost.

    ``candidates`` are the nodes between which was decided, one for each time that a solution was reached; ``answers``
    their answers and ``classes`` which of them are equal, both empty where the selector needs neither. ``decision`` is
    None without any candidate; ``error`` says why then. ``abstained``: its confidence was too low to give the answer.
    ``correct`` is None where nobody knows, or nothing was answered.
    """

    tree: Tree
    candidates: tuple[int, ...]
    decision: Decision | None
    stop_reason: StopReason
    spend: Spend
    answers: tuple[str | None, ...] = ()
    classes: tuple[int, ...] = ()
    error: str = ""
    abstained: bool = False
    correct: bool | None = None

    @property
    def answer(self) -> str | None:
        """The answer; None where no solution stated one or the search abstained."""
        return None if self.decision is None or self.abstained else self.decision.answer

    @property
    def chosen(self) -> int | None:
        """The node of the solution that stands for the answer."""
        return None if self.decision is None else self.candidates[self.decision.candidate]


async def conclude(
    search: Search,
    selector: str,
    aggregation: Aggregation,
    grader: Grader,
    classes: AnswerClasses,
    verifier: Verifier | None,
) -> Solved:
    """Decide between the candidates, whose scores the tree carries where there is a verifier."""
    assert search.stopped is not None
    tree, candidates = search.tree, search.candidates
    decision: Decision | None = None
    answers: list[str | None] = []
    labels: list[int] = []
    if candidates:
        scores = None if verifier is None else candidate_scores(tree, candidates, verifier, aggregation)
        if "answers" in usable(selector).needs:
            answers = [grader.extract(tree.solution(node)) for node in candidates]
            labels = await asyncio.to_thread(lambda: [classes.of(answer) for answer in answers])
        pool = Pool.of(
            len(candidates),
            classes=labels or None,
            scores=scores,
            unit="rank" if verifier is None else verifier.unit,
        )
        decision = decided(selector, answers or [None] * len(candidates), pool)
        if not answers:
            stated = grader.extract(tree.solution(candidates[decision.candidate]))
            decision = replace(decision, answer=stated)
        if verifier is not None and decision.answer is not None:
            last = candidate_scores(tree, [candidates[decision.candidate]], verifier, "last")
            sure = float(verifier.values(last)[0])
            decision = decision if np.isnan(sure) else replace(decision, confidence=sure)
    return Solved(
        tree=tree,
        candidates=tuple(candidates),
        decision=decision,
        stop_reason=search.stopped,
        spend=search.ledger.spend,
        answers=tuple(answers),
        classes=tuple(labels),
        error="" if candidates else _why_nothing(search),
    )


def candidate_scores(
    tree: Tree, candidates: list[int], verifier: Verifier, aggregation: Aggregation
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """One score for each candidate, from those of its steps."""
    column = tree.scores[verifier.name]
    return np.array([aggregate(column[tree.path(node)], aggregation, verifier.unit) for node in candidates])


def _why_nothing(search: Search) -> str:
    errors = [r.error for r in search.tree.rollouts if r.stop == "error"]
    if errors and len(errors) == len(search.tree.rollouts):
        return f"all {len(errors)} requests failed, the last one with: {errors[-1]}"
    if search.stopped in ("complete", "settled"):
        return "no solution came to its end; raise --sampling.max-tokens"
    return f"no solution came to its end before the search was out of {search.stopped}; raise that budget"
