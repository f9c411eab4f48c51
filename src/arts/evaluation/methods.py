"""The ways of deciding that are compared, each as its expected accuracy on every problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arts.evaluation.candidates import Candidates, Selector
from arts.selection import expected as metrics
from arts.selection.scores import voting_weights

Floats = NDArray[np.float64]
Rule = Literal["one sample", "majority", "best-of-N", "vote", "oracle"]

RANDOM, MAJORITY, ORACLE = "random", "majority", "oracle (pass@N)"
"""Names of the methods that need no scores: one sample, the most frequent answer, any sample being right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way of deciding.

    ``per_problem[k]`` is its expected accuracy with k of the samples, in [0, 1], NaN for more than there are: shape
    (P,), or (S, P) where S verifiers that were trained with different seeds decide, each for itself.
    """

    name: str
    rule: Rule
    per_problem: Mapping[int, Floats]

    @property
    def seeds(self) -> int:
        """Trained seeds that are behind it."""
        first = next(iter(self.per_problem.values()))
        return len(first) if first.ndim > 1 else 1

    def mean(self, k: int) -> Floats:
        """Accuracy on each problem with k samples, averaged over the seeds, (P,)."""
        return np.asarray(np.atleast_2d(self.per_problem[k]).mean(axis=0))


def methods(candidates: Candidates, selectors: Sequence[Selector], ks: Sequence[int], seed: int) -> list[Method]:
    """Random choice, majority, every selector as best-of-N and as vote, and the oracle, in this order.

    The vote of a verifier uses the first of its aggregations. Random choice is pass@1 at every k.
    """
    correct, classes = candidates.correct, candidates.classes
    ones = np.ones(correct.shape)
    single = metrics.pass_at_k(correct, 1)
    alone = {k: single if k <= candidates.n else single * np.nan for k in ks}
    votes = {k: metrics.vote_at_k(correct, classes, ones, k, seed) for k in ks}
    found = [
        Method(name=RANDOM, rule="one sample", per_problem=alone),
        Method(name=MAJORITY, rule="majority", per_problem=votes),
    ]
    for members in families(selectors):
        best = {k: _over_seeds([metrics.best_of_k(correct, s.scores, k) for s in members]) for k in ks}
        found.append(Method(name=_name(members[0], "best-of-N"), rule="best-of-N", per_problem=best))
    for members in _leading(families(selectors)):
        if members[0].unit != "rank":
            weights = [voting_weights(s.scores, s.unit) for s in members]
            votes = {k: _over_seeds([metrics.vote_at_k(correct, classes, w, k, seed) for w in weights]) for k in ks}
            found.append(Method(name=_name(members[0], "vote"), rule="vote", per_problem=votes))
    reach = {k: metrics.pass_at_k(correct, k) for k in ks}
    return [*found, Method(name=ORACLE, rule="oracle", per_problem=reach)]


def families(selectors: Sequence[Selector]) -> list[list[Selector]]:
    """Selectors that differ in nothing but the seed of their verifier, together."""
    found: dict[tuple[str, str], list[Selector]] = {}
    for s in selectors:
        found.setdefault((s.verifier, s.aggregation), []).append(s)
    return list(found.values())


def _leading(of: Sequence[list[Selector]]) -> list[list[Selector]]:
    """The first aggregation of each verifier."""
    first: dict[str, list[Selector]] = {}
    for members in of:
        first.setdefault(members[0].verifier, members)
    return list(first.values())


def _over_seeds(each: Sequence[Floats]) -> Floats:
    return each[0] if len(each) == 1 else np.stack(each)


def _name(s: Selector, rule: str) -> str:
    return f"{s.verifier} {rule}" if s.aggregation == "last" else f"{s.verifier} {rule}, {s.aggregation}"
