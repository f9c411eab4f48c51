"""One problem's search without any input or output: what to draw next, and what becomes of what was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple, final

import numpy as np

from arts.errors import StoreError, UsageError
from arts.proposers.base import Completion, Request, Sampling
from arts.sampling.fork import completion_steps, derive_seed
from arts.search.base import Expansion, Grown, Status, Strategy, finished, order
from arts.search.budget import Budget, Ledger, StopReason
from arts.trees.splitting import SplitterName
from arts.trees.tree import ROOT, Rollout, State, Step, Stop, Tree

STEP_ENDS: dict[SplitterName, str] = {"newline": "\n", "gsm8k": "\n", "paragraph": "\n\n"}
"""The text that ends a step while it is being drawn."""
SEEDS = 2**63
UNSCORED = (float("nan"), float("nan"))
STATUS: dict[Stop, Status] = {"step": "open", "stop": "finished", "length": "cut", "error": "failed"}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How text is drawn: ``sampling.max_tokens`` is the limit of a whole solution, ``step_tokens`` that of one step.

    A step that reaches its limit ends there, and the solution can go on.
    """

    sampling: Sampling
    splitter: SplitterName = "paragraph"
    step_tokens: int = 256

    @cached_property
    def step_end(self) -> str:
        """What ends a step.

        Raises:
            UsageError: steps of this splitter can only be told apart in whole solutions.
        """
        if self.splitter not in STEP_ENDS:
            raise UsageError(
                f"steps cannot be drawn one by one with the splitter {self.splitter}; use newline or paragraph"
            )
        return STEP_ENDS[self.splitter]

    @cached_property
    def step_sampling(self) -> Sampling:
        """The sampling of a single step; raises as :attr:`step_end` does."""
        return replace(self.sampling, stop=(*self.sampling.stop, self.step_end))


class Call(NamedTuple):
    """One draw that the proposer is asked for.

    ``number`` counts the draws of the search and ``place`` those of its round; ``granted`` tokens are promised to it.
    """

    number: int
    place: int
    expansion: Expansion
    granted: int
    request: Request


@dataclass(slots=True)
class _Site:
    """A state that is drawn from: what is continued, by at most how many tokens, with which seeds."""

    state: State
    limit: int
    seed: int
    draws: int = 0


@final
class Search:
    """A strategy at work on one tree, within a budget.

    Take the calls of :meth:`due`, give each result to :meth:`receive`, score the nodes of :meth:`unscored`, and call
    :meth:`advance`; until :attr:`stopped`. The tree may hold the draws of an earlier run that was interrupted: those
    are taken instead of new ones, and the search comes to where that run was.

    The k-th draw at a state has a seed of its own that follows from the run's seed, the problem, the state's text and
    k, so that strategies which come to the same state draw the same from it.
    """

    def __init__(self, tree: Tree, strategy: Strategy, drawing: Drawing, budget: Budget, *, seed: int = 0) -> None:
        self.tree, self.strategy, self.drawing = tree, strategy, drawing
        self.ledger = Ledger(budget)
        self.scores: dict[int, tuple[float, float]] = {}
        """Log-flow and value by node."""
        self.classes: dict[int, int] = {}
        """Answer classes of finished solutions that have been asked for."""
        self.stopped: StopReason | None = None
        self.recalled = False
        """Whether the last :meth:`due` took draws that the tree holds already."""
        self.candidates: list[int] = []
        self._seed = seed
        self._rng = np.random.default_rng(derive_seed(seed, tree.problem_id, "strategy"))
        self._kept = {r.backbone: r for r in tree.rollouts}
        self._used: list[int] = []
        self._sites: dict[tuple[int, bool], _Site] = {}
        self._round: Sequence[Expansion] = ()
        self._sent = self._arrived = 0
        self._finished = False  # whether anything of this round has
        self._results: list[tuple[int, Status] | None] = []
        self._out: dict[int, Call] = {}
        self._open: dict[int, None] = {ROOT: None}
        self._rescue: Literal["", "under way", "done"] = ""
        self._rescued: list[int] = []
        self._dry: StopReason | None = None
        self._note_lengths()

    @property
    def out(self) -> Sequence[Call]:
        """Calls that have not come back."""
        return list(self._out.values())

    def due(self) -> list[Call]:
        """Calls to be made now, as far as the budget goes; none and nothing out means that the search has stopped."""
        calls: list[Call] = []
        self.recalled = False
        while self.stopped is None:
            if not self._round:
                self._begin_round()
                continue
            call = self._next_call()
            if call is None:
                if self._out or self._sent == len(self._round) or self.recalled:
                    break
                self._run_dry()
            elif (old := self._kept.get(call.number)) is not None:
                self._check(old, call)
                self.ledger.settle(call.granted, old.tokens, failed=old.stop == "error")
                self._land(call, old.leaf, old.stop)
                self.recalled = True
            else:
                self._out[call.number] = call
                calls.append(call)
        return calls

    def receive(self, call: Call, completion: Completion) -> Rollout:
        """Put what was drawn into the tree."""
        del self._out[call.number]
        failed = completion.stop == "error"
        if completion.text and completion.tokens <= 0:  # a backend that does not count
            completion = replace(completion, tokens=call.granted)
        self.ledger.settle(call.granted, completion.tokens, completion.prompt_tokens, failed=failed)
        steps, stop = self._steps(call, completion)
        node = call.expansion.node
        rollout = self.tree.add_rollout(
            steps, stop, start=node, backbone=call.number, tokens=completion.tokens, error=completion.error
        )
        self._note_lengths()
        self._land(call, rollout.leaf, stop)
        return rollout

    def unscored(self) -> list[int]:
        """Nodes whose scores :meth:`advance` waits for."""
        arrived = (r for r in self._results if r is not None and r[1] in ("open", "finished"))
        return list(dict.fromkeys(node for node, _ in arrived if node not in self.scores))

    def unclassified(self) -> list[int]:
        """Finished solutions whose answer class :meth:`advance` waits for."""
        arrived = (r for r in self._results if r is not None and r[1] == "finished")
        return list(dict.fromkeys(node for node, _ in arrived if node not in self.classes))

    def advance(self) -> None:
        """Tell the strategy of a round that is complete; or, when what has come back settles the search, end it."""
        if self.stopped is not None or not self._round:
            return
        known = self._prefix() if self.strategy.answers and self._rescue != "under way" else []
        enough = next((k for k in range(1, len(known) + 1) if self.strategy.settled(known[:k])), None)
        if enough is not None and enough < len(self._round):
            self._results[enough:] = [None] * (len(self._round) - enough)
            self.stop("settled")
        elif self._arrived == len(self._round):
            self._tell()

    def stop(self, reason: StopReason) -> None:
        """End the search now; what has come back of the round still counts."""
        for call in self.out:
            self.ledger.cancel(call.granted)
        self._out.clear()
        if self._round:
            self._tell()
        self.stopped = reason

    def _begin_round(self) -> None:
        self._start(self.strategy.ask(self.tree, self._rng))
        if not self._round:
            spend = self.ledger.spend
            hopeless = 0 < spend.proposer_calls == spend.failed_calls
            if not self.candidates and not self._rescue and len(self._open) > 1:
                return self._finish_the_best()
            ended: StopReason = "settled" if self.strategy.settled(()) else "complete"
            self.stopped = "nothing succeeded" if hopeless else self._dry or ended

    def _start(self, expansions: Sequence[Expansion]) -> None:
        self._round, self._results = expansions, [None] * len(expansions)
        self._sent = self._arrived = 0
        self._finished = False

    def _next_call(self) -> Call | None:
        while self._sent < len(self._round):
            expansion = self._round[self._sent]
            site = self._site(expansion)
            if site.limit > 0:
                free = expansion.whole or self._finished or self.candidates or self._rescue
                keep = 0 if free else self.drawing.sampling.max_tokens
                granted = self.ledger.admit(site.limit, keep)
                return self._call(site, expansion, granted) if granted else None
            self._results[self._sent] = (expansion.node, "cut")  # a state without room for more
            self._sent, self._arrived = self._sent + 1, self._arrived + 1
        return None

    def _call(self, site: "_Site", expansion: Expansion, granted: int) -> Call:
        request = Request(state=site.state, seed=(site.seed + site.draws) % SEEDS, max_tokens=granted)
        call = Call(self.ledger.spend.proposer_calls - 1, self._sent, expansion, granted, request)
        site.draws += 1
        self._sent += 1
        return call

    def _site(self, expansion: Expansion) -> "_Site":
        key = (expansion.node, expansion.whole)
        site = self._sites.get(key)
        if site is None:
            state = self.tree.state(expansion.node)
            left = max(0, self.drawing.sampling.max_tokens - self._used[expansion.node])
            limit = left if expansion.whole else min(left, self.drawing.step_tokens)
            kind = "whole" if expansion.whole else "step"
            seed = derive_seed(self._seed, self.tree.problem_id, kind, state.text)
            site = self._sites[key] = _Site(state, limit, seed)
        return site

    def _note_lengths(self) -> None:
        parents, tokens, used = self.tree.parent, self.tree.tokens, self._used
        for node in range(len(used), len(self.tree)):
            used.append(tokens[node] + (used[parents[node]] if node else 0))

    def _check(self, old: Rollout, call: Call) -> None:
        path = [ROOT, *self.tree.path(old.leaf)]
        if old.pivot >= len(path) or path[old.pivot] != call.expansion.node:
            raise StoreError(
                f"problem {self.tree.problem_id}: stored draw {call.number} starts from a different state than this"
                " search; use a new store"
            )

    def _steps(self, call: Call, completion: Completion) -> tuple[list[Step], Stop]:
        if completion.stop == "error" or call.expansion.whole:
            return completion_steps(completion, self.drawing.splitter), completion.stop
        logprob = sum(completion.token_logprobs) if completion.token_logprobs else float("nan")
        text = completion.text + (self.drawing.step_end if completion.boundary else "")
        step = Step(text=text, tokens=completion.tokens, logprob=logprob)
        goes_on = completion.boundary or completion.stop == "length"
        if goes_on and self._used[call.expansion.node] + completion.tokens >= self.drawing.sampling.max_tokens:
            return [step], "length"
        return [step], "step" if goes_on else "stop"

    def _land(self, call: Call, node: int, stop: Stop) -> None:
        status = STATUS[stop]
        if status == "open":
            self._open[node] = None
        self._finished |= status == "finished"
        self._results[call.place] = (node, status)
        self._arrived += 1

    def _prefix(self) -> list[Grown]:
        """The first results of the round, up to one that is still out: independent of how long each took."""
        known = []
        for result in self._results:
            if result is None:
                break
            known.append(self._grown(*result))
        return known

    def _grown(self, node: int, status: Status) -> Grown:
        flow, value = self.scores.get(node, UNSCORED)
        answer = self.classes.get(node, -1) if status == "finished" else -1
        return Grown(node, status, flow, value, answer)

    def _tell(self) -> None:
        results = [
            self._grown(*result) if result else self._grown(expansion.node, "failed")
            for result, expansion in zip(self._results, self._round, strict=True)
        ]
        if self._rescue == "under way":
            self._rescue, self._rescued = "done", finished(results)
        else:
            self.strategy.tell(self.tree, results)
        self._round = ()
        self.candidates = [*self._rescued, *self.strategy.candidates]

    def _run_dry(self) -> None:
        """The budget ends here, or all of it that is not kept back while there is no solution.

        Then what was kept back goes into finishing the best open state, and the strategy gets what is left of it. So it
        does when the strategy has nothing more to ask and has come to no solution.
        """
        self._tell()
        self._dry = self.ledger.exhausted()
        if self.candidates or self._rescue == "done":
            self.stopped = self._dry
        else:
            self._finish_the_best()

    def _finish_the_best(self) -> None:
        self._rescue = "under way"
        best = max(self._open, key=lambda node: order(self._grown(node, "open")))
        self._start([Expansion(node=best, whole=True)])
