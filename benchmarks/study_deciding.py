"""What ways of deciding give on recorded samples of real models: what needs no training, given scores, verifiers.

    arts models fetch smollm2-135m
    python benchmarks/study_deciding.py             # stop and start it as you like
    python benchmarks/study_deciding.py --quick     # a rehearsal with a few problems, written to --out only

It needs only the files of benchmarks/recorded. A verifier is never trained on the file that it is tested on, nor on a
problem that this file has too. Features, verifiers and their scores are kept under --out; results go to
benchmarks/deciding/results.json, tables and figure to docs/recorded.md.
"""

import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _study import Arrays, keep, keep_json, keep_measured, publish, runs, study_parser, trained
from deciding.deciding_page import write_page
from deciding.deciding_results import summarise
from deciding.files import FILES, LEARNED, MIXTURES, SHAPE, Shared, load, mixture, recorded_training, shared_with
from deciding.published import check_published, right_by_the_file
from deciding.scorers import box_verifier, learned_stem, reading_speed, scored, tokens
from objectives.measure import everything
from objectives.recorded_sets import Split
from objectives.variants import Variant

from arts.evaluation.candidates import Candidates, collect, score_nodes, stored_scores
from arts.problems.base import Grader
from arts.problems.graders import make_grader
from arts.training.config import TrainConfig
from arts.verifiers.encoding import encode
from arts.verifiers.features import FeatureCache
from arts.verifiers.load import load_verifier
from arts.verifiers.modules import load_feature_model, load_tokenizer
from arts.verifiers.neural import NeuralVerifier
from arts.verifiers.packing import token_tree

SPEED_TREES = 3
"""Trees of each file on which the speed of reading is measured."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything; ``problems`` of each file, None for all."""

    problems: int | None = None
    updates: int = 400
    seeds: int = 5


QUICK = Size(problems=8, updates=10, seeds=2)


@dataclass(frozen=True, kw_only=True)
class File:
    """A recorded file at hand: what may be learnt from it, and what is decided on."""

    learnt: Split
    tested: Candidates


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """What some verifiers are trained on, ``files`` before those are tested; ``shared`` problems are left out."""

    learnt: Split
    tested: tuple[str, ...]
    shared: Mapping[tuple[str, str], Shared]


def main() -> None:
    """Run what is missing, then write results and page."""
    parser = study_parser(__doc__, "runs/selectors")
    parser.add_argument("--seeds", type=int, default=Size.seeds)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    size = QUICK if given.quick else replace(Size(), seeds=given.seeds)
    publish(given, study(runs(given), given.out / "features", size), write_page, "deciding", "recorded.md")


def study(out: Path, cache: Path, size: Size) -> dict[str, Any]:
    """Everything that the page shows."""
    with closing(make_grader("math")) as grader:
        files = {name: _file(name, grader, size.problems) for name in FILES}
        published = check_published("math500-prm", files["math500-prm"].tested, grader)
    for name, file in files.items():
        _score_plainly(out / "scores" / name, name, file.tested)
    mixtures = {name: _mixture(files, *of) for name, of in MIXTURES.items()}
    features = FeatureCache(load_feature_model(SHAPE), keep=True, folder=cache)
    _read(files, features)
    for seed in range(size.seeds):
        for name, made in mixtures.items():
            for variant in LEARNED:
                training = recorded_training(variant, seed, size.updates)
                _run(out, name, made, files, variant, training, features)
    about = {
        "seeds": size.seeds,
        "updates": size.updates,
        "mixtures": {name: _about(made) for name, made in mixtures.items()},
        "published": published,
        "cost": _cost(out / "cost.json", files, features.model),
    }
    summaries = {n: summarise(out / "scores" / n, n, f.tested, size.seeds) for n, f in files.items()}
    return about | {"files": {n: s | {"right_by_the_file": right_by_the_file(n)} for n, s in summaries.items()}}


def _file(name: str, grader: Grader, limit: int | None) -> File:
    learnt, tested = load(name, grader)
    candidates = collect(tested.problems[:limit], tested.trees[:limit], FILES[name].recorded.candidates, grader)
    return File(learnt=Split(problems=learnt.problems[:limit], trees=learnt.trees[:limit]), tested=candidates)


def _mixture(files: Mapping[str, File], learnt: tuple[str, ...], tested: tuple[str, ...]) -> Mixture:
    shared = {(a, b): shared_with(files[a].learnt.problems, files[b].tested.problems) for a in learnt for b in tested}
    barred = {id for found in shared.values() for id in (*found.exact, *found.near)}
    return Mixture(learnt=mixture([files[a].learnt for a in learnt], barred), tested=tested, shared=shared)


def _about(made: Mixture) -> dict[str, Any]:
    rollouts = sum(len(tree.rollouts) for tree in made.learnt.trees)
    shared = [
        {"learnt": a, "tested": b, "exact": len(s.exact), "near": len(s.near)} for (a, b), s in made.shared.items()
    ]
    return {"problems": len(made.learnt.problems), "rollouts": rollouts, "tested": list(made.tested), "shared": shared}


def _score_plainly(folder: Path, name: str, candidates: Candidates) -> None:
    """Scores that need no training."""
    about = FILES[name]
    verifiers = [box_verifier() if v == "box" else load_verifier(v) for v in about.untrained]
    scorers = [score_nodes(v, candidates.trees, candidates.nodes()) for v in verifiers]
    if about.given:
        scorers.append(stored_scores(candidates.trees, *about.given))
    for scores in scorers:
        keep(folder / f"{scores.name}.npz", partial(scored, candidates, scores))


def _read(files: Mapping[str, File], features: FeatureCache) -> None:
    """Let the backbone read every text once, a tree at a time."""
    tokenizer = load_tokenizer(SHAPE.backbone)
    for name, file in files.items():
        for tree in file.learnt.trees:
            features.features([token_tree(encode(tree, range(len(tree)), tokenizer, SHAPE.max_tokens))])
        print(f"{name}: read", file=sys.stderr, flush=True)


def _run(
    out: Path,
    mixture_name: str,
    made: Mixture,
    files: Mapping[str, File],
    variant: Variant,
    training: TrainConfig,
    features: FeatureCache,
) -> None:
    """Train one verifier and let it score what it is tested on, unless that is done."""
    stem = learned_stem(mixture_name, variant.name, training.seed)

    def measure(name: str, verifier: NeuralVerifier) -> Arrays:
        return scored(files[name].tested, everything(verifier, files[name].tested))

    parts = {out / "scores" / t / f"{stem}.npz": partial(measure, t) for t in made.tested}
    place = out / "verifiers" / stem
    if keep_measured(parts, lambda: trained(place, lambda: made.learnt.trees, SHAPE, training, features)):
        print(f"{stem}: done", file=sys.stderr, flush=True)


def _cost(path: Path, files: Mapping[str, File], model: Any) -> dict[str, Any]:
    """Tokens of every file, and how fast the backbone reads; measured once."""

    def found() -> dict[str, Any]:
        tokenizer = load_tokenizer(SHAPE.backbone)
        some = [tree for file in files.values() for tree in file.tested.trees[:SPEED_TREES]]
        speed = reading_speed(some, model, tokenizer, SHAPE.max_tokens)
        counts = {name: tokens(file.tested, tokenizer, SHAPE.max_tokens) for name, file in files.items()}
        return {"cpu_s_per_1000_tokens": speed, "files": counts}

    return dict(keep_json(path, found))


if __name__ == "__main__":
    main()
