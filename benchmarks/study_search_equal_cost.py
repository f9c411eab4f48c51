"""Does search pay? Every strategy and verifier at equal numbers of generated tokens, on the testbed.

    python benchmarks/study_search_equal_cost.py            # everything; stop and start it as you like
    python benchmarks/study_search_equal_cost.py --quick    # a few problems, to see that it works
    python benchmarks/study_search_equal_cost.py --seed 1   # only the runs of one seed, without results

Runs are kept under ``runs/search``; verifiers are those of study_verifiers.py and study_objectives.py, taken from
``runs/verifiers`` and ``runs/objectives`` or trained there. Results go to
``benchmarks/search_equal_cost/results.json``, tables to ``docs/search.md``.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    testbed_trees,
    trained,
    trees_of,
)
from numpy.typing import NDArray
from objectives.objectives_results import stem
from objectives.variants import VARIANTS
from search_equal_cost.amplification import survival
from search_equal_cost.cells import BEAM, EQUAL, LEADING, METHODS, MIDDLE, Cell, Method, cells
from search_equal_cost.memory import RememberedDraws, RememberedScores, Soundness
from search_equal_cost.search_page import write_page
from search_equal_cost.search_results import summarise
from step_reader.row_training import row_verifier
from step_reader.trained_rows import BASE, DEFAULT

from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.proposers.base import Proposer
from arts.proposers.load import load_proposer
from arts.proposers.options import BackendOptions
from arts.proposers.prompt import PromptFormat
from arts.search.answer import Solved
from arts.search.base import Expansion, Strategy
from arts.search.budget import Budget
from arts.search.engine import Engine, Plan
from arts.search.session import Drawing
from arts.search.strategies import strategy_factory
from arts.testbed.measure import SAMPLING
from arts.trees.tree import Tree
from arts.verifiers.base import Verifier
from arts.verifiers.neural import NeuralVerifier
from arts.workflows.tasks import load_problems

DRAWING = Drawing(sampling=SAMPLING, splitter="newline", step_tokens=8)
"""A line has five tokens."""
LABEL_SEED = 1_000
"""Seed of the samples by which problems are called rare or deep; no method is measured on them."""
PUBLISHED = {"published flow": "rfm", "prm": "prm", "rm": "rm", "orm": "orm"}
"""Variants of the study of objectives, all of single states."""
ROWS = {LEADING: DEFAULT[-1], EQUAL: BASE}
"""Rows of the study of verifiers."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    problems: int = 400
    validation: int = 400
    train: int = 1600
    seeds: int = 3
    few: int | None = None


QUICK = Size(problems=20, validation=20, train=60, seeds=2, few=60)


class Study:
    """What the runs of one process share: models, draws and scores."""

    def __init__(self, out: Path, size: Size) -> None:
        self.out, self.size = out, size
        self.grader = make_grader("exact")
        self._draws: dict[tuple[str, int, float], Proposer] = {}
        self._verifiers: dict[tuple[str, str, int, bool], Verifier] = {}
        self._model = load_proposer("bundled", prompt=PromptFormat(), options=BackendOptions(batch_size=1024))

    def problems(self, split: str) -> list[Problem]:
        """Those of a split that are used."""
        limit = self.size.problems if split == "test" else self.size.validation
        return load_problems(f"congruences:{split}", limit=limit)

    def run(self, split: str, cell: Cell, sample_tokens: float) -> tuple[list[Solved], float]:
        """Every problem solved, in the problems' order, and the mean number of rounds."""
        method, problems, rounds = cell.method, self.problems(split), [0]
        factory = strategy_factory(method.strategy, method.settings(cell.budget))
        plan = Plan(
            strategy=lambda: _counting(factory(), rounds),
            drawing=replace(DRAWING, sampling=replace(SAMPLING, temperature=method.temperature)),
            budget=Budget(generated_tokens=round(cell.budget * method.cap * sample_tokens) or None),
            selector=method.selector,
            in_flight=len(problems),
            seed=cell.seed,
        )
        so_far = factory().soundness and not method.promise
        verifier = self.verifier(split, cell.verifier, cell.seed, so_far=so_far) if cell.verifier else None
        engine = Engine(self.draws(split, cell.seed, method.temperature), plan, self.grader, verifier=verifier)
        found = asyncio.run(_all(engine, problems))
        return [found[p.id] for p in problems], rounds[0] / len(problems)

    def draws(self, split: str, seed: int, temperature: float) -> Proposer:
        """The model, which remembers what it has drawn with this seed."""
        key = (split, seed, temperature)
        if key not in self._draws:
            self._draws = {known: draws for known, draws in self._draws.items() if known[:2] == (split, seed)}
            self._draws[key] = RememberedDraws(self._model)
        return self._draws[key]

    def verifier(self, split: str, name: str, seed: int, *, so_far: bool = False) -> Verifier:
        """A verifier of the study, with ``so_far`` without what it expects after a state.

        A trained one has a training seed for each seed.
        """
        key = (split, name, seed, so_far)
        if key not in self._verifiers:
            self._verifiers = {known: made for known, made in self._verifiers.items() if known[2] == seed}
            if name == "oracle":
                self._verifiers[key] = Soundness(self.problems(split), self.grader)
            else:
                made = self._trained(name, seed)
                sound = made.soundness() if so_far else None
                self._verifiers[key] = RememberedScores(sound or made)
        return self._verifiers[key]

    def _trained(self, name: str, seed: int) -> NeuralVerifier:
        others = self.out.parent
        if name in ROWS:
            return row_verifier(others / "verifiers", ROWS[name], seed, self.size.few)
        variant = next(v for v in VARIANTS if v.name == PUBLISHED[name])
        folder = others / "objectives" / "testbed"
        training = replace(variant.training(seed), epochs=1.0 if self.size.few else None)
        return trained(folder / f"{stem(variant.name)}-{seed}", self._trees, TESTBED_SHAPE, training, None)

    def _trees(self) -> list[Tree]:
        store = self.out.parent / "objectives" / "testbed" / "train.db"
        testbed_trees(store, "train", self.size.train, n=16, fork_probability=0.0)
        return trees_of(store)


def _counting(strategy: Strategy, rounds: list[int]) -> Strategy:
    ask = strategy.ask

    def counted(tree: Tree, rng: np.random.Generator) -> Sequence[Expansion]:
        expansions = ask(tree, rng)
        rounds[0] += bool(expansions)
        return expansions

    strategy.ask = counted  # type: ignore[method-assign]
    return strategy


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
        found, _ = study.run(split, Cell(method=method, verifier="", budget=16, seed=seed), sample_tokens=1e6)
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
            cell = Cell(method=method, verifier=LEADING if method.verified else "", budget=MIDDLE, seed=seed)
            if only in (None, seed):
                measure(study, "validation", cell, sample_tokens)


def measure(study: Study, split: str, cell: Cell, sample_tokens: float) -> None:
    """Run a cell and keep, per problem, what came of it."""

    def found() -> Arrays:
        started = time.monotonic()
        solved, rounds = study.run(split, cell, sample_tokens)
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
            "rounds": np.full(len(solved), rounds),
        }

    keep(study.out / f"{split}-{cell.name}.npz", found)


def _right(study: Study, split: str, solved: Solved) -> NDArray[np.bool_]:
    """Which candidates are correct."""
    keys = {p.id: p.answer for p in study.problems(split)}
    texts = [solved.tree.solution(node) for node in solved.candidates]
    grades = study.grader.grade([(keys[solved.tree.problem_id], study.grader.extract(text)) for text in texts])
    return np.array([grade.verdict is Verdict.CORRECT for grade in grades], dtype=bool)


def _survival(study: Study, seed: int, sample_tokens: float) -> Arrays:
    oracle = study.verifier("test", "oracle", seed)
    assert isinstance(oracle, Soundness)
    solved, _ = study.run("test", Cell(method=BEAM, verifier=LEADING, budget=MIDDLE, seed=seed), sample_tokens)
    return survival(solved, oracle)


if __name__ == "__main__":
    main()
