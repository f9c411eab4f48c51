"""CPU time of TreeQuest and its_hub by themselves: no model, no waiting. Prints JSON.

Run with a Python that has treequest and its_hub; ``benchmarks/engine.py`` makes one. TreeQuest expands with a
function that returns at once, in the ways its README shows: ``step``, which copies the whole search state every time
unless it is told not to, and ``ask`` and ``tell``, which do not. AB-MCTS-M is left out: each of its expansions fits a
model by Monte Carlo, in pymc. its_hub runs best-of-N, particle filtering and beam search with a language model that
returns ready texts at once and a scorer that returns random numbers, in one event loop.
"""

import argparse
import asyncio
import importlib.metadata
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy
import treequest
from its_hub.api import AbstractLanguageModel, AbstractOutcomeRewardModel, AbstractProcessRewardModel
from its_hub.core.algorithms.beam_search import BeamSearch
from its_hub.core.algorithms.bon import BestOfN
from its_hub.core.algorithms.particle_gibbs import ParticleFiltering
from its_hub.core.lms.step_generation import StepGeneration
from its_hub.core.orchestrator import LMOrchestrator

SIZES = (100, 300, 1_000, 3_000, 10_000)
LIMIT_S = 20.0
"""Of one measurement in TreeQuest, wall-clock; larger sizes of a row that met it are left out."""
NS = (16, 64, 256)
STEPS = 8
LINE = "Subtracting the second equation from the first one leaves a single unknown, x = {}."
REPETITIONS_S = 3.0
"""A problem is solved again and again for so long, five times at least."""
BEAM_WIDTH = 4

Search = tuple[Any, Any]
"""An algorithm of TreeQuest and its state."""


def generate(parent: str | None) -> tuple[str, float]:
    """A child without content, and a random score."""
    return "", random.random()


def by_step(search: Search) -> Search:
    algorithm, state = search
    return algorithm, algorithm.step(state, {"go on": generate})


def by_step_inplace(search: Search) -> Search:
    algorithm, state = search
    return algorithm, algorithm.step(state, {"go on": generate}, inplace=True)


def by_ask_tell(search: Search) -> Search:
    algorithm, state = search
    state, trial = algorithm.ask(state, ["go on"])
    return algorithm, algorithm.tell(state, trial.trial_id, generate(trial.parent_state))


def expansions(make: Callable[[], Any], expand: Callable[[Search], Search], size: int) -> dict[str, Any]:
    """CPU seconds of a tree of ``size`` nodes; if it was not reached, how far it came and why."""
    random.seed(0)
    numpy.random.seed(0)  # noqa: NPY002 (AB-MCTS-A draws from the global generator)
    algorithm = make()
    search = (algorithm, algorithm.init_tree())
    start, deadline, note, done = time.process_time(), time.monotonic() + LIMIT_S, "", 0
    try:
        while done < size and not note:
            search = expand(search)
            done += 1
            if time.monotonic() > deadline:
                note = "stopped"
    except RecursionError:
        note = "RecursionError"
    return {"seconds": time.process_time() - start, "expansions": done, "note": note if done < size else ""}


def treequest_rows() -> dict[str, dict[int, Any]]:
    algorithms = {"StandardMCTS": treequest.StandardMCTS, "ABMCTSA": treequest.ABMCTSA}
    ways = {"step": by_step, "step(inplace=True)": by_step_inplace, "ask/tell": by_ask_tell}
    rows: dict[str, dict[int, Any]] = {}
    for name, make in algorithms.items():
        for way, expand in ways.items():
            row = rows[f"{name} {way}"] = {}
            for size in SIZES:
                row[size] = expansions(make, expand, size)
                if row[size]["note"]:
                    break
    return rows


class ReadyTexts(AbstractLanguageModel):
    """Returns texts that differ from one another, in turn and at once."""

    def __init__(self, texts: list[str]) -> None:
        self._messages = [{"role": "assistant", "content": text} for text in texts]
        self._next = 0

    def _take(self) -> dict[str, str]:
        self._next = (self._next + 1) % len(self._messages)
        return self._messages[self._next]

    async def agenerate_single(self, messages: Any, stop: Any = None, **kwargs: Any) -> dict[str, str]:
        """One."""
        return self._take()

    async def agenerate(self, messages: Any, stop: Any = None, **kwargs: Any) -> Any:
        """One, or one per conversation."""
        return [self._take() for _ in messages] if isinstance(messages[0], list) else self._take()


class RandomOutcome(AbstractOutcomeRewardModel):
    """A random number per conversation."""

    def score(self, messages: Any, **kwargs: Any) -> Any:
        """Scores."""
        return [random.random() for _ in messages]

    async def ascore(self, messages: Any, orchestrator: Any = None, **kwargs: Any) -> Any:
        """Scores."""
        return self.score(messages)


class RandomProcess(AbstractProcessRewardModel):
    """A random number per text."""

    def score(self, prompt_or_messages: Any, steps: Any) -> Any:
        """Scores."""
        return [random.random() for _ in steps]

    async def ascore(self, prompt_or_messages: Any, steps: Any) -> Any:
        """Scores."""
        return self.score(prompt_or_messages, steps)


async def ms_per_problem(algorithm: Any, model: ReadyTexts, n: int) -> float:
    """Median CPU milliseconds of ``ainfer`` with budget ``n``, the result object included."""
    took: list[float] = []
    until = time.monotonic() + REPETITIONS_S
    await algorithm.ainfer(model, "What is x?", n)
    while len(took) < 5 or time.monotonic() < until:
        start = time.process_time()
        await algorithm.ainfer(model, "What is x?", n, return_response_only=False)
        took.append(1000 * (time.process_time() - start))
    return statistics.median(took)


async def its_hub_rows() -> dict[str, dict[int, float]]:
    steps = StepGeneration(max_steps=STEPS - 1, step_token="\n")  # it stops after one more than max_steps
    judge, critic = RandomOutcome(), RandomProcess()
    algorithms = {
        "BestOfN": BestOfN(judge),
        "BestOfN, unlimited concurrency": BestOfN(judge, LMOrchestrator(max_concurrency=-1)),
        "ParticleFiltering": ParticleFiltering(steps, critic),
        "BeamSearch": BeamSearch(steps, critic, BEAM_WIDTH),
    }
    rows: dict[str, dict[int, float]] = {name: {} for name in algorithms}
    for name, algorithm in algorithms.items():
        for n in NS:
            lines = [LINE.format(i) for i in range(n)]
            whole = ReadyTexts(["\n".join([line] * STEPS) for line in lines])
            model = whole if name.startswith("BestOfN") else ReadyTexts(lines)
            await check_steps(algorithm, model, n)
            rows[name][n] = await ms_per_problem(algorithm, model, n)
    return rows


async def check_steps(algorithm: Any, model: ReadyTexts, n: int) -> None:
    """The solutions have the length that the page says."""
    text = (await algorithm.ainfer(model, "What is x?", n))["content"]
    if len(text.split("\n")) != STEPS:
        raise SystemExit(f"{type(algorithm).__name__}: {len(text.split(chr(10)))} steps, not {STEPS}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in ("treequest", "its_hub")}
    rows = {"expansions_s": treequest_rows(), "problem_ms": asyncio.run(its_hub_rows())}
    print(json.dumps({"versions": versions, **rows}, indent=1))


if __name__ == "__main__":
    main()
