"""What ``engine.py`` measures of our own engine."""

import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from arts.problems.base import Problem
from arts.problems.graders import make_grader
from arts.proposers.base import Completion, Request, Sampling
from arts.proposers.openai import OpenAIProposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.search.answer import Solved
from arts.search.base import Strategy
from arts.search.budget import Budget
from arts.search.engine import Engine, Plan
from arts.search.session import Drawing
from arts.search.strategies.best_first import BestFirst
from arts.search.strategies.best_of_n import BestOfN
from arts.search.strategies.dvts import DiverseTreeSearch
from arts.search.strategies.puct import Puct
from arts.trees.tree import Tree
from arts.verifiers.base import Unit

PROBLEMS = 64
SECONDS_PER_TOKEN = 0.02
ROUNDS = 7
"""Of each measurement of best-of-N; the median counts."""

Make = Callable[[], Strategy]


@dataclass(frozen=True, kw_only=True)
class InFlight:
    """``problems`` at once over an endpoint that takes ``SECONDS_PER_TOKEN``.

    ``seconds`` is the wall-clock time, ``ideal_s`` that of the longest chain of requests that wait for one another:
    in a search, the longest request of each of its rounds.
    """

    search: str
    problems: int
    requests: int
    seconds: float
    ideal_s: float


@final
class ReadyTexts:
    """A proposer that returns at once: texts that differ, one step or a whole solution as asked."""

    name, reproducible, concurrent, batch_size = "ready", True, False, 1_000_000

    async def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Yield completions in order."""
        boundary = bool(sampling.stop)
        for index, request in enumerate(requests):
            text = f"step {request.seed % 1_000_000}"
            yield index, Completion(text=text, tokens=5, stop="stop", boundary=boundary)

    async def aclose(self) -> None:
        """Nothing to release."""


@final
class ReadyScores:
    """A verifier whose scores cost nothing."""

    name: str = "ready"
    unit: Unit = "probability"

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[NDArray[np.float64]]:
        """Numbers in [0, 1) that look random."""
        return [np.array([n * 7919 % 1000 / 1000 for n in nodes]) for _, nodes in batch]

    def values(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """They are."""
        return scores


def expansions(sizes: Sequence[int]) -> dict[str, dict[int, float]]:
    """CPU seconds of a tree of so many draws by the whole engine, one problem, scores included."""
    strategies: dict[str, Make] = {
        "puct": lambda: Puct(n=10**9),
        "best_first": lambda: BestFirst(n=10**9, expansions=10**9),
    }
    return {
        name: {size: min(_cpu_seconds(make, Budget(proposer_calls=size), 1) for _ in range(3)) for size in sizes}
        for name, make in strategies.items()
    }


def best_of_n(ns: Sequence[int]) -> dict[str, dict[int, float]]:
    """CPU milliseconds per problem of best-of-N by the whole engine, scores included; the median of some rounds."""

    def median(n: int) -> float:
        problems = 12_800 // n
        rounds = [_cpu_seconds(lambda: BestOfN(n=n), Budget(), problems) for _ in range(ROUNDS)]
        return 1e3 * statistics.median(rounds) / problems

    return {"best_of_n": {n: median(n) for n in ns}}


def _cpu_seconds(strategy: Make, budget: Budget, problems: int) -> float:
    drawing = Drawing(sampling=Sampling(max_tokens=10**9), splitter="newline")
    plan = Plan(strategy=strategy, drawing=drawing, budget=budget, selector="best_of_n")
    engine = Engine(ReadyTexts(), plan, make_grader("exact"), verifier=ReadyScores())
    gc.collect()
    started = time.process_time()
    asyncio.run(_consume(engine, problems))
    return time.process_time() - started


async def _consume(engine: Engine, problems: int) -> None:
    async for _ in engine.solve(_problems(problems)):
        pass


def _problems(count: int) -> list[Problem]:
    return [Problem(id=str(i), question=f"question {i}", answer="") for i in range(count)]


def in_flight() -> list[InFlight]:
    """How near the engine comes to the ideal over an endpoint in another process."""
    command = [sys.executable, "-m", "arts.testbed.endpoint", "--seconds-per-token", str(SECONDS_PER_TOKEN)]
    searches: list[tuple[str, Make, int]] = [
        ("4 solutions", lambda: BestOfN(n=4), 16),
        ("12 steps, the best of 2", lambda: DiverseTreeSearch(n=2, width=2), 12),
    ]
    found = []
    for name, make, lines in searches:
        with subprocess.Popen([*command, "--lines", str(lines)], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                found.append(_in_flight(name, make, server.stdout.readline().strip()))
            finally:
                server.kill()
    return found


def _in_flight(name: str, make: Make, url: str) -> InFlight:
    async def run() -> tuple[float, list[Solved]]:
        proposer = OpenAIProposer(url, "mock", prompt=PromptFormat(), options=BackendOptions(concurrency=1024))
        drawing = Drawing(sampling=Sampling(max_tokens=2048), splitter="newline")
        plan = Plan(strategy=make, drawing=drawing, selector="best_of_n", in_flight=PROBLEMS)
        engine = Engine(proposer, plan, make_grader("exact"), verifier=ReadyScores())
        started = time.perf_counter()
        solved = [one async for one in engine.solve(_problems(PROBLEMS))]
        seconds = time.perf_counter() - started
        await proposer.aclose()
        return seconds, solved

    seconds, solved = asyncio.run(run())
    requests = sum(one.spend.proposer_calls for one in solved)
    ideal = SECONDS_PER_TOKEN * max(_longest_chain(one.tree) for one in solved)
    return InFlight(search=name, problems=PROBLEMS, requests=requests, seconds=seconds, ideal_s=ideal)


def _longest_chain(tree: Tree) -> int:
    """Tokens of the longest request of each depth, in all."""
    longest: dict[int, int] = {}
    for rollout in tree.rollouts:
        longest[rollout.pivot] = max(longest.get(rollout.pivot, 0), rollout.tokens)
    return sum(longest.values())
