"""Growing the trees of a store until their plan is fulfilled; a killed run goes on where it stopped."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

from arts.problems.base import Grader, Problem, Verdict
from arts.problems.extraction.answer import Extraction
from arts.problems.graders import find_answer
from arts.proposers.base import Completion, Proposer, Sampling
from arts.sampling.failures import FailureWatch
from arts.sampling.fork import Planned, SparseDeepFork, plan_backbones, plan_forks, roll_out
from arts.sampling.streams import stream, task_group
from arts.trees.store import TreeStore
from arts.trees.tree import Outcome, Rollout, Tree

OnRollout = Callable[[Rollout, Outcome | None], None]
Phase = Callable[[Tree, SparseDeepFork, int], Sequence[Planned]]
"""A part of a tree's plan, from the tree as it is after the earlier parts, the method and the run's seed."""


async def grow_tree(
    question: str,
    proposer: Proposer,
    method: SparseDeepFork,
    sampling: Sampling | None = None,
    *,
    seed: int = 0,
    problem_id: str = "question",
) -> Tree:
    """One tree in memory: no store, no grading. Failed rollouts are in it with their reasons."""
    tree = Tree(problem_id=problem_id, question=question)
    for phase in (plan_backbones, plan_forks):
        async for planned, completion in roll_out(proposer, phase(tree, method, seed), sampling or Sampling()):
            planned.add(completion, method.splitter)
    return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthPlan:
    """What to sample.

    ``phases`` are fulfilled one after the other. ``unit_problems`` problems are sampled concurrently. For a
    reproducible proposer such a unit is also the grain of resuming: one that was interrupted is computed again as
    a whole, in the very same batches, and only the rollouts that are missing are kept; so the store ends up
    equal to that of an uninterrupted run.
    """

    method: SparseDeepFork
    sampling: Sampling
    run_seed: int
    unit_problems: int
    phases: tuple[Phase, ...] = (plan_backbones, plan_forks)


@final
class Grower:
    """Samples into one store with one proposer and one grader."""

    def __init__(
        self,
        store: TreeStore,
        proposer: Proposer,
        grader: Grader,
        plan: GrowthPlan,
        on_rollout: OnRollout = lambda rollout, outcome: None,
    ) -> None:
        self._store, self._proposer, self._grader, self._plan = store, proposer, grader, plan
        self._on_rollout = on_rollout
        self._keys = {p.id: p.answer for p in store.problems()}
        self._watch: FailureWatch[tuple[Planned, Completion, Outcome | None]] = FailureWatch(
            proposer.name, self._commit
        )

    async def run(self) -> None:
        """Sample every rollout that the plan asks for and the store does not hold.

        Raises:
            EndpointError: the backend fails as a whole; what has succeeded is in the store, and failures since the
                last success are not, so that the next run samples them again.
            StoreError: the store cannot be written any more.
        """
        problems = self._store.problems()
        size = self._plan.unit_problems
        if self._proposer.reproducible:
            for start in range(0, len(problems), size):
                await self._grow_unit(problems[start : start + size])
        else:
            gate = asyncio.Semaphore(size)
            async with task_group() as group:
                for problem in problems:
                    group.create_task(self._grow_gated(problem, gate))
        self._watch.close()

    async def _grow_gated(self, problem: Problem, gate: asyncio.Semaphore) -> None:
        async with gate:
            await self._grow_unit([problem])

    async def _grow_unit(self, problems: Sequence[Problem]) -> None:
        trees = [self._store.tree(p.id) for p in problems]
        for phase in self._plan.phases:
            planned = [p for t in trees for p in phase(t, self._plan.method, self._plan.run_seed)]
            await self._fulfil(planned)

    async def _fulfil(self, planned: Sequence[Planned]) -> None:
        trees = {id(p.tree): p.tree for p in planned}.values()
        held = {(t.problem_id, *r.key) for t in trees for r in t.rollouts}
        missing = [p for p in planned if (p.tree.problem_id, *p.key) not in held]
        if not missing:
            return
        wanted = planned if self._proposer.reproducible else missing
        fresh = {id(p) for p in missing}
        async for ready in stream(partial(self._roll_out, wanted)):
            if any(c.stop != "error" for p, c in ready if id(p) not in fresh):
                self._watch.success()
            await self._keep([(p, c) for p, c in ready if id(p) in fresh])

    async def _roll_out(
        self, planned: Sequence[Planned], hand_over: Callable[[tuple[Planned, Completion]], None]
    ) -> None:
        async for finished in roll_out(self._proposer, planned, self._plan.sampling):
            hand_over(finished)

    async def _keep(self, finished: Sequence[tuple[Planned, Completion]]) -> None:
        """Grade together, then commit one by one, in the order in which they finished."""
        found = [self._answer(p, c) for p, c in finished]
        answers = [said.value if said else None for said in found]
        pairs = [(self._keys[p.tree.problem_id], a) for (p, _), a in zip(finished, answers, strict=True)]
        grades = await asyncio.to_thread(self._grader.grade, pairs)
        for (planned, completion), said, grade in zip(finished, found, grades, strict=True):
            reason = "cut at the token limit" if completion.stop == "length" else grade.reason
            answer, reason = (said.value, said.remarked(reason)) if said else (None, reason)
            graded = Outcome(answer=answer, verdict=grade.verdict, reason=reason)
            outcome = None if completion.stop == "error" else graded
            self._watch.came_back((planned, completion, outcome), completion)

    def _answer(self, planned: Planned, completion: Completion) -> Extraction | None:
        """The answer of the whole solution; one that was cut has not stated it."""
        if completion.stop != "stop":
            return None
        return find_answer(self._grader, planned.state.text + completion.text)

    def _commit(self, row: tuple[Planned, Completion, Outcome | None]) -> None:
        planned, completion, outcome = row
        with self._store.growing(planned.tree):
            rollout = planned.add(completion, self._plan.method.splitter, outcome)
        self._on_rollout(rollout, outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the rollouts of some trees cost.

    ``tokens`` were generated (failed rollouts included); ``unique_tokens`` are left after merging prefixes.
    """

    problems: int
    rollouts: int
    failed: int
    tokens: int
    unique_tokens: int
    correct: int
    graded: int

    @property
    def solve_rate(self) -> float:
        """Share of correct rollouts among graded ones; NaN when there are none."""
        return self.correct / self.graded if self.graded else float("nan")


def spent(trees: Iterable[Tree]) -> Spent:
    """Add up what was spent on trees."""
    trees = list(trees)
    rollouts = [(t, r) for t in trees for r in t.rollouts]
    verdicts = [t.outcomes[r.leaf].verdict for t, r in rollouts if r.stop != "error" and r.leaf in t.outcomes]
    return Spent(
        problems=len(trees),
        rollouts=len(rollouts),
        failed=sum(r.stop == "error" for _, r in rollouts),
        tokens=sum(r.tokens for _, r in rollouts),
        unique_tokens=sum(sum(t.tokens) for t in trees),
        correct=verdicts.count(Verdict.CORRECT),
        graded=len(verdicts) - verdicts.count(Verdict.UNGRADED),
    )
