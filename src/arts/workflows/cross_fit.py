"""What a verifier is worth on problems it has not seen, before there are any others: cross-fitting."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from arts.errors import UsageError
from arts.estimate import Estimate
from arts.evaluation.candidates import collect, score_nodes
from arts.evaluation.intervals import mean, paired_difference
from arts.problems.graders import GraderLike, opened_grader
from arts.selection import expected
from arts.training.config import TrainConfig
from arts.training.fit import check_same, fit_verifier, is_finished
from arts.trees.store import StoredTrees
from arts.verifiers.features import FeatureCache
from arts.verifiers.modules import Architecture
from arts.verifiers.neural import NeuralVerifier
from arts.workflows.train import backbone_of

Verdict = Literal["better than majority", "worse than majority", "too few problems to tell"]
MOST = 16
"""Candidates that are decided between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted:
    """Accuracies of deciding between ``n`` candidates of problems that the verifier of their fold has not seen.

    ``best_of_n`` is that of the verifiers, ``difference`` the same minus ``majority``, paired by problem. The interval
    is over problems; a part of the problems teaches less than all, so the verifier itself is rather better.
    """

    n: int
    random: Estimate
    majority: Estimate
    best_of_n: Estimate
    oracle: Estimate
    difference: Estimate

    @property
    def verdict(self) -> Verdict:
        """Whether the verifier decides better than the most frequent answer."""
        if self.difference.low > 0:
            return "better than majority"
        return "worse than majority" if self.difference.high < 0 else "too few problems to tell"


def cross_fit(
    trees: StoredTrees,
    folder: Path,
    *,
    architecture: Architecture | None = None,
    config: TrainConfig | None = None,
    grader: GraderLike | None = None,
    folds: int = 2,
    features: FeatureCache | None = None,
    feature_folder: Path | None = None,
    on_progress: Callable[[str], None] = lambda line: None,
) -> CrossFitted:
    """Train one verifier per fold on the problems outside of it, and decide between the candidates inside.

    The verifiers go to ``folder``, where a killed run is taken up again. ``grader`` says which answers are equal;
    default: the one that the trees were graded by.

    Raises:
        UsageError: fewer than two folds, too few problems for them, or ``folder`` holds folds of another run.
    """
    if folds < 2:
        raise UsageError(f"folds is {folds}; cross-fitting needs at least 2")
    problems, kept = trees.store.problems(), list(trees)
    n = min(MOST, int(np.median([len(t.backbones) for t in kept])) if kept else 0)
    if n < 2 or len(kept) < 2 * folds:
        raise UsageError(f"{trees.store.path}: too few problems or solutions to cross-fit; use --cross-fit 0")
    sample = trees.store.run_config().sample or {}
    with opened_grader(grader or str(sample.get("grader") or "exact")) as judge:
        candidates = collect(problems, kept, n, judge)
    shape, scores = backbone_of(trees, architecture), np.full(candidates.correct.shape, np.nan)
    for fold in range(folds):
        inside = np.arange(len(candidates.trees)) % folds == fold
        known = {id(t) for t, held in zip(candidates.trees, inside, strict=True) if held}
        place = folder / f"fold-{fold + 1}"
        taught = [t for t in kept if id(t) not in known]
        if is_finished(place):
            check_same(place, taught, shape, config or TrainConfig())
            verifier = NeuralVerifier.load(place)
        else:
            on_progress(f"cross-fitting {fold + 1}/{folds} on {len(taught)} problems")
            verifier = fit_verifier(
                taught,
                shape,
                config or TrainConfig(),
                place,
                splitter=trees.splitter,
                features=features,
                feature_folder=feature_folder,
            )
        own = [t for t, held in zip(candidates.trees, inside, strict=True) if held]
        nodes = [n for n, held in zip(candidates.nodes(), inside, strict=True) if held]
        columns = score_nodes(verifier, own, nodes).columns
        leaves = candidates.leaves[inside]
        scores[inside] = [columns[t][at] for t, at in zip(own, leaves, strict=True)]
    chance = candidates.correct.mean(axis=1)
    majority = expected.vote_at_k(candidates.correct, candidates.classes, np.ones(scores.shape), n)
    best = expected.best_of_k(candidates.correct, scores, n)
    return CrossFitted(
        n=n,
        random=mean(chance),
        majority=mean(majority),
        best_of_n=mean(best),
        oracle=mean(expected.pass_at_k(candidates.correct, n)),
        difference=paired_difference(best, majority),
    )
