"""What reading whole steps is worth on text of real models, on the states of two small language models.

    arts models fetch smollm2-135m && arts models fetch qwen2.5-coder-0.5b
    python benchmarks/study_text.py                    # the sets in benchmarks/recorded; resumable
    python benchmarks/study_text.py --samples FILE     # also all of GSM8K's test problems

FILE has the example solutions of openai/grade-school-math in the form of
``benchmarks/recorded/gsm8k_openai.jsonl.gz``. Results go to
``benchmarks/real_text/results.json``, tables to ``docs/real-text.md``.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _study import Arrays, keep, publish, runs, study_parser, trained
from objectives.measure import decisions, everything
from real_text.text_page import write_page
from real_text.text_results import summarise
from real_text.text_sets import BACKBONES, CANDIDATES, SETS, Fold, Reader, folds, readers

from arts.evaluation.candidates import Candidates, collect
from arts.problems.base import Grader
from arts.problems.graders import opened_grader
from arts.selection import expected
from arts.verifiers.features import FeatureCache
from arts.verifiers.load import load_verifier
from arts.verifiers.modules import Architecture, load_feature_model

SEEDS = 3


def main() -> None:
    """Train and measure what is missing, then write results and page."""
    parser = study_parser(__doc__, "runs/text")
    parser.add_argument("--samples", type=Path, help="recorded solutions of all GSM8K test problems")
    parser.add_argument("--only", choices=SETS, help="just this set, without writing results")
    parser.add_argument("--backbones", nargs="+", choices=BACKBONES, default=BACKBONES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    if given.only == "gsm8k-all" and not given.samples:
        parser.error("gsm8k-all needs --samples FILE")
    torch.set_num_threads(given.threads)
    out, seeds = runs(given), 1 if given.quick else given.seeds
    names = [name for name in SETS if given.only in (None, name) and (given.samples or name != "gsm8k-all")]
    with opened_grader("math") as grader:
        for name in names:
            found = folds(name, given.samples, grader)
            parts = [_candidates(fold, name, grader, given.quick) for fold in found]
            keep(out / name / "plain.npz", partial(_plain, parts, name))
            for backbone in given.backbones:
                _measure(out / name / backbone, found, parts, backbone, seeds, quick=given.quick)
    if not given.only:
        publish(given, summarise(out, seeds), write_page, "real_text", "real-text.md")


def _candidates(fold: Fold, name: str, grader: Grader, quick: bool) -> Candidates:
    few = 8 if quick else None
    return collect(fold.tested.problems[:few], fold.tested.trees[:few], CANDIDATES[name], grader)


def _measure(
    out: Path, found: Sequence[Fold], parts: Sequence[Candidates], backbone: str, seeds: int, *, quick: bool
) -> None:
    """Train every reader on every fold with every seed, and keep its decisions by problem."""
    features: FeatureCache | None = None
    for reader in readers(backbone):
        for seed in range(seeds):
            path = out / f"{reader.stem}-{seed}.npz"
            if path.exists():
                continue
            features = features or _cache(reader.shape, out.parent.parent / "features")
            keep(path, partial(_decided, path.with_suffix(""), found, parts, reader, seed, features, quick))
            print(f"{out.parent.name}, {backbone}: {reader.name}, seed {seed}", file=sys.stderr, flush=True)


def _cache(shape: Architecture, folder: Path) -> FeatureCache:
    """Every text is read once by the backbone, whatever learns from it."""
    return FeatureCache(load_feature_model(shape), keep=True, folder=folder, layers=shape.read_layers)


def _decided(
    place: Path,
    found: Sequence[Fold],
    parts: Sequence[Candidates],
    reader: Reader,
    seed: int,
    features: FeatureCache,
    quick: bool,
) -> Arrays:
    few, passes = (12, 1.0) if quick else (None, None)
    training = replace(reader.training, seed=seed, epochs=passes)
    each = []
    for number, (fold, candidates) in enumerate(zip(found, parts, strict=True)):
        trees = fold.taught.trees[:few]
        verifier = trained(place / f"fold-{number}", lambda trees=trees: trees, reader.shape, training, features)
        each.append(decisions(candidates, everything(verifier, candidates), (candidates.n,)))
    return _joined(each)


def _plain(parts: Sequence[Candidates], name: str) -> Arrays:
    """What no training decides; the likelihood where the samples came with log-probabilities."""
    each = []
    for candidates in parts:
        correct, n = candidates.correct, candidates.n
        kept = {
            f"majority {n}": expected.vote_at_k(correct, candidates.classes, np.ones(correct.shape), n),
            "oracle 1": expected.pass_at_k(correct, 1),
            f"oracle {n}": expected.pass_at_k(correct, n),
        }
        if name == "svamp-qwen":
            likelihood = decisions(candidates, everything(load_verifier("likelihood"), candidates), (n,))
            kept[f"likelihood {n}"] = likelihood[f"best last {n}"]
        each.append(kept)
    return _joined(each)


def _joined(each: Sequence[Arrays]) -> Arrays:
    return {key: np.concatenate([arrays[key] for arrays in each]) for key in each[0]}


if __name__ == "__main__":
    main()
