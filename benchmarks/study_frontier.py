"""Train a verifier, or the model? Accuracy against operations of training and tokens of inference, on the testbed.

    python benchmarks/study_frontier.py            # everything; stop and start it as you like
    python benchmarks/study_frontier.py --quick    # a few problems and updates, to see that it works
    python benchmarks/study_frontier.py --seed 1   # only the runs of one seed, without results

GRPO gets the best of a few settings, chosen on validation problems, and is measured at several lengths; verifiers on
the frozen model learn from several numbers of problems; a verifier that learns from a GRPO model's own solutions
decides between these, and guides a search over that model. Power sampling trains nothing. Runs are kept under
``runs/frontier``; verifiers of the frozen model are those of study_verifiers.py. Results go to
``benchmarks/frontier/results.json``, the page is ``docs/frontier.md``.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _study import Arrays, Floats, arrays, keep, publish, runs, study_parser, testbed_trees, trained, trees_of
from frontier import rare
from frontier.frontier_page import write_page
from frontier.frontier_plan import (
    BUDGET,
    BUDGETS,
    FULL,
    MOVES,
    NS,
    POWERS,
    QUICK,
    VERIFIERS,
    Size,
    longest,
    stem,
    sweep,
)
from frontier.frontier_results import CHOICE, shown, summarise
from frontier.operations import of_policy, of_verifier
from frontier.power import PowerSampler
from frontier.searches import LINE, guided
from objectives.measure import decisions, everything
from objectives.objectives_results import stem as objective_stem
from objectives.variants import SHAPES, VARIANTS
from squeeze.plan import BASE_SEED
from squeeze.policy import reinforce, watched
from squeeze.samples import NUCLEUS, candidates, sampled
from step_reader.row_training import row_trees, row_verifier
from step_reader.trained_rows import BASE, Row

from arts.baselines.config import RLConfig
from arts.evaluation.candidates import Candidates, candidate_scores
from arts.models import BUNDLED
from arts.problems.base import Problem, Verdict
from arts.problems.graders import make_grader
from arts.selection import expected
from arts.selection.scores import Aggregation
from arts.testbed.measure import SAMPLING
from arts.training.config import TrainConfig
from arts.trees.tree import Tree
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import Architecture, load_feature_model
from arts.verifiers.neural import NeuralVerifier
from arts.workflows.tasks import load_problems


def main() -> None:
    """Run what is missing, then write results and page."""
    parser = study_parser(__doc__, "runs/frontier")
    parser.add_argument("--seed", type=int, help="only the runs of this seed")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    study = Study(runs(given), QUICK if given.quick else Size())
    chosen = study.setting()
    alpha = study.power()
    for seed in range(study.size.seeds):
        if given.seed in (None, seed):
            study.frozen(seed)
            study.training_free(alpha, seed)
            study.reinforced(chosen, seed)
            study.rare(seed)
    if given.seed is None:
        publish(given, summarise(study.out, study.size, chosen, alpha), write_page, "frontier", "frontier.md")


class Study:
    """The parts, each in files of its own."""

    def __init__(self, out: Path, size: Size) -> None:
        self.out, self.size = out, size
        self.problems = load_problems("congruences:test", limit=size.problems)
        self._verifiers = out.parent / "verifiers"
        base = self._candidates(BUNDLED, "base", BASE_SEED)
        self._base = base
        self.sample_tokens = float(np.mean([r.tokens for t in base.trees for r in t.backbones]))

    def setting(self) -> str:
        """Name of the setting of GRPO that is best on validation problems after the sweep."""
        found = {}
        for name, config in sweep(self.size).items():
            folder = self.out / f"sweep-{stem(name)}"
            reinforce(folder, config, watched())
            rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
            found[name] = [r["held_out_pass_rate"] for r in rows if "held_out_pass_rate" in r][-1]
        keep(self.out / CHOICE, lambda: {name: np.array(rate) for name, rate in found.items()})
        return max(found, key=lambda name: found[name])

    def power(self) -> float:
        """The power that is best on validation problems, with the most moves."""
        problems = load_problems("congruences:validation", limit=self.size.problems)

        def right() -> Arrays:
            return {f"{alpha:g}": self._powered(problems, alpha, MOVES[-1], seed=0)["correct"] for alpha in POWERS}

        rates = {name: found.mean() for name, found in arrays(keep(self.out / "power-validation.npz", right)).items()}
        return float(max(rates, key=lambda name: rates[name]))

    def frozen(self, seed: int) -> None:
        """Verifiers of the frozen model: best of N, and guided searches."""
        for row in VERIFIERS:
            for budget in BUDGETS if row == FULL else (BUDGET,):
                self._keep(f"guided-{stem(row.name)}-{budget}-{seed}", partial(self._search, row, budget, seed))
            self._keep(f"verifier-{stem(row.name)}-{seed}", partial(self._best, row, seed))

    def _search(self, row: Row, budget: int, seed: int) -> Arrays:
        verifier = row_verifier(self._verifiers, row, seed, self.size.few)
        return guided(BUNDLED, verifier, self.problems, tokens=budget * self.sample_tokens, seed=seed)

    def _best(self, row: Row, seed: int) -> Arrays:
        verifier = row_verifier(self._verifiers, row, seed, self.size.few)
        cost = _cost(self._verifiers / f"{row.stem}-{seed}", row_trees(self._verifiers, row, self.size.few))
        return _best_of(verifier, self._base) | {"cost": cost}

    def training_free(self, alpha: float, seed: int) -> None:
        """Majority of the frozen model's samples, and power sampling."""
        self._keep("majority", lambda: _majorities(self._base))
        for moves in MOVES:
            self._keep(f"power-{moves}-{seed}", lambda m=moves: self._powered(self.problems, alpha, m, seed))

    def _powered(self, problems: Sequence[Problem], alpha: float, moves: int, seed: int) -> Arrays:
        sampler = PowerSampler(BUNDLED, alpha=alpha, moves=moves, block=LINE, most=SAMPLING.max_tokens)
        texts, tokens = sampler.draw([p.question for p in problems], seed)
        grader = make_grader("exact")
        grades = grader.grade([(p.answer, grader.extract(text)) for p, text in zip(problems, texts, strict=True)])
        return {"correct": np.array([float(g.verdict is Verdict.CORRECT) for g in grades]), "tokens": tokens}

    def reinforced(self, chosen: str, seed: int) -> None:
        """GRPO at several lengths, and what a verifier that learns from its solutions adds at the end."""
        config = longest(sweep(self.size)[chosen], self.size, seed)
        reinforce(self.out / f"GRPO-{seed}", config, watched())
        for updates in self.size.stages:
            self._keep(f"policy-{updates}-{seed}", partial(self._policy, config, updates))
        self._keep(f"own-{seed}", partial(self._own_best, config))
        self._keep(f"own-guided-{seed}", partial(self._own_search, seed))

    def _policy(self, config: RLConfig, updates: int) -> Arrays:
        found = self._drawn_by_policy(updates, config.seed)
        return _majorities(found) | {"cost": np.array(self._policy_cost(config, updates))}

    def _policy_cost(self, config: RLConfig, updates: int) -> tuple[float, float]:
        solutions = config.problems_per_update * config.group_size
        return of_policy(self.out / f"GRPO-{config.seed}", updates, solutions=solutions, kl=config.kl > 0)

    def _drawn_by_policy(self, updates: int, seed: int) -> Candidates:
        return self._candidates(self._model(updates, seed), f"policy-{updates}-{seed}", BASE_SEED + 1 + seed)

    def _model(self, updates: int, seed: int) -> str:
        return str(self.out / f"GRPO-{seed}" / f"checkpoint-{updates}")

    def _own_verifier(self, seed: int) -> NeuralVerifier:
        shape = Architecture(backbone=self._model(self.size.stages[-1], seed))
        features = FeatureCache(load_feature_model(shape), keep=True, layers=shape.read_layers)
        return trained(
            self.out / f"own-{seed}", partial(self._own_trees, seed), shape, TrainConfig(seed=seed), features
        )

    def _own_trees(self, seed: int) -> list[Tree]:
        store, model = self.out / f"own-{seed}.db", self._model(self.size.stages[-1], seed)
        testbed_trees(store, "train", self.size.own_problems, model=model, n=16, fork_probability=0.0, seed=seed)
        return trees_of(store)

    def _own_best(self, config: RLConfig) -> Arrays:
        verifier, trees = self._own_verifier(config.seed), self._own_trees(config.seed)
        cost = np.array(self._policy_cost(config, config.updates)) + _cost(self.out / f"own-{config.seed}", trees)
        return _best_of(verifier, self._drawn_by_policy(config.updates, config.seed)) | {"cost": cost}

    def _own_search(self, seed: int) -> Arrays:
        model, tokens = self._model(self.size.stages[-1], seed), BUDGET * self.sample_tokens
        return guided(model, self._own_verifier(seed), self.problems, tokens=tokens, seed=seed)

    def rare(self, seed: int) -> None:
        """Who solves what is rare, and what GRPO has lost."""
        self._keep(f"rare-{seed}", partial(self._rare, seed))

    def _rare(self, seed: int) -> Arrays:
        base, policy = self._base, self._drawn_by_policy(self.size.stages[-1], seed)
        searches = {row.name: arrays(self.out / f"guided-{stem(row.name)}-{BUDGET}-{seed}.npz") for row in (FULL, BASE)}
        accuracy = {
            rare.RANDOM: rare.shares(base.correct),
            "GRPO, one sample": rare.shares(policy.correct),
            **{f"guided, {shown(row)}": found["correct"] for row, found in searches.items()},
        }
        for name, (make, aggregation) in self._judges(seed).items():
            scores = candidate_scores(base, everything(make(), base), (aggregation,))[0].scores
            accuracy[name] = rare.chosen(base.correct, scores)
        return rare.measured(rare.labels(base.correct, policy.correct), accuracy)

    def _judges(self, seed: int) -> dict[str, tuple[Callable[[], NeuralVerifier], Aggregation]]:
        """Verifiers of the frozen model, all but the first of the same 1,600 problems."""
        found: dict[str, tuple[Callable[[], NeuralVerifier], Aggregation]] = {
            f"best of 16, {shown(row.name)}": (partial(row_verifier, self._verifiers, row, seed, self.size.few), "last")
            for row in (FULL, BASE)
        }
        for name, variant, aggregation in rare.PUBLISHED:
            found[name] = (partial(self._variant, variant, seed), aggregation)
        return found

    def _variant(self, name: str, seed: int) -> NeuralVerifier:
        """One of the study of objectives."""
        variant = next(v for v in VARIANTS if v.name == name)
        folder = self.out.parent / "objectives" / "testbed"
        training = replace(variant.training(seed), epochs=1.0 if self.size.few else None)
        shape = SHAPES["testbed"][variant.reading]
        trees = partial(row_trees, self._verifiers, BASE, self.size.few)
        return trained(folder / f"{objective_stem(name)}-{seed}", trees, shape, training, None)

    def _candidates(self, model: str, name: str, seed: int) -> Candidates:
        store = self.out / f"{name}.db"
        sampled(model, store, problems=self.size.problems, n=NS[-1], seed=seed, sampling=NUCLEUS)
        return candidates(store, NS[-1])

    def _keep(self, name: str, found: Callable[[], Arrays]) -> None:
        path = self.out / f"{name}.npz"
        if not path.exists():
            kept = arrays(keep(path, found))
            about = ", ".join(f"{key} {value.mean():.3f}" for key, value in kept.items() if key != "cost")
            print(f"{name}: {about}", file=sys.stderr, flush=True)


def _cost(folder: Path, trees: list[Tree]) -> Floats:
    """Operations and rollouts of a verifier that learned from these by the rule of ``arts train``."""
    drawn = [r.tokens for tree in trees for r in tree.rollouts]
    passes = TrainConfig().resolved("frozen", len(trees)).epochs or 1.0
    return np.array([of_verifier(folder, tokens=float(sum(drawn)), passes=passes), len(drawn)])


def _majorities(found: Candidates) -> Arrays:
    """By problem: accuracy of the majority of N (one sample for 1), whether one of N is right, tokens of a sample."""
    equal = np.ones(found.correct.shape)
    votes = {f"majority {n}": expected.vote_at_k(found.correct, found.classes, equal, n) for n in NS}
    oracles = {f"oracle {n}": expected.pass_at_k(found.correct, n) for n in NS}
    return votes | oracles | {"tokens": np.array([np.mean([r.tokens for r in t.backbones]) for t in found.trees])}


def _best_of(verifier: NeuralVerifier, found: Candidates) -> Arrays:
    decided = decisions(found, everything(verifier, found), NS)
    tokens = np.array([np.mean([r.tokens for r in t.backbones]) for t in found.trees])
    return {f"best {n}": decided[f"best last {n}"] for n in NS} | {"tokens": tokens}


if __name__ == "__main__":
    main()
