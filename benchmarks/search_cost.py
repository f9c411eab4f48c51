"""What a guided search costs beside best-of-N: CPU time of the engine, how busy a server is kept, tokens per second.

    python benchmarks/search_cost.py --verifier FOLDER    # a folder that 'arts train' made for the bundled model

Three measurements, each of both methods in turn in one process, medians of ``--rounds`` rounds:

- the engine by itself, with a model and a verifier that answer at once: CPU milliseconds per problem;
- a server in another process that takes 20 ms per token and has ``SLOTS`` slots: the share of them that is busy;
- the bundled model with the verifier in this process: tokens per second, and where the time goes.

Numbers go to ``runs/search_cost.json``.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from _page import table, write_json
from _study import Floats
from ours import SECONDS_PER_TOKEN, ReadyScores, ReadyTexts

from arts.problems.base import Problem
from arts.problems.graders import make_grader
from arts.proposers.base import Completion, Proposer, Request, Sampling
from arts.proposers.load import load_proposer
from arts.proposers.openai import OpenAIProposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.search.base import Strategy
from arts.search.budget import Budget
from arts.search.engine import Engine, Plan
from arts.search.session import Drawing
from arts.search.strategies.best_of_n import BestOfN
from arts.search.strategies.guided import GuidedSearch
from arts.testbed.measure import SAMPLING
from arts.trees.tree import Tree
from arts.verifiers.base import Verifier
from arts.verifiers.load import load_verifier
from arts.verifiers.neural import NeuralVerifier
from arts.workflows.tasks import load_problems

METHODS: dict[str, Callable[[], Strategy]] = {"best of 16": lambda: BestOfN(n=16), "guided": GuidedSearch}
REQUESTS = 43
"""Of a guided search per problem, in docs/search.md."""
SLOTS, LINES = 32, 4
QUESTIONS = 96
"""That the server is asked."""
IN_FLIGHT, MOST_TOKENS = 256, 1331
"""Problems side by side with the bundled model, and what one may cost: 64 samples."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of a method over all problems; seconds of proposer and verifier are parts of ``seconds``."""

    problems: int
    seconds: float
    cpu_seconds: float
    tokens: int
    proposer_seconds: float = 0.0
    verifier_seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Over the whole run."""
        return self.tokens / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Of a problem."""
        return 1e3 * self.cpu_seconds / self.problems

    @property
    def busy(self) -> float:
        """Share of the server's slots that generate, in [0, 1]."""
        return self.tokens_per_second * SECONDS_PER_TOKEN / SLOTS


class Timed:
    """A proposer and a verifier in one, which measure how long they are at work."""

    concurrent, reproducible = False, True

    def __init__(self, proposer: Proposer, verifier: Verifier) -> None:
        self._proposer, self._verifier = proposer, verifier
        self.name, self.batch_size, self.unit = verifier.name, proposer.batch_size, verifier.unit
        self.proposing = self.scoring = 0.0

    async def propose(self, requests: Sequence[Request], sampling: Sampling) -> AsyncIterator[tuple[int, Completion]]:
        """Those of the proposer, all at once: scoring in between would count as drawing."""
        started = time.perf_counter()
        drawn = [pair async for pair in self._proposer.propose(requests, sampling)]
        self.proposing += time.perf_counter() - started
        for pair in drawn:
            yield pair

    def score(self, batch: Sequence[tuple[Tree, Sequence[int]]]) -> list[Floats]:
        """Those of the verifier."""
        started = time.perf_counter()
        found = self._verifier.score(batch)
        self.scoring += time.perf_counter() - started
        return found

    def values(self, scores: Floats) -> Floats:
        """Those of the verifier."""
        return self._verifier.values(scores)

    async def aclose(self) -> None:
        """The model is used again."""


def engine_alone(method: str) -> Cost:
    """With a model and a verifier that answer at once."""
    drawing = Drawing(sampling=Sampling(max_tokens=10**9), splitter="newline")
    plan = _plan(method, drawing, Budget(proposer_calls=REQUESTS))
    return _cost(Engine(ReadyTexts(), plan, make_grader("exact"), verifier=ReadyScores()), _questions(800))


def over_endpoint(url: str, method: str) -> Cost:
    """Over a server that is asked for no more than ``SLOTS`` texts at a time."""
    options = BackendOptions(concurrency=SLOTS)
    proposer = OpenAIProposer(url, "mock", prompt=PromptFormat(), options=options)
    drawing = Drawing(sampling=Sampling(max_tokens=2048), splitter="newline")
    plan = _plan(method, drawing, Budget(proposer_calls=REQUESTS))
    return _cost(Engine(proposer, plan, make_grader("exact"), verifier=ReadyScores()), _questions(QUESTIONS))


def in_process(model: Proposer, verifier: NeuralVerifier, problems: Sequence[Problem], method: str) -> Cost:
    """With the bundled model and a trained verifier; a problem that is done makes room for the next."""
    sound = verifier.soundness() if METHODS[method]().soundness else None
    timed = Timed(model, sound or verifier)
    drawing = Drawing(sampling=SAMPLING, splitter="newline", step_tokens=8)
    plan = _plan(method, drawing, Budget(generated_tokens=MOST_TOKENS), IN_FLIGHT)
    found = _cost(Engine(timed, plan, make_grader("exact"), verifier=timed), problems)
    return replace(found, proposer_seconds=timed.proposing, verifier_seconds=timed.scoring)


def _plan(method: str, drawing: Drawing, budget: Budget, in_flight: int = 64) -> Plan:
    return Plan(strategy=METHODS[method], drawing=drawing, budget=budget, selector="best_of_n", in_flight=in_flight)


def _cost(engine: Engine, problems: Sequence[Problem]) -> Cost:
    async def solve() -> None:
        async for _ in engine.solve(problems):
            pass

    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(solve())
    return Cost(
        problems=len(problems),
        seconds=time.perf_counter() - wall,
        cpu_seconds=time.process_time() - cpu,
        tokens=engine.progress.generated_tokens,
    )


def _questions(count: int) -> list[Problem]:
    return [Problem(id=str(i), question=f"question {i}", answer="") for i in range(count)]


def in_turn(measure: Callable[[str], Cost], rounds: int) -> dict[str, Cost]:
    """Of each method the round with the median time; one round before them warms up."""
    found: dict[str, list[Cost]] = {method: [] for method in METHODS}
    for _ in range(rounds + 1):
        for method, costs in found.items():
            costs.append(measure(method))
    return {method: sorted(costs[1:], key=lambda c: c.seconds)[rounds // 2] for method, costs in found.items()}


def main() -> None:
    """Measure, print a table for each and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verifier", required=True, help="a folder that 'arts train' made for the bundled model")
    parser.add_argument("--problems", type=int, default=1024, help="of the test split, for the bundled model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("runs/search_cost.json"), help="where the numbers go")
    given = parser.parse_args()
    torch.set_num_threads(1)
    alone = in_turn(engine_alone, given.rounds)
    _print("the engine by itself", ("CPU ms per problem",), {m: (f"{c.cpu_ms:.2f}",) for m, c in alone.items()})
    with _server() as url:
        served = in_turn(partial(over_endpoint, url), given.rounds)
    shown = {m: (f"{c.tokens_per_second:,.0f}", f"{c.busy:.1%}") for m, c in served.items()}
    _print(f"a server of {SLOTS} slots", ("tokens per second", "slots busy"), shown)
    model = load_proposer("bundled", prompt=PromptFormat(), options=BackendOptions(batch_size=1024))
    verifier = load_verifier(given.verifier)
    assert isinstance(verifier, NeuralVerifier)
    problems = load_problems("congruences:test", limit=given.problems)
    inside = in_turn(partial(in_process, model, verifier, problems), given.rounds)
    columns = ("tokens per problem", "tokens per second", "while drawing", "CPU ms per problem", "drawing", "scoring")
    _print("the bundled model, one thread", columns, {m: _row(c) for m, c in inside.items()})
    given.json.parent.mkdir(parents=True, exist_ok=True)
    parts = {"engine": alone, "endpoint": served, "in_process": inside}
    write_json({name: {m: asdict(c) for m, c in part.items()} for name, part in parts.items()}, given.json)


def _row(cost: Cost) -> tuple[str, ...]:
    per_problem = 1e3 / cost.problems
    return (
        f"{cost.tokens / cost.problems:.0f}",
        f"{cost.tokens_per_second:,.0f}",
        f"{cost.tokens / cost.proposer_seconds:,.0f}",
        f"{cost.cpu_ms:.1f}",
        f"{cost.proposer_seconds * per_problem:.1f}",
        f"{cost.verifier_seconds * per_problem:.1f}",
    )


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "arts.testbed.endpoint", "--lines", str(LINES)]
    command += ["--seconds-per-token", str(SECONDS_PER_TOKEN)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def _print(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    print(table((title, *columns), [[method, *row] for method, row in rows.items()], rule="---:") + "\n", flush=True)


if __name__ == "__main__":
    main()
