"""Every objective on the same trees with the same network and the same number of updates: what is each good for?

One command, resumable: python benchmarks/objectives/study.py. It samples the testbed, trains every variant with every
seed, measures on validation and test problems, does the same on recorded samples of real models, and writes
benchmarks/objectives/results.json and the tables of docs/objectives.md. With --quick it is a rehearsal of the whole
with a few problems, two seeds and nothing written outside --out.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from measure import Arrays, decisions, everything, first_errors, states
from page import write_page
from recorded import RECORDED_SETS, load_recorded
from results import BASELINES, summarise, write_results
from variants import RECORDED_SHAPE, TESTBED_SHAPE, VARIANTS, Variant, recorded_training, testbed_training

from arts.cli.probes import Probes, Source, count_success
from arts.cli.sample import Config as SampleConfig
from arts.cli.sample import sample
from arts.evaluation.candidates import Candidates, collect
from arts.evaluation.steps import Reference
from arts.problems.graders import make_grader
from arts.proposers.load import BackendOptions
from arts.selection import expected as metrics
from arts.testbed.measure import SAMPLING
from arts.training.config import TrainConfig
from arts.training.fit import is_finished, train_verifier
from arts.trees.store import TreeStore
from arts.trees.tree import Tree
from arts.verifiers.features import FeatureCache
from arts.verifiers.load import load_verifier
from arts.verifiers.modules import Architecture, load_feature_model
from arts.verifiers.neural import NeuralVerifier

HERE = Path(__file__).parent
TESTBED_KS = (2, 4, 8, 16)
RECORDED_KS = {"svamp-qwen": (2, 4, 8), "gsm8k": (2, 4), "math-l5": (2, 4, 8, 12)}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    train: int = 1600
    validation: int = 300
    test: int = 400
    probed: int = 60
    updates: int = 540
    seeds: int = 5


QUICK = Size(train=60, validation=20, test=30, probed=5, updates=20, seeds=2)


def main() -> None:
    """Run what is missing, then write results and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/objectives"))
    parser.add_argument("--seeds", type=int, default=Size.seeds)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("testbed", *RECORDED_SETS), help="just this part, without writing results")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    size = QUICK if given.quick else replace(Size(), seeds=given.seeds)
    out: Path = given.out / "quick" if given.quick else given.out
    parts: dict[str, Callable[[], None]] = {"testbed": lambda: testbed(out, size)}
    parts |= {name: lambda name=name: recorded(name, out, given.out, size) for name in RECORDED_SETS}
    for name, run in parts.items():
        if given.only in (None, name):
            run()
    if given.only:
        return
    results = summarise(out, size.seeds)
    write_results(results, out / "results.json" if given.quick else HERE / "results.json")
    write_page(results, out / "page.md" if given.quick else HERE.parent.parent / "docs" / "objectives.md")


def testbed(out: Path, size: Size) -> None:
    """Sample, train, measure on validation and test problems."""
    limits = {"train": size.train, "validation": size.validation, "test": size.test}
    sources = {split: _sampled(out / "testbed", split, limit) for split, limit in limits.items()}
    reference = count_success(
        sources["test"], Probes(states=size.probed), BackendOptions(), out / "testbed" / "probes.db"
    )
    grader = make_grader("exact")
    sets = {s: collect(sources[s].problems, sources[s].trees, 16, grader) for s in ("validation", "test")}
    for split, candidates in sets.items():
        _plain_methods(out / "testbed" / f"{split}-plain.npz", candidates, TESTBED_KS)
    _write(out / "testbed" / "probes.npz", lambda: _counted(reference, sources["test"].trees))

    def measure(verifier: NeuralVerifier) -> Iterator[tuple[str, Arrays]]:
        for split, candidates in sets.items():
            scores = everything(verifier, candidates)
            found = decisions(candidates, scores, TESTBED_KS)
            if split == "test":
                found |= states(scores, sources["test"].trees, reference)
                found |= first_errors(candidates, scores, per_step=verifier.about.per_step)
            yield split, found

    features = FeatureCache(load_feature_model(TESTBED_SHAPE), keep=True, folder=out / "features")
    for variant, seed in _runs(size.seeds):
        training = testbed_training(variant, seed, size.updates)
        _run(out / "testbed", variant, training, sources["train"].trees, TESTBED_SHAPE, features, measure)
    for name in BASELINES:
        for split, candidates in sets.items():
            path = out / "testbed" / f"{split}-{name}.npz"
            _write(path, lambda n=name, c=candidates: decisions(c, everything(load_verifier(n), c), TESTBED_KS))


def recorded(name: str, out: Path, cache: Path, size: Size) -> None:
    """Train on recorded samples of some problems, decide between those of the others."""
    grader = make_grader("math")
    train, test = load_recorded(name, grader)
    candidates = collect(test.problems, test.trees, RECORDED_SETS[name].candidates, grader)
    grader.close()
    ks = RECORDED_KS[name]
    _plain_methods(out / name / "test-plain.npz", candidates, ks)

    def measure(verifier: NeuralVerifier) -> Iterator[tuple[str, Arrays]]:
        yield "test", decisions(candidates, everything(verifier, candidates), ks)

    has_logprobs = all(x == x for tree in train.trees for x in tree.logprob)
    features = FeatureCache(load_feature_model(RECORDED_SHAPE), keep=True, folder=cache / "features")
    for variant, seed in _runs(size.seeds):
        if variant.objective != "subtb" or has_logprobs:
            training = recorded_training(variant, seed)
            _run(out / name, variant, training, train.trees, RECORDED_SHAPE, features, measure)
    for baseline in BASELINES if has_logprobs else ("length",):
        path = out / name / f"test-{baseline}.npz"
        _write(path, lambda n=baseline: decisions(candidates, everything(load_verifier(n), candidates), ks))


def _runs(seeds: int) -> Iterator[tuple[Variant, int]]:
    """All variants with one seed before the next seed, so that a run cut short has whole seeds."""
    for seed in range(seeds):
        for variant in VARIANTS:
            yield variant, seed


def _run(
    folder: Path,
    variant: Variant,
    training: TrainConfig,
    trees: list[Tree],
    shape: Architecture,
    features: FeatureCache,
    measure: Callable[[NeuralVerifier], Iterator[tuple[str, Arrays]]],
) -> None:
    """Train one verifier and measure it, unless that is done."""
    name = f"{variant.name.replace(', ', '-').replace(' = ', '')}-{training.seed}"
    done = folder / f"{name}.done"
    if done.exists():
        return
    place = folder / name
    if is_finished(place):
        verifier = NeuralVerifier.load(place)
    else:
        verifier = train_verifier(trees, shape, training, place, features=features)
    for split, found in measure(verifier):
        np.savez_compressed(folder / f"{split}-{name}.npz", **found)
    done.touch()
    print(f"{folder.name}: {variant.name}, seed {training.seed}", file=sys.stderr, flush=True)


def _sampled(folder: Path, split: str, limit: int) -> Source:
    store = folder / f"{split}.db"
    forks = {"n": 8, "fork_probability": 0.5} if split == "train" else {"n": 16, "fork_probability": 0.0}
    sample(SampleConfig(problems=f"congruences:{split}", store=store, limit=limit, sampling=SAMPLING, **forks))
    with TreeStore.open(store) as opened:
        return Source(path=store, problems=opened.problems(), trees=list(opened.trees()), run=opened.run_config())


def _plain_methods(path: Path, candidates: Candidates, ks: tuple[int, ...]) -> None:
    """Majority and oracle, which no score decides."""

    def found() -> Arrays:
        ones = np.ones(candidates.correct.shape)
        correct, classes = candidates.correct, candidates.classes
        majority = {f"majority {k}": metrics.vote_at_k(correct, classes, ones, k) for k in ks}
        return {**majority, **{f"oracle {k}": metrics.pass_at_k(correct, k) for k in (1, *ks)}}

    _write(path, found)


def _counted(reference: Reference, trees: list[Tree]) -> Arrays:
    return {"problem": reference.tree, "rates": reference.rates, "depth": reference.depth, "graded": reference.graded}


def _write(path: Path, found: Callable[[], Arrays]) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **found())


if __name__ == "__main__":
    main()
