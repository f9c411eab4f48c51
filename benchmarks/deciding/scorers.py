"""What one scorer says of the candidates of a file, how right that is, and what reading them costs."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _study import Arrays, arrays
from numpy.typing import NDArray

from arts.evaluation.candidates import Candidates, CandidateScores, NodeScores, candidate_scores
from arts.problems.extraction.answer import extract_answer
from arts.selection.scores import Aggregation
from arts.trees.tree import Tree
from arts.verifiers.base import Verifier
from arts.verifiers.encoding import encode
from arts.verifiers.features import FeatureCache
from arts.verifiers.packing import token_tree
from arts.verifiers.simple import SimpleVerifier

Bools = NDArray[np.bool_]

AGGREGATIONS: tuple[Aggregation, ...] = ("last", "min")
ANY_LENGTH = 1_000_000


def learned_stem(mixture: str, variant: str, seed: int) -> str:
    """Name of what is kept of one trained verifier."""
    return f"{mixture} - {variant} - {seed}".replace(" ", "_").replace(",", "")


def scored(candidates: Candidates, scores: NodeScores) -> Arrays:
    """The candidates' scores (P, N) under each aggregation, and their unit."""
    chosen = {s.aggregation: s.scores for s in candidate_scores(candidates, scores, AGGREGATIONS)}
    return {"unit": np.array(scores.unit), **chosen}


def selector(path: Path, name: str, aggregation: Aggregation) -> CandidateScores:
    """A kept scorer as the evaluation knows it."""
    kept = arrays(path)
    return CandidateScores(
        verifier=name,
        aggregation=aggregation,
        unit=str(kept["unit"]),  # type: ignore[arg-type]
        scores=kept[aggregation],
    )


def auc(correct: Bools, scores: NDArray[np.float64], among: Bools) -> NDArray[np.float64]:
    """By problem (P,) the probability that a correct candidate scores above an incorrect one; equal scores count half.

    Only of the candidates ``among``; NaN for a problem without one of each. All are (P, N).
    """
    pairs = (correct & among)[:, :, None] & (~correct & among)[:, None, :]
    above = (scores[:, :, None] > scores[:, None, :]) + 0.5 * (scores[:, :, None] == scores[:, None, :])
    count = pairs.sum(axis=(1, 2))
    return np.divide((pairs * above).sum(axis=(1, 2)), count, out=np.full(len(count), np.nan), where=count > 0)


def boxed(candidates: Candidates) -> Bools:
    """Which candidates state their answer in a box, (P, N)."""
    return np.array(
        [
            [_has_box(tree, int(leaf)) for leaf in leaves]
            for tree, leaves in zip(candidates.trees, candidates.leaves, strict=True)
        ]
    )


def box_verifier() -> Verifier:
    """Prefers a solution with a box to one without: what a verifier may know without having read the solution."""
    return SimpleVerifier("box", "rank", lambda tree: np.array([float(_has_box(tree, n)) for n in range(len(tree))]))


def _has_box(tree: Tree, node: int) -> bool:
    found = extract_answer(tree.solution(node))
    return found is not None and found.how == "boxed"


def tokens(candidates: Candidates, tokenizer: Any, most: int) -> dict[str, float]:
    """Means in the verifier's tokens: ``solution`` of one solution, ``read`` of what is read of a problem's N.

    A prefix that solutions share is read once; longer ones than ``most`` tokens are read in windows.
    """
    whole, read = [], []
    for tree, leaves in zip(candidates.trees, candidates.leaves.tolist(), strict=True):
        question = len(tokenizer(f"{tree.question}\n")["input_ids"])
        coded = encode(tree, leaves, tokenizer, ANY_LENGTH)
        whole += [len(coded.ids[row]) - question for row in coded.rows]
        read.append(len(token_tree(encode(tree, leaves, tokenizer, most))))
    return {"solution": float(np.mean(whole)), "read": float(np.mean(read))}


def reading_speed(trees: Sequence[Tree], model: Any, tokenizer: Any, most: int) -> float:
    """CPU seconds in which the backbone reads a thousand tokens of some trees."""
    features = FeatureCache(model, keep=False)
    read = [token_tree(encode(tree, range(len(tree)), tokenizer, most)) for tree in trees]
    start = time.process_time()
    for tree in read:
        features.features([tree])
    return 1000 * (time.process_time() - start) / sum(map(len, read))
