"""Every objective under both readings, on the same trees and trained by the same rule: what is each good for?

One command, resumable: python benchmarks/study_objectives.py. It samples the testbed, trains every variant with every
seed, measures on validation and test problems, does the same on recorded samples of a real model, and writes
benchmarks/objectives/results.json and the tables of docs/objectives.md. With --quick it is a rehearsal of the whole
with a few problems, two seeds and nothing written outside --out.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _study import Arrays, keep, keep_measured, publish, runs, study_parser, testbed_trees, trained
from objectives.measure import decisions, everything, first_errors, states
from objectives.objectives_page import write_page
from objectives.objectives_results import BASELINES, stem, summarise
from objectives.recorded_sets import RECORDED_SETS, load_recorded
from objectives.variants import SHAPES, VARIANTS, Variant

from arts.evaluation.candidates import Candidates, collect
from arts.evaluation.steps import Reference
from arts.logs.samples import Samples, read_samples
from arts.problems.graders import make_grader
from arts.proposers.options import BackendOptions
from arts.selection import expected as metrics
from arts.trees.tree import Tree
from arts.verifiers.features import FeatureCache
from arts.verifiers.load import load_verifier
from arts.verifiers.modules import load_feature_model
from arts.verifiers.neural import NeuralVerifier
from arts.workflows.probes import Probes, count_success

TESTBED_KS = (2, 4, 8, 16, 64)
RECORDED_KS = {"svamp-qwen": (2, 4, 8)}
"""Recorded samples with log-probabilities, which one objective needs; those without are in study_text.py."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    train: int = 1600
    validation: int = 300
    test: int = 400
    probed: int = 60
    seeds: int = 3
    passes: float | None = None
    """None: by the rule of ``arts train``."""


QUICK = Size(train=60, validation=20, test=30, probed=5, passes=1.0, seeds=2)


def main() -> None:
    """Run what is missing, then write results and page."""
    parser = study_parser(__doc__, "runs/objectives")
    parser.add_argument("--seeds", type=int, default=Size.seeds)
    parser.add_argument("--only", choices=("testbed", *RECORDED_KS), help="just this part, without writing results")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    size = QUICK if given.quick else replace(Size(), seeds=given.seeds)
    out = runs(given)
    parts: dict[str, Callable[[], None]] = {"testbed": partial(testbed, out, size)}
    parts |= {name: partial(recorded, name, out, given.out, size) for name in RECORDED_KS}
    for name, run in parts.items():
        if given.only in (None, name):
            run()
    if not given.only:
        publish(given, summarise(out, size.seeds), write_page, "objectives", "objectives.md")


def testbed(out: Path, size: Size) -> None:
    """Sample, train, measure on validation and test problems."""
    folder = out / "testbed"
    train = _sampled(folder, "train", size.train, 16)
    sources = {
        "validation": _sampled(folder, "validation", size.validation, 16),
        "test": _sampled(folder, "test", size.test, 64),
    }
    test = sources["test"].trees
    probed = count_success(sources["test"], Probes(states=size.probed), BackendOptions(), folder / "probes.db")
    reference = asyncio.run(probed)
    grader = make_grader("exact")
    most = {"validation": 16, "test": 64}
    sets = {split: collect(of.problems, of.trees, most[split], grader) for split, of in sources.items()}
    ks = {split: tuple(k for k in TESTBED_KS if k <= n) for split, n in most.items()}
    for split, candidates in sets.items():
        keep(folder / f"{split}-plain.npz", partial(_plain_methods, candidates, ks[split]))
    keep(folder / "probes.npz", lambda: _counted(reference))

    def on_validation(verifier: NeuralVerifier) -> Arrays:
        return decisions(sets["validation"], everything(verifier, sets["validation"]), ks["validation"])

    def on_test(verifier: NeuralVerifier) -> Arrays:
        scores = everything(verifier, sets["test"])
        errors = first_errors(sets["test"], scores, per_step=verifier.about.per_step)
        return decisions(sets["test"], scores, TESTBED_KS) | states(scores, test, reference) | errors

    _train(folder, "testbed", VARIANTS, size, train.trees, {"validation": on_validation, "test": on_test})
    _baselines(folder, BASELINES, sets, ks)


def recorded(name: str, out: Path, cache: Path, size: Size) -> None:
    """Train on recorded samples of some problems, decide between those of the others."""
    folder, ks = out / name, RECORDED_KS[name]
    grader = make_grader("math")
    train, test = load_recorded(name, grader)
    candidates = collect(test.problems, test.trees, RECORDED_SETS[name].candidates, grader)
    grader.close()
    keep(folder / "test-plain.npz", partial(_plain_methods, candidates, ks))

    def on_test(verifier: NeuralVerifier) -> Arrays:
        return decisions(candidates, everything(verifier, candidates), ks)

    _train(folder, "recorded", VARIANTS, size, train.trees, {"test": on_test}, cache / "features")
    _baselines(folder, BASELINES, {"test": candidates}, {"test": ks})


def _train(
    folder: Path,
    kind: str,
    variants: Sequence[Variant],
    size: Size,
    trees: Sequence[Tree],
    splits: Mapping[str, Callable[[NeuralVerifier], Arrays]],
    cache: Path | None = None,
) -> None:
    """Train every variant with every seed and measure it on each split; backbones read each text once."""
    features = {
        reading: FeatureCache(load_feature_model(shape), keep=True, folder=cache, layers=shape.read_layers)
        for reading, shape in SHAPES[kind].items()
    }
    for seed in range(size.seeds):  # whole seeds, so that a run cut short has some
        for variant in variants:
            make = partial(
                trained,
                trees=lambda: trees,
                shape=SHAPES[kind][variant.reading],
                training=replace(variant.training(seed), epochs=size.passes),
                features=features[variant.reading],
            )
            _measure(folder, f"{stem(variant.name)}-{seed}", make, splits)


def _measure(
    folder: Path,
    name: str,
    make: Callable[[Path], NeuralVerifier],
    splits: Mapping[str, Callable[[NeuralVerifier], Arrays]],
) -> None:
    """Train one verifier and measure it on each split, unless that is done."""
    parts = {folder / f"{split}-{name}.npz": measure for split, measure in splits.items()}
    if keep_measured(parts, lambda: make(folder / name)):
        print(f"{folder.name}: {name}", file=sys.stderr, flush=True)


def _baselines(
    folder: Path, names: Sequence[str], sets: Mapping[str, Candidates], ks: Mapping[str, tuple[int, ...]]
) -> None:
    for name in names:
        for split, candidates in sets.items():
            path = folder / f"{split}-{name}.npz"
            keep(path, partial(_of_baseline, name, candidates, ks[split]))


def _of_baseline(name: str, candidates: Candidates, ks: tuple[int, ...]) -> Arrays:
    return decisions(candidates, everything(load_verifier(name), candidates), ks)


def _sampled(folder: Path, split: str, limit: int, n: int) -> Samples:
    store = folder / f"{split}.db"
    testbed_trees(store, split, limit, n=n, fork_probability=0.0)
    return read_samples(store)


def _plain_methods(candidates: Candidates, ks: tuple[int, ...]) -> Arrays:
    """Majority and oracle, which no score decides."""
    correct, classes = candidates.correct, candidates.classes
    majority = {f"majority {k}": metrics.vote_at_k(correct, classes, np.ones(correct.shape), k) for k in ks}
    return {**majority, **{f"oracle {k}": metrics.pass_at_k(correct, k) for k in (1, *ks)}}


def _counted(reference: Reference) -> Arrays:
    return {"problem": reference.tree, "rates": reference.rates, "depth": reference.depth, "graded": reference.graded}


if __name__ == "__main__":
    main()
