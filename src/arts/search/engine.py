"""Many searches at once, over one proposer and one verifier."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import final

import numpy as np

from arts.arrays import Floats
from arts.errors import UsageError
from arts.problems.base import Grader, Problem
from arts.problems.graders import AnswerClasses
from arts.proposers.base import Completion, Proposer
from arts.sampling.failures import FailureWatch
from arts.sampling.streams import arrived, stream, task_group, waiting
from arts.search.answer import Solved, conclude
from arts.search.base import Strategy, log_flow
from arts.search.budget import Budget
from arts.search.dispatch import Dispatcher, Mailbox
from arts.search.scoring import ScoringDesk
from arts.search.session import Call, Drawing, Search
from arts.selection.base import SCORES
from arts.selection.decide import usable
from arts.selection.scores import Aggregation
from arts.trees.store import TreeStore
from arts.trees.tree import Rollout, Tree
from arts.verifiers.base import CountsTokens, Verifier

SPECIAL_TOKENS = 2
"""That a tokenizer may put around a text."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How every problem is solved.

    ``in_flight`` problems are solved concurrently. ``score_all``: score every state of the tree, for looking at it, and
    not only those that the strategy and the selector need.
    """

    strategy: Callable[[], Strategy]
    drawing: Drawing
    budget: Budget = field(default_factory=Budget)
    selector: str = "majority"
    aggregation: Aggregation = "last"
    in_flight: int = 64
    seed: int = 0
    score_all: bool = False


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a run stands; read it at any time."""

    done: int = 0
    in_flight: int = 0
    generated_tokens: int = 0


@final
class Engine:
    """Solves problems by one plan.

    With a store every draw is on disk as soon as it is back, and a run that was killed goes on from there: what is on
    record is not drawn again. Failures are recorded once a later success has shown that the backend is alive.
    """

    def __init__(
        self,
        proposer: Proposer,
        plan: Plan,
        grader: Grader,
        *,
        verifier: Verifier | None = None,
        store: TreeStore | None = None,
    ) -> None:
        _check(plan, verifier)
        self._proposer, self._plan, self._grader, self._verifier, self._store = proposer, plan, grader, verifier, store
        self.progress = Progress()
        self._watch: FailureWatch[tuple[Tree, Rollout, range]] = FailureWatch(proposer.name, self._commit)

    async def solve(self, problems: Iterable[Problem]) -> AsyncIterator[Solved]:
        """Yield each problem's result as it is there.

        Raises:
            EndpointError: the backend fails as a whole; draws that succeeded are in the store.
        """
        async with aclosing(stream(partial(self._work, iter(problems)))) as arrivals:
            async for ready in arrivals:
                for solved in ready:
                    yield solved

    async def _work(self, problems: Iterator[Problem], hand_over: Callable[[Solved], None]) -> None:
        async with task_group() as tasks:
            dispatcher = Dispatcher(self._proposer, self._plan.drawing, tasks)
            desk = ScoringDesk(self._verifier, tasks) if self._verifier is not None else None

            async def solve_next() -> None:
                for problem in problems:
                    self.progress.in_flight += 1
                    hand_over(await self._solve(problem, dispatcher, desk))
                    self.progress.in_flight -= 1
                    self.progress.done += 1

            for _ in range(self._plan.in_flight):
                tasks.create_task(solve_next())
        self._watch.close()

    async def _solve(self, problem: Problem, dispatcher: Dispatcher, desk: ScoringDesk | None) -> Solved:
        started, plan = time.monotonic(), self._plan
        tree = self._store.tree(problem.id) if self._store else Tree(problem_id=problem.id, question=problem.question)
        search = Search(tree, plan.strategy(), plan.drawing, plan.budget, seed=plan.seed)
        known, mailbox = _Known(search, self._grader, desk, self._store), Mailbox()
        try:
            async with asyncio.timeout(plan.budget.seconds) as deadline:
                await self._to_the_end(search, mailbox, dispatcher, known)
        except TimeoutError:
            if not deadline.expired():
                raise
        finally:
            dispatcher.cancel(mailbox)
            for call, completion in waiting(mailbox):
                if call in search.out:
                    self._record(search, call, completion)
        if search.stopped is None:
            search.stop("deadline")
        await known.complete(plan)
        search.ledger.spend.seconds = time.monotonic() - started
        return await conclude(search, plan.selector, plan.aggregation, self._grader, known.classes, self._verifier)

    async def _to_the_end(self, search: Search, mailbox: Mailbox, dispatcher: Dispatcher, known: "_Known") -> None:
        while search.stopped is None:
            calls = search.due()
            if search.recalled and not await known.advance():
                break  # what is on record has settled it
            dispatcher.submit(mailbox, calls)
            if search.out:
                for call, completion in await arrived(mailbox):
                    self._record(search, call, completion)
            await known.advance()

    def _record(self, search: Search, call: Call, completion: Completion) -> None:
        first = len(search.tree)
        rollout = search.receive(call, completion)
        self.progress.generated_tokens += rollout.tokens
        self._watch.came_back((search.tree, rollout, range(first, len(search.tree))), completion)

    def _commit(self, row: tuple[Tree, Rollout, range]) -> None:
        if self._store is not None:
            self._store.write_rollout(*row)


@final
class _Known:
    """What is known of the states of one search: scores, from the tree or asked for, and classes of answers."""

    def __init__(self, search: Search, grader: Grader, desk: ScoringDesk | None, store: TreeStore | None) -> None:
        self._search, self._grader, self._desk, self._store = search, grader, desk, store
        self.classes = AnswerClasses(grader)
        self._raw: dict[int, float] = {}
        if desk is not None and (stored := search.tree.scores.get(desk.verifier.name)) is not None:
            nodes = np.flatnonzero(~np.isnan(stored))
            self._take(desk.verifier, nodes.tolist(), stored[nodes])

    async def advance(self) -> bool:
        """Tell the search what it waits for of the draws that are there; whether it goes on."""
        search, desk = self._search, self._desk
        if desk is not None and search.strategy.needs != "nothing" and not await self._score(desk, search.unscored()):
            search.stop("verifier tokens")
        if search.strategy.answers and (fresh := search.unclassified()):
            await asyncio.to_thread(self._classify, fresh)
        search.advance()
        return search.stopped is None

    async def complete(self, plan: Plan) -> None:
        """Score what the decision needs, as far as the budget goes, and put all scores into the tree."""
        if self._desk is None:
            return
        tree, wanted = self._search.tree, self._search.candidates if usable(plan.selector).needs & SCORES else []
        if plan.aggregation != "last":
            wanted = [node for leaf in wanted for node in tree.path(leaf)]
        for nodes in (wanted, range(len(tree)) if plan.score_all else ()):
            await self._score(self._desk, [node for node in dict.fromkeys(nodes) if node not in self._raw])
        tree.set_scores(self._desk.verifier.name, self._raw.keys(), np.array(list(self._raw.values())))

    async def _score(self, desk: ScoringDesk, nodes: Sequence[int]) -> bool:
        """Score these; False when the budget does not allow it."""
        if not nodes:
            return True
        tree, ledger = self._search.tree, self._search.ledger
        if not ledger.affords_scoring(self._most_tokens(desk.verifier, nodes)):
            return False
        found, (new, reused) = await desk.score(tree, nodes)
        ledger.spend.verifier_tokens_new += new
        ledger.spend.verifier_tokens_reused += reused
        self._take(desk.verifier, nodes, found)
        if self._store is not None:
            self._store.write_scores(tree.problem_id, desk.verifier.name, nodes, found)
        return True

    def _most_tokens(self, verifier: Verifier, nodes: Sequence[int]) -> int:
        """What scoring these could cost: no token has less than a byte, and nothing before them may be in memory."""
        if self._search.ledger.budget.verifier_tokens is None or not isinstance(verifier, CountsTokens):
            return 0
        texts = [f"{self._search.tree.question}\n{self._search.tree.solution(node)}" for node in nodes]
        return sum(len(text.encode("utf-8", "replace")) + SPECIAL_TOKENS for text in texts)

    def _take(self, verifier: Verifier, nodes: Sequence[int], found: Floats) -> None:
        for node, score, value in zip(nodes, found.tolist(), verifier.values(found).tolist(), strict=True):
            self._raw[node] = score
            self._search.scores[node] = (log_flow(score, verifier.unit), value)

    def _classify(self, nodes: Sequence[int]) -> None:
        for node in nodes:
            self._search.classes[node] = self.classes.of(self._grader.extract(self._search.tree.solution(node)))


def _check(plan: Plan, verifier: Verifier | None) -> None:
    """Refuse a strategy without what it works with: steps that can be drawn, and numbers.

    Raises:
        UsageError: names what is missing.
    """
    strategy = plan.strategy()
    first = strategy.ask(Tree(problem_id="", question=""), np.random.default_rng(0))
    if not all(expansion.whole for expansion in first):
        plan.drawing.step_sampling  # noqa: B018 - raises for a splitter that has no end of a step
        if plan.drawing.sampling.stop:
            raise UsageError("stop strings of one's own do not go with a strategy that draws steps; leave them out")
    if usable(plan.selector).needs & SCORES and verifier is None:
        raise UsageError(f"selector {plan.selector} needs a verifier; give --verifier, or use majority")
    needs = strategy.needs
    if needs == "nothing":
        return
    if verifier is None:
        raise UsageError(
            "this strategy needs a verifier; give --verifier, a folder that 'arts train' made or likelihood"
        )
    if needs == "flow" and verifier.unit == "rank":
        raise UsageError(f"this strategy weighs states, and {verifier.name} only orders them; use another --verifier")
    if needs == "value" and np.isnan(verifier.values(np.zeros(1))).all():
        raise UsageError(
            f"this strategy goes by success, of which {verifier.name} says nothing; use another --verifier"
        )
