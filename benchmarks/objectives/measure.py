"""What one trained verifier does on a set of problems, per problem, so that intervals can be made afterwards."""

from collections.abc import Sequence
from typing import get_args

import numpy as np
from _study import Arrays
from numpy.typing import NDArray

from arts.evaluation.candidates import Candidates, NodeScores, candidate_scores, score_nodes
from arts.evaluation.steps import Reference
from arts.selection import expected as metrics
from arts.selection.scores import Aggregation, voting_weights
from arts.testbed.congruences import line_is_valid, parse_question
from arts.trees.tree import Tree
from arts.verifiers.base import Verifier

AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)
SPLITS = 20
RARE_SHARE = 2 / 16


def decisions(candidates: Candidates, scores: NodeScores, ks: Sequence[int]) -> Arrays:
    """Accuracy of each problem with k samples: best-of-N under every aggregation, vote by the last score; and more.

    ``auc``: probability that a correct candidate scores above an incorrect one of the same problem, NaN where there is
    no such pair. ``rare_sum`` / ``rare_times``: accuracy summed over the times that half of the samples labels the
    problem rare and the other half is decided between, and how often that is.
    """
    out: Arrays = {}
    last = None
    for s in candidate_scores(candidates, scores, AGGREGATIONS):
        for k in ks:
            out[f"best {s.aggregation} {k}"] = metrics.best_of_k(candidates.correct, s.scores, k)
        last = s if s.aggregation == "last" else last
    assert last is not None
    weights = voting_weights(last.scores, last.unit)
    for k in ks:
        out[f"vote {k}"] = metrics.vote_at_k(candidates.correct, candidates.classes, weights, k)
    out["auc"] = np.array([_auc(c, s) for c, s in zip(candidates.correct, last.scores, strict=True)])
    out["rare_sum"], out["rare_times"] = rare(candidates, last.scores)
    return out


def _auc(correct: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    good, bad = scores[correct], scores[~correct]
    if not len(good) or not len(bad):
        return float("nan")
    return float(((good[:, None] > bad).mean() + (good[:, None] >= bad).mean()) / 2)


def rare(candidates: Candidates, scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Best-of-half on problems that the other half labels rare, over random halvings in both directions."""
    half = candidates.n // 2
    rng = np.random.default_rng(0)
    total, times = np.zeros((2, len(candidates.problems)))
    for _ in range(SPLITS):
        order = rng.permutation(candidates.n)
        for label, rest in ((order[:half], order[half : 2 * half]), (order[half : 2 * half], order[:half])):
            share = candidates.correct[:, label].mean(axis=1)
            chosen = (share > 0) & (share <= max(RARE_SHARE, 1 / half))
            times += chosen
            total += np.where(chosen, metrics.best_of_k(candidates.correct[:, rest], scores[:, rest], half), 0.0)
    return total, times


def states(scores: NodeScores, trees: Sequence[Tree], reference: Reference) -> Arrays:
    """Score and predicted value of the probed inner states, beside their counted success."""
    where = list(zip((trees[t] for t in reference.tree), reference.node, strict=True))
    column, values = (np.array([of[tree][n] for tree, n in where]) for of in (scores.columns, scores.success))
    return {"state scores": column, "state values": values, "state depths": reference.depth}


def first_errors(candidates: Candidates, scores: NodeScores, *, per_step: bool) -> Arrays:
    """Share of a problem's candidates whose first wrong line is where the score drops the most, by problem.

    Exact on the testbed, where every line can be checked. Only candidates that go wrong after their first line count,
    and only drops after it: what a verifier says of the question alone is trained by some objectives and not by
    others. Drops are of the logarithm: of the odds where scores are probabilities, but for a verifier of steps, whose
    drop is then the step's own probability. NaN for problems without such a candidate.
    """
    found = []
    for problem, tree, leaves in zip(candidates.problems, candidates.trees, candidates.leaves, strict=True):
        congruence = parse_question(problem.question)
        assert congruence is not None
        column = scores.columns[tree]
        if scores.unit == "probability":
            column = np.clip(column, 1e-9, 1 - 1e-9)
            column = np.log(column) - (0 if per_step else np.log1p(-column))
        hits = []
        for leaf in leaves:
            path = tree.path(int(leaf))
            wrong = [i for i, n in enumerate(path) if not line_is_valid(congruence, tree.text[n])]
            if wrong and wrong[0] > 0:
                hits.append(int(np.argmin(np.diff(column[path]))) + 1 == wrong[0])
        found.append(np.mean(hits) if hits else np.nan)
    return {"first error": np.array(found)}


def everything(verifier: Verifier, candidates: Candidates) -> NodeScores:
    """Scores of every node of the candidates' trees, the root included."""
    return score_nodes(verifier, candidates.trees, [range(len(t)) for t in candidates.trees])
