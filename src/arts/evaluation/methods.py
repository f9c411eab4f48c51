"""The ways of deciding that are compared, each as its expected accuracy on every problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arts.arrays import Floats
from arts.evaluation.candidates import Candidates, CandidateScores
from arts.selection import expected as metrics
from arts.selection.scores import Aggregation, voting_weights

RANDOM, MAJORITY, ORACLE = "random", "majority", "oracle (pass@N)"
"""Names of the methods that need no scores: one sample, the most frequent answer, any sample being right."""
NAMES = {"best_of_n": "best-of-N", "flow_vote": "vote"}
"""What a method that decides by scores is called after its scorer, by selector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way of deciding: a selector and, where it needs scores, the scorer and how scores of steps become one.

    ``per_problem[k]`` is its expected accuracy with k of the samples, in [0, 1], NaN for more than there are: shape
    (P,), or (S, P) where S verifiers that were trained with different seeds decide, each for itself.
    """

    name: str
    selector: str
    scorer: str | None = None
    aggregation: Aggregation | None = None
    per_problem: Mapping[int, Floats]

    @property
    def seeds(self) -> int:
        """Trained seeds that are behind it."""
        first = next(iter(self.per_problem.values()))
        return len(first) if first.ndim > 1 else 1

    def mean(self, k: int) -> Floats:
        """Accuracy on each problem with k samples, averaged over the seeds, (P,)."""
        return np.asarray(np.atleast_2d(self.per_problem[k]).mean(axis=0))


def methods(candidates: Candidates, scored: Sequence[CandidateScores], ks: Sequence[int], seed: int) -> list[Method]:
    """Random choice, majority, every scorer as best-of-N and as vote, and the oracle, in this order.

    The vote of a verifier uses the first of its aggregations. Random choice is pass@1 at every k.
    """
    correct, classes = candidates.correct, candidates.classes
    ones = np.ones(correct.shape)
    single = metrics.pass_at_k(correct, 1)
    alone = {k: single if k <= candidates.n else single * np.nan for k in ks}
    votes = {k: metrics.vote_at_k(correct, classes, ones, k, seed) for k in ks}
    found = [
        Method(name=RANDOM, selector="random", per_problem=alone),
        Method(name=MAJORITY, selector="majority", per_problem=votes),
    ]
    for members in families(scored):
        best = {k: _over_seeds([metrics.best_of_k(correct, s.scores, k) for s in members]) for k in ks}
        found.append(_by_scores(members[0], "best_of_n", best))
    for members in _leading(families(scored)):
        if members[0].unit != "rank":
            weights = [voting_weights(s.scores, s.unit) for s in members]
            votes = {k: _over_seeds([metrics.vote_at_k(correct, classes, w, k, seed) for w in weights]) for k in ks}
            found.append(_by_scores(members[0], "flow_vote", votes))
    reach = {k: metrics.pass_at_k(correct, k) for k in ks}
    return [*found, Method(name=ORACLE, selector="oracle", per_problem=reach)]


def families(scored: Sequence[CandidateScores]) -> list[list[CandidateScores]]:
    """Scores that differ in nothing but the seed of their verifier, together."""
    found: dict[tuple[str, str], list[CandidateScores]] = {}
    for s in scored:
        found.setdefault((s.verifier, s.aggregation), []).append(s)
    return list(found.values())


def _leading(of: Sequence[list[CandidateScores]]) -> list[list[CandidateScores]]:
    """The first aggregation of each verifier."""
    first: dict[str, list[CandidateScores]] = {}
    for members in of:
        first.setdefault(members[0].verifier, members)
    return list(first.values())


def _over_seeds(each: Sequence[Floats]) -> Floats:
    return each[0] if len(each) == 1 else np.stack(each)


def _by_scores(s: CandidateScores, selector: str, per_problem: Mapping[int, Floats]) -> Method:
    how = "" if s.aggregation == "last" else f", {s.aggregation}"
    return Method(
        name=f"{s.verifier} {NAMES[selector]}{how}",
        selector=selector,
        scorer=s.verifier,
        aggregation=s.aggregation,
        per_problem=per_problem,
    )
