"""Does search pay? Every strategy and verifier at equal numbers of generated tokens, on the testbed.

    python benchmarks/study_search_equal_cost.py            # everything; stop and start it as you like
    python benchmarks/study_search_equal_cost.py --quick    # a few problems, to see that it works
    python benchmarks/study_search_equal_cost.py --seed 1   # only the runs of one seed, without results

Runs are kept under ``runs/search``; verifiers are trained there as in ``benchmarks/objectives`` (or taken from its
``runs/objectives/testbed``). Results go to
``benchmarks/search_equal_cost/results.json``, tables to ``docs/search.md``.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from _study import (
    TESTBED_SHAPE,
    Arrays,
    arrays,
    keep,
    publish,
    runs,
    study_parser,
    testbed_training,
    testbed_trees,
    trained,
    trees_of,
)
from numpy.typing import NDArray
from search_equal_cost.amplification import survival
from search_equal_cost.cells import METHODS, VERIFIERS, Cell, Method, cells
from search_equal_cost.memory import RememberedDraws, RememberedScores, Soundness
from search_equal_cost.search_page import write_page
from search_equal_cost.search_results import summarise

from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.proposers.base import Proposer
from arts.proposers.load import load_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.search.answer import Solved
from arts.search.budget import Budget
from arts.search.engine import Engine, Plan
from arts.search.session import Drawing
from arts.search.strategies import strategy_factory
from arts.testbed.measure import SAMPLING
from arts.trees.tree import Tree
from arts.verifiers.base import Verifier
from arts.verifiers.features import FeatureCache
from arts.verifiers.load import load_verifier
from arts.verifiers.modules import load_feature_model
from arts.workflows.tasks import load_problems

DRAWING = Drawing(sampling=SAMPLING, splitter="newline", step_tokens=8)
"""A line has five tokens."""
LABEL_SEED = 1_000
"""Seed of the samples by which problems are called rare or deep; no method is measured on them."""
TRAINED: dict[str, str] = {"flow": "value_flow", "prm": "prm"}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    problems: int = 300
    validation: int = 300
    train: int = 1600
    updates: int = 540
    seeds: int = 3


QUICK = Size(problems=20, validation=20, train=60, updates=20, seeds=2)


class Study:
    """What the runs of one process share: models, draws and scores."""

    def __init__(self, out: Path, size: Size) -> None:
        self.out, self.size = out, size
        self.grader = make_grader("exact")
        self._draws: dict[tuple[str, int], Proposer] = {}
        self._verifiers: dict[tuple[str, str, int], Verifier] = {}
        self._model = load_proposer("bundled", prompt=PromptFormat(), options=BackendOptions(batch_size=1024))

    def problems(self, split: str) -> list[Problem]:
        """Those of a split that are used."""
        limit = self.size.problems if split == "test" else self.size.validation
        return load_problems(f"congruences:{split}", limit=limit)

    def run(self, split: str, cell: Cell, sample_tokens: float) -> list[Solved]:
        """Solve every problem; in the problems' order."""
        method, problems = cell.method, self.problems(split)
        plan = Plan(
            strategy=strategy_factory(method.strategy, method.settings(cell.budget)),
            drawing=DRAWING,
            budget=Budget(generated_tokens=round(cell.budget * sample_tokens) if method.capped else None),
            selector=method.selector,
            in_flight=len(problems),
            seed=cell.seed,
        )
        verifier = self.verifier(split, cell.verifier, cell.seed) if cell.verifier else None
        engine = Engine(self.draws(split, cell.seed), plan, self.grader, verifier=verifier)
        found = asyncio.run(_all(engine, problems))
        return [found[p.id] for p in problems]

    def draws(self, split: str, seed: int) -> Proposer:
        """The model, which remembers what it has drawn with this seed."""
        key = (split, seed)
        if key not in self._draws:
            self._draws[key] = RememberedDraws(self._model)
        return self._draws[key]

    def verifier(self, split: str, name: str, seed: int) -> Verifier:
        """A verifier of the study; a trained one has a training seed for each seed."""
        key = (split, name, seed)
        if key not in self._verifiers:
            if name == "oracle":
                self._verifiers[key] = Soundness(self.problems(split), self.grader)
            elif name in TRAINED:
                self._verifiers[key] = RememberedScores(self._trained(TRAINED[name], seed))
            else:
                self._verifiers[key] = load_verifier(name)
        return self._verifiers[key]

    def _trained(self, objective: str, seed: int) -> Verifier:
        config = testbed_training(objective, seed, self.size.updates)
        features = FeatureCache(load_feature_model(TESTBED_SHAPE), keep=True, folder=self.out / "features")
        return trained(self.out / f"{objective}-{seed}", self._trees, TESTBED_SHAPE, config, features)

    def _trees(self) -> list[Tree]:
        store = self.out / "train.db"
        testbed_trees(store, "train", self.size.train)
        return trees_of(store)


async def _all(engine: Engine, problems: Sequence[Problem]) -> dict[str, Solved]:
    return {solved.tree.problem_id: solved async for solved in engine.solve(problems)}


def main() -> None:
    """Run what is missing, then write results and page."""
    parser = study_parser(__doc__, "runs/search")
    parser.add_argument("--seed", type=int, help="only the runs of this seed")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    size, out = QUICK if given.quick else Size(), runs(given)
    study = Study(out, size)
    tokens = labels(study)
    validation(study, tokens, given.seed)
    for cell in cells(size.seeds):
        if given.seed in (None, cell.seed):
            measure(study, "test", cell, tokens)
    for seed in range(size.seeds):
        if given.seed in (None, seed):
            keep(out / f"survival-{seed}.npz", lambda s=seed: _survival(study, s, tokens))
    if given.seed is None:
        publish(given, summarise(out, size.seeds), write_page, "search_equal_cost", "search.md")


def labels(study: Study) -> float:
    """Sixteen further samples of each problem, for its subset; returns the mean tokens of a validation sample."""

    def drawn(split: str, seed: int) -> Arrays:
        method = Method(name="labels", strategy="best_of_n", selector="majority", verified=False)
        found = study.run(split, Cell(method=method, verifier="", budget=4, seed=seed), sample_tokens=1e6)
        right = [_right(study, split, s)[:16] for s in found]
        lines = [np.mean([len(s.tree.path(c)) for c in s.candidates]) if s.candidates else np.nan for s in found]
        tokens = [s.spend.generated_tokens / s.spend.proposer_calls for s in found]
        return {"correct": np.array([r.sum() for r in right]), "lines": np.array(lines), "tokens": np.array(tokens)}

    keep(study.out / "labels.npz", lambda: drawn("test", LABEL_SEED))
    return float(arrays(keep(study.out / "sample.npz", lambda: drawn("validation", LABEL_SEED)))["tokens"].mean())


def validation(study: Study, sample_tokens: float, only: int | None) -> None:
    """On other problems: what the default strategy and the settings of adaptive stopping are chosen by."""
    for seed in range(study.size.seeds):
        for method in METHODS:
            name = "flow" if method.verified else ""
            cell = Cell(method=method, verifier=name, budget=16, seed=seed)
            if only in (None, seed):
                measure(study, "validation", cell, sample_tokens)


def measure(study: Study, split: str, cell: Cell, sample_tokens: float) -> None:
    """Run a cell and keep, per problem, what came of it."""

    def found() -> Arrays:
        started = time.monotonic()
        solved = study.run(split, cell, sample_tokens)
        right = [_right(study, split, s) for s in solved]
        decided = [s.decision is not None and r[s.decision.candidate] for s, r in zip(solved, right, strict=True)]
        print(
            f"{split} {cell.name}: {np.mean(decided):.3f}, {time.monotonic() - started:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        return {
            "correct": np.array(decided, dtype=bool),
            "any": np.array([r.any() for r in right]),
            "pool": np.array([r.mean() if len(r) else np.nan for r in right]),
            "candidates": np.array([len(r) for r in right]),
            "tokens": np.array([s.spend.generated_tokens for s in solved]),
            "calls": np.array([s.spend.proposer_calls for s in solved]),
        }

    keep(study.out / f"{split}-{cell.name}.npz", found)


def _right(study: Study, split: str, solved: Solved) -> NDArray[np.bool_]:
    """Which candidates are correct."""
    keys = {p.id: p.answer for p in study.problems(split)}
    texts = [solved.tree.solution(node) for node in solved.candidates]
    grades = study.grader.grade([(keys[solved.tree.problem_id], study.grader.extract(text)) for text in texts])
    return np.array([grade.verdict is Verdict.CORRECT for grade in grades], dtype=bool)


def _survival(study: Study, seed: int, sample_tokens: float) -> Arrays:
    method = next(m for m in METHODS if m.name == "beam")
    oracle = study.verifier("test", "oracle", seed)
    assert isinstance(oracle, Soundness)
    solved = study.run("test", Cell(method=method, verifier=VERIFIERS[0], budget=16, seed=seed), 10 * sample_tokens)
    return survival(solved, oracle)


if __name__ == "__main__":
    main()
